package relaytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/leak"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

// leftOpen are leaks that are known and why: the test prints them and goes on. It says which lines are not needed any more:
// take them out, so that the list only ever gets shorter. Keys are "surface: class"; "*" is every surface.
var leftOpen = map[string]string{}

// A surface is bytes that somebody outside the vault can read. typed says that what its owner typed may be in it.
type surface struct {
	name  string
	bytes []byte
	tree  string // a folder instead
	typed bool
	quiet bool // may be empty: nothing went wrong
}

// report scans the surfaces and says what lies where, as surface and class, never the value.
func (f *flock) report(t *testing.T, s *leak.Scanner, surfaces []surface) {
	t.Helper()
	used := map[string]bool{}
	total, size := 0, int64(0)
	start := time.Now()
	for _, x := range surfaces {
		hits, n := s.Bytes(x.name, x.bytes), int64(len(x.bytes))
		if x.tree != "" {
			c, err := s.Tree(x.tree)
			if err != nil {
				t.Fatal(err)
			}
			hits, n = c.Hits, c.Bytes
			if c.Files == 0 {
				t.Errorf("%s: no file", x.name)
			}
		}
		if n == 0 && !x.quiet {
			t.Errorf("%s: nothing was captured", x.name)
		}
		size += n
		classes := map[string][]string{}
		for _, h := range hits {
			if !x.typed || !f.typed[h.Class] {
				classes[h.Class] = append(classes[h.Class], h.Encoding)
			}
		}
		for _, class := range slices.Sorted(maps.Keys(classes)) {
			key := x.name + ": " + class
			if _, ok := leftOpen[key]; !ok {
				key = "*: " + class
			}
			if why, ok := leftOpen[key]; ok {
				used[key] = true
				t.Logf("KNOWN  %s holds the canary %q as %s: %s", x.name, class, classes[class][0], why)
				continue
			}
			total++
			t.Errorf("LEAK  %s holds the canary %q as %s", x.name, class, strings.Join(classes[class][:min(3, len(classes[class]))], ", "))
		}
		t.Logf("%-36s %9d bytes, %d classes", x.name, n, len(classes))
	}
	for key := range leftOpen {
		if !used[key] {
			t.Logf("MENDED  %q: take it off the list", key)
		}
	}
	t.Logf("%d surfaces, %d bytes, %d canaries in %d forms (%d too short), %d leaks, scanned in %s",
		len(surfaces), size, len(f.all), s.Forms(), s.Short(), total, time.Since(start).Round(time.Millisecond))
}

// A tap is all that a laptop says, hears and logs.
type tap struct {
	sent, got, log record
}

func (p *tap) options() DeviceOptions {
	return DeviceOptions{Log: slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Frames: func(way engine.Direction, frame []byte) {
			out := &p.got
			if way == engine.Sent {
				out = &p.sent
			}
			out.Write(frame)
			if body, err := wire.Decode(frame); err == nil { // a batch is compressed: what it says follows once more
				if batch, ok := body.(inbox.Batch); ok {
					for _, e := range batch.Events {
						if row, err := wire.EncodeEvent(e); err == nil {
							out.Write(row)
						}
					}
				}
			}
		}}
}

// view is everything the laptop's window can be asked to show. Drafts are left out: they are what somebody typed.
func (d *Device) view() []byte {
	d.t.Helper()
	var b bytes.Buffer
	out := cbor.NewEncoder(&b)
	put := func(v any) {
		if err := out.Encode(v); err != nil {
			d.t.Fatal(err)
		}
	}
	for _, row := range d.Rows() {
		plain := *row
		plain.Draft = ""
		put(plain)
		for _, m := range d.Messages(row.ID) {
			put(m)
			b.WriteString(m.Body.Visible() + "\n" + m.Header.Visible() + "\n" + m.Footer.Visible() + "\n")
		}
	}
	put(d.Store.People())
	put(d.Store.Inboxes())
	put(d.Store.Incidents())
	put(d.Store.Requests())
	put(d.Store.Cards())
	for _, in := range d.Store.Inboxes() {
		put(d.Store.Templates(in.ID))
	}
	return b.Bytes()
}

// webhook is one signed by Meta whose one change has this value.
func webhook(t *testing.T, field string, value map[string]any) []byte {
	t.Helper()
	if value["metadata"] == nil {
		value["messaging_product"] = "whatsapp"
		value["metadata"] = map[string]any{"display_phone_number": Number[1:], "phone_number_id": PhoneNumberID}
	}
	body, err := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{
		map[string]any{"id": AccountID, "changes": []any{map[string]any{"field": field, "value": value}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// send posts what only Meta itself could write.
func (c *Company) send(t *testing.T, field string, value map[string]any) {
	t.Helper()
	body := webhook(t, field, value)
	if got := post(t, c, body, signature(AppSecret, body)); got != http.StatusOK {
		t.Errorf("a webhook of %s got %d", field, got)
	}
}

type fields = map[string]any

// TestNoCanaryLeavesTheVault is T8: every kind of identifier a customer, a device or Meta can make up, through every
// surface of the product that can be reached without a window, in every encoding of package leak.
func TestNoCanaryLeavesTheVault(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	begun := time.Now()
	f := newFlock(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	cli := buildRelay(t)

	// Who writes.
	people := []wasim.Persona{}
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		people = append(people, f.persona("of-"+region, region))
	}
	hidden := wasim.Persona{Key: "hidden", Name: "Noa", Country: "FR", Language: "fr", UserID: "FR." + f.put("user id", f.word(idLetters, 24)), Username: f.put("username", strings.ToLower(f.name())+".shop")}
	f.put("user id", hidden.UserID)
	numbered := f.persona("numbered", "GB")
	numbered.Name = f.put("profile name that is a number", "+44 "+numbered.Number[2:6]+" "+numbered.Number[6:])
	addressed := f.persona("addressed", "DE")
	addressed.Name = f.put("profile name that is an address", f.mail())
	people = append(people, hidden, numbered, addressed)

	var told record
	c := Start(t, Options{
		Log: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Sim: func(w *wasim.Config) {
			w.Log, w.Personas = nil, people
			w.Numbers[0].Coexistence = true
			w.Faults = wasim.Faults{Duplicate: 0.1}
		},
	})
	// A company that trusts its people: what they type leaves, so that its way back can be looked at.
	c.configure(func(cfg *relay.Config) {
		cfg.Guard.Actions = map[string]string{"other-contact": "pass", "diversion": "pass"}
	})
	var agentTap, bossTap tap
	agent := c.Device(c.Person("Tobias Brandt", inbox.Agent), agentTap.options())
	boss := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), bossTap.options())

	do := func(who string, l wasim.Line) string { t.Helper(); return ok(t)(c.Sim.Do(who, l)) }
	raw := func(who, kind string, body any) { t.Helper(); ok(t)(c.Sim.SendRaw(who, kind, body)) }
	first := map[string]string{}
	for _, p := range people {
		first[p.Key] = do(p.Key, wasim.Line{Text: "hello from " + p.Key})
	}
	by := map[string]inbox.ConversationID{}
	agent.Await("everybody to be there", func() bool {
		for _, row := range agent.Rows() {
			by[strings.TrimPrefix(row.Snippet.Visible(), "hello from ")] = row.ID
		}
		return len(by) >= len(people)
	})

	// What customers write, in free text.
	number, other := f.put("number in a text", f.number("DE")), f.put("number with spaces in a text", f.number("IT"))
	de, it, en := f.put("number read out in German", f.number("DE")), f.put("number read out in Italian", f.number("IT")), f.put("number read out in English", f.number("DE"))
	arabic, wide := f.put("number in Arabic digits", f.number("SA")), f.put("number in full-width digits", f.number("JP"))
	do("of-DE", wasim.Line{Text: "Call +" + number + " or +" + spaced(other, " ") + ", thanks"})
	do("of-DE", wasim.Line{Text: "also " + spaced(f.put("number with dots in a text", f.number("ES")), ".") + " and (0049) " + spaced(f.put("number with hyphens in a text", f.number("DE"))[2:], "-")})
	do("of-DE", wasim.Line{Text: "meine Nummer ist " + readOut("0"+de[2:], "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")})
	do("of-IT", wasim.Line{Text: "il mio numero è " + readOut(it[2:], "zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove")})
	do("of-GB", wasim.Line{Text: "my number is " + readOut("0"+en[2:], "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")})
	do("of-SA", wasim.Line{Text: "رقمي ٠" + spelled(arabic[3:], "٠")})
	do("of-JP", wasim.Line{Text: "電話 ＋" + spelled(wide, "０")})
	address, said := f.put("e-mail in a text", f.mail()), f.put("spelled e-mail in a text", f.mail())
	user, domain, _ := strings.Cut(said, "@")
	do("of-US", wasim.Line{Text: "write to " + address + " or " + strings.ReplaceAll(user, ".", " dot ") + " at " + strings.ReplaceAll(domain, ".", " dot ")})
	f.put("user of a spelled e-mail", strings.ReplaceAll(user, ".", " dot "))
	do("of-FR", wasim.Line{Text: "https://wa.me/" + f.put("wa.me link", f.number("FR")) + " tel:+" + f.put("tel: link", f.number("FR")) + " mailto:" + f.put("mailto: link", f.mail())})
	do("of-FR", wasim.Line{Text: "https://t.me/" + f.put("t.me link", strings.ToLower(f.name())+"77") + " https://instagram.com/" + f.put("instagram link", strings.ToLower(f.name())+"_x") + " my telegram is @" + f.put("handle in a text", strings.ToLower(f.name())+"99")})
	do("of-ES", wasim.Line{Text: "card " + f.put("payment card", luhn("411111"+f.word(tenDigits, 9))) + " iban " + f.put("bank account", iban("37040044"+f.word(tenDigits, 10)))})
	do("of-ES", wasim.Line{Text: reverse(f.put("number said backwards", f.number("ES")))})
	split := f.put("number in pieces", f.number("DE"))
	for _, piece := range []string{"0" + split[2:6], split[6:9], split[9:]} {
		do("of-IN", wasim.Line{Text: piece})
	}
	do("of-BR", wasim.Line{Text: "own again: 0" + f.numberOf(people, "of-BR")[2:], Quote: true, To: first["of-BR"]})
	do("of-BR", wasim.Line{Text: "forwarded " + f.put("number in a forward", f.number("BR")), Forwarded: wasim.Often})

	// What a customer has said, an agent says back to him.
	known := map[string]string{}
	repeated := map[string]string{
		"number an agent repeats": "of-DE", "number in a note": "of-DE", "number on a message with buttons": "of-IT", "number on a button of ours": "of-IT", "number at a place of ours": "of-US",
		"number in a template": "of-FR", "number in the name of our file": "of-ES", "number in a caption of ours": "of-ES", "number in a proof of consent": "of-ES", "number in a draft": "of-BR", "number in a checked draft": "of-DE",
	}
	for _, class := range slices.Sorted(maps.Keys(repeated)) {
		who := repeated[class]
		known[class] = "+" + f.typedBy(class, f.number(strings.TrimPrefix(who, "of-")))
		do(who, wasim.Line{Text: "or call " + known[class]})
	}
	known["e-mail in a note"] = f.typedBy("e-mail in a note", f.mail())
	do("of-DE", wasim.Line{Text: "or write to " + known["e-mail in a note"]})

	// In what WhatsApp gives structure.
	card := wasim.Card{Name: "Lee " + f.put("card name", f.name()), Phones: []string{"+" + f.put("card number", f.number("DE"))}, Emails: []string{f.put("card e-mail", f.mail())},
		Company: f.put("card company", f.name()+" Ltd"), Address: f.put("card address", f.name()+" Street 12"), URL: "https://" + f.put("card url", strings.ToLower(f.name())+".example"), Birthday: "1984-03-03"}
	card.VCard = "BEGIN:VCARD\nVERSION:3.0\nFN:" + card.Name + "\nTEL:+" + f.put("vcard number", f.number("DE")) + "\nEMAIL:" + f.put("vcard e-mail", f.mail()) + "\nADR:;;" + card.Address + "\nEND:VCARD"
	do("of-DE", wasim.Line{Cards: []wasim.Card{card}})
	lat := 52 + float64(f.rng.IntN(900000)+100001)/1e6
	f.put("latitude", fmt.Sprintf("%.6f", lat))
	f.put("latitude as a float", string(binary.BigEndian.AppendUint64(nil, math.Float64bits(lat))))
	do("of-IT", wasim.Line{Place: &wasim.Place{Latitude: lat, Longitude: 13.4 + lat/1e6, Name: f.put("place name", f.name()+" House"), Address: f.put("place address", f.name()+" Lane 3"), URL: "https://" + f.put("place url", strings.ToLower(f.name())+".example")}})
	do("of-US", wasim.Line{Order: &wasim.Order{Catalog: f.put("catalog id", f.word(tenDigits, 15)), Text: "deliver to +" + f.put("number in an order", f.number("US")), Items: []wasim.OrderItem{{Product: "sofa-2", Quantity: 2, Price: 30, Currency: "EUR"}}}})
	do("of-US", wasim.Line{Flow: `{"flow_token":"` + f.put("flow token", f.word(idLetters, 20)) + `","phone":"+` + f.put("number in a form", f.number("US")) + `","deep":{"mail":"` + f.put("e-mail in a form", f.mail()) + `"}}`})
	do("of-FR", wasim.Line{Text: "I saw your ad", Ad: &wasim.Ad{URL: "https://" + f.put("referral url", strings.ToLower(f.name())+".example/ad"), Headline: "Call +" + f.put("number in an ad", f.number("FR")), Body: f.put("e-mail in an ad", f.mail()), Welcome: "+" + f.put("number in an ad's welcome", f.number("FR"))}})
	do("of-ES", wasim.Line{Text: "this one?", About: &wasim.Product{Catalog: f.put("catalog id", f.word(tenDigits, 15)), Product: "+" + f.put("number as a product", f.number("ES"))}})
	raw("of-GB", "button", fields{"payload": f.put("button payload", f.number("DE")), "text": "+" + f.put("number on a button", f.number("DE"))})
	raw("of-GB", "interactive", fields{"type": "list_reply", "list_reply": fields{"id": f.put("choice id", f.number("DE")), "title": "one", "description": "+" + f.put("number in a choice", f.number("DE"))}})
	raw("of-GB", "reaction", fields{"message_id": first["of-GB"], "emoji": f.put("reaction", f.number("DE"))})
	raw("of-GB", "hologram", fields{"who": f.put("unknown type", f.number("DE"))})
	raw("hidden", "system", fields{"body": "User changed from " + f.put("system text", f.number("FR")) + " to nothing", "type": "something_new", "customer": hidden.UserID})
	if err := c.Sim.ChangeNumber("of-JP", f.put("new number", f.number("JP"))); err != nil {
		t.Fatal(err)
	}
	if err := c.Sim.ChangeIdentity("of-SA"); err != nil {
		t.Fatal(err)
	}
	do("of-SA", wasim.Line{Marketing: "stop"})
	do("of-IT", wasim.Line{Text: "my data"})
	edited := do("of-FR", wasim.Line{Text: "soon edited"})
	do("of-FR", wasim.Line{Edit: true, To: edited, Text: "call +" + f.put("number in an edit", f.number("FR"))})
	ok(t)(c.Sim.Echo("of-FR", "we are +"+f.put("number in an echo", f.number("FR"))))
	ok(t)(c.Sim.EchoLine("of-FR", wasim.Line{Cards: []wasim.Card{{Name: "x", Phones: []string{"+" + f.put("number on an echoed card", f.number("FR"))}}}}))

	// In files.
	photo := photographOf(120, f.put("exif", f.number("DE")))
	sum := sha256.Sum256(photo)
	f.put("sha-256 of a file", base64.StdEncoding.EncodeToString(sum[:]))
	f.put("sha-256 of a file", fmt.Sprintf("%x", sum))
	do("of-DE", wasim.Line{File: &wasim.File{Kind: "image", MIME: "image/jpeg", Data: photo}, Text: "caption +" + f.put("number in a caption", f.number("DE"))})
	do("of-DE", wasim.Line{File: &wasim.File{Kind: "image", MIME: "image/png", Data: pngOf(f.put("png text", f.number("DE")))}})
	do("of-IT", wasim.Line{File: &wasim.File{Kind: "document", MIME: "application/pdf", Name: "CV " + f.put("number in a file name", f.number("IT")) + " " + f.put("e-mail in a file name", f.mail()) + ".pdf", Data: pdfOf(f.put("pdf properties", f.number("IT")))}})
	do("of-IT", wasim.Line{File: &wasim.File{Kind: "document", MIME: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Name: "offer.docx", Data: docxOf(t, f.put("office properties", f.number("IT")))}})
	do("of-US", wasim.Line{File: &wasim.File{Kind: "audio", MIME: "audio/mpeg", Data: mp3Of(f.put("mp3 tags", f.number("US")))}})

	// In what only Meta itself can write.
	contact := fields{"profile": fields{"name": "Ann"}, "wa_id": "15550100001"}
	message := func(id string, more fields) fields {
		m := fields{"from": "15550100001", "id": "wamid." + id, "timestamp": fmt.Sprint(time.Now().Unix()), "type": "text", "text": fields{"body": "ordinary"}}
		for k, v := range more {
			m[k] = v
		}
		return fields{"contacts": []any{contact}, "messages": []any{m}}
	}
	metaID := func() string { return f.put("wamid of a webhook", f.word(idLetters, 40)) }
	c.send(t, "messages", message(metaID(), fields{"context": fields{"from": f.put("context.from", f.number("US")), "id": "wamid." + metaID()}}))
	c.send(t, "messages", message(metaID(), fields{"type": "unsupported", "errors": []any{fields{"code": 131051, "title": "x", "message": "x", "error_data": fields{"details": "from +" + f.put("error of a message", f.number("US"))}}}}))
	c.send(t, "messages", message(metaID(), fields{"group_id": f.put("group id", f.word(tenDigits, 18))}))
	c.send(t, "messages", message(metaID(), fields{"type": "image", "image": fields{"id": f.put("media id", f.word(tenDigits, 16)), "mime_type": "image/jpeg", "sha256": "x", "url": "https://127.0.0.1/" + f.put("media url", f.word(idLetters, 30))}}))
	c.send(t, "messages", fields{"errors": []any{fields{"code": 131000, "title": "x", "message": "x", "error_data": fields{"details": "+" + f.put("error beside no message", f.number("US"))}}}})
	c.send(t, "messages", fields{"statuses": []any{fields{"id": "wamid." + metaID(), "status": "failed", "timestamp": fmt.Sprint(time.Now().Unix()), "recipient_id": f.put("recipient of a stray status", f.number("US")), "recipient_user_id": "US." + f.put("user id of a stray status", f.word(idLetters, 24)),
		"errors": []any{fields{"code": 131026, "title": "to +" + f.put("title of a status error", f.number("US")), "message": "x", "error_data": fields{"details": "+" + f.put("details of a status error", f.number("US"))}}}}}})
	c.send(t, "user_preferences", fields{"contacts": []any{contact}, "user_preferences": []any{fields{"wa_id": f.put("wa_id of a preference", f.number("US")), "detail": "+" + f.put("detail of a preference", f.number("US")), "category": "marketing_messages", "value": "stop", "timestamp": time.Now().Unix()}}})
	c.send(t, "security", fields{"display_phone_number": Number[1:], "event": "PIN_CHANGED", "requester": f.put("requester of a security event", f.number("US"))})
	c.send(t, "account_alerts", fields{"entity_type": "BUSINESS", "entity_id": "1", "alert_severity": "CRITICAL", "alert_status": "x", "alert_type": "x", "alert_description": "ask +" + f.put("account alert", f.number("US"))})
	c.send(t, "account_update", fields{"event": "PARTNER_REMOVED", "waba_info": fields{"owner_business_id": f.put("account update", f.number("US"))}})
	c.send(t, "message_template_status_update", fields{"event": "REJECTED", "message_template_id": 1, "message_template_name": "x", "message_template_language": "de", "reason": "has +" + f.put("reason of a template", f.number("US"))})
	c.send(t, "something_"+f.put("name of a field", f.number("US")), fields{"x": 1})

	// What people of the company write, and what WhatsApp says to it.
	agent.Await("the files", func() bool {
		files := 0
		for _, row := range agent.Rows() {
			for _, m := range agent.Messages(row.ID) {
				if m.Media != nil && m.Media.State == inbox.MediaReady {
					files++
				}
			}
		}
		return files >= 5
	})
	id := by["of-DE"]
	wish := func(b inbox.IntentBody) inbox.IntentID { t.Helper(); return agent.Wish(b) }
	wish(inbox.AddNote{Conversation: id, Text: "his wife: " + known["number in a note"] + ", " + known["e-mail in a note"]})
	wish(inbox.SendText{Conversation: id, Text: "I have you as {{contact.phone}}, {{contact.name}}; or " + known["number an agent repeats"]})
	wish(inbox.SendText{Conversation: id, Text: "a stranger is +" + f.typedBy("stranger's number an agent sends", f.number("DE"))})
	wish(inbox.SendText{Conversation: id, Text: "pay with " + f.typedBy("payment card an agent sends", luhn("411111"+f.word(tenDigits, 9)))}) // refused
	wish(inbox.SendText{Conversation: by["hidden"], Text: "your address {{contact.email}}?"})                                                 // nobody knows it: refused
	wish(inbox.SendInteractive{Conversation: by["of-IT"], Header: "To {{contact.first_name}}", Text: "Call " + known["number on a message with buttons"] + "?", Options: []inbox.Option{{Title: "Yes"}, {Title: known["number on a button of ours"]}}})
	wish(inbox.SendLocation{Conversation: by["of-US"], Latitude: 1, Longitude: 2, Name: "Shop " + known["number at a place of ours"], Address: "Example Street 1"})
	for _, tpl := range agent.Store.Templates(inbox.InboxID(c.Config.Inboxes[0].ID)) {
		if tpl.Name == "appointment" && tpl.Language == "en" {
			wish(inbox.SendTemplate{Conversation: by["of-FR"], Template: tpl.ID, Values: []string{"{{contact.phone}}", known["number in a template"]}})
		}
	}
	file, err := agent.Store.Attach(t.Context(), by["of-ES"], "for "+known["number in the name of our file"]+".pdf", "application/pdf", bytes.NewReader(pdfOf(f.put("properties of our pdf", f.number("ES")))))
	if err != nil {
		t.Fatal(err)
	}
	wish(inbox.SendMedia{Conversation: by["of-ES"], Media: file.ID, Caption: known["number in a caption of ours"]})
	wish(inbox.RecordConsent{Conversation: by["of-ES"], Proof: "called " + known["number in a proof of consent"]})
	if err := agent.Store.SetDraft(t.Context(), by["of-BR"], "dial "+known["number in a draft"]); err != nil {
		t.Fatal(err)
	}
	_, checked := agent.Engine.Ask(t.Context(), inbox.CheckDraft{Conversation: id, Text: "dial " + known["number in a checked draft"]})
	revealed := 0
	for field, who := range map[inbox.Field]string{inbox.FieldPhone: "of-DE", inbox.FieldName: "of-IT", inbox.FieldUsername: "hidden"} {
		if f.reveal(t, agent, boss, by[who], field, "for the carrier, who has "+known["number in a note"]) {
			revealed++
		}
	}
	if revealed != 3 { // as many as one person may see in an hour
		t.Errorf("%d of 3 fields were seen", revealed)
	}
	if err := c.Sim.Inject(
		wasim.Injection{Route: wasim.RouteMessages, Code: 100, Times: 1, To: f.numberOf(people, "of-GB"), Details: "no such user +" + f.put("words of an error at once", f.number("GB"))},
		wasim.Injection{Route: wasim.RouteMessages, Code: 131026, Times: 1, Async: true, To: f.numberOf(people, "of-BR"), Details: "not delivered to +" + f.put("words of an error later", f.number("BR"))},
	); err != nil {
		t.Fatal(err)
	}
	wish(inbox.SendText{Conversation: by["of-GB"], Text: "this fails at once"})
	wish(inbox.SendText{Conversation: by["of-BR"], Text: "this fails later"})
	agent.Await("all wishes to be settled", func() bool { return pending(t, agent) == 0 })
	agent.Await("both failures", func() bool {
		a, _ := receiptOf(agent, by["of-GB"], "this fails at once")
		b, _ := receiptOf(agent, by["of-BR"], "this fails later")
		return a.Receipt == inbox.Failed && b.Receipt == inbox.Failed
	})
	refused := 0
	for _, row := range agent.Rows() {
		for _, m := range agent.Messages(row.ID) {
			if m.Receipt == inbox.Failed && m.Seq == 0 { // what the relay did not take is still what the agent typed
				why, _ := agent.Store.Refusal(m.Cause)
				t.Logf("a message of kind %d was refused: %v", m.Kind, why)
				if err := agent.Store.Dismiss(t.Context(), m.Cause); err != nil {
					t.Fatal(err)
				}
				refused++
			}
		}
	}
	if refused != 2 {
		t.Errorf("%d of the agent's messages were refused", refused)
	}

	// Questions whose answer is no, and a stranger.
	var answers record
	fmt.Fprintln(&answers, "check:", checked)
	for _, q := range []inbox.Question{
		inbox.FetchMedia{Conversation: "nowhere", Message: "nothing", Media: inbox.MediaID(number)},
		inbox.OfferMedia{Conversation: id, Name: number, Type: number, Size: 1, Digest: sum[:]},
		inbox.AskCosts{From: number, To: number}, inbox.Typing{Conversation: inbox.ConversationID(number)},
		inbox.AskReveal{Conversation: id, Field: 99, Why: 1, Note: number, Key: sum[:]}, inbox.OpenReveal{Conversation: id, Reveal: inbox.RevealID(number)},
		inbox.DecideReveal{Conversation: id, Reveal: inbox.RevealID(number)}, inbox.LookUp{Inbox: inbox.InboxID(number), Number: number[:5]},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		a, err := boss.Engine.Ask(ctx, q)
		cancel()
		fmt.Fprintf(&answers, "%T: %+v %v\n", q, a, err)
	}
	// The agent's other company: everything a window can be asked for was asked by now.
	boss.Await("everything", func() bool { return boss.Engine.Link().Behind == 0 && len(boss.Rows()) == len(agent.Rows()) })

	var files record
	p := c.porter(t, boss)
	fetched := 0
	for _, row := range boss.Rows() {
		for _, m := range boss.Messages(row.ID) {
			if m.Media == nil || m.Media.State != inbox.MediaReady {
				continue
			}
			res, body := p.get(p.ticket(row.ID, m).Path, 0, -1)
			for name, values := range res.Header {
				fmt.Fprintf(&files, "%s: %s\n", name, strings.Join(values, ", "))
			}
			files.Write(body)
			fetched++
		}
	}
	if fetched < 6 {
		t.Errorf("%d files", fetched)
	}

	// What the relay tells whoever runs it.
	var admin, ops record
	fmt.Fprintln(&answers, "unknown path:", answer(t, "http://"+c.webhooks+"/nowhere"), answer(t, "http://"+c.Config.Listen.Ops+"/"+number[:3]))
	for _, path := range []string{"/metrics", "/healthz"} {
		_, body := get(t, c.Config.Listen.Ops, path)
		ops.Write(body)
	}
	a, done, err := relay.OpenAdmin(t.Context(), c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	tell := func(v any, err error) {
		text, failed := json.Marshal(v)
		fmt.Fprintf(&admin, "%+v %s %v %v\n", v, text, err, failed)
	}
	v1, err1 := a.People(t.Context())
	tell(v1, err1)
	incidents, err2 := a.Incidents(t.Context(), true)
	tell(incidents, err2)
	requests, err3 := a.Requests(t.Context(), true)
	tell(requests, err3)
	v4, err4 := a.Templates(t.Context(), "")
	tell(v4, err4)
	if len(incidents) < 3 || len(requests) < 1 {
		t.Errorf("%d incidents, %d requests: the day was not bad enough", len(incidents), len(requests))
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	listed := cli(c.Path)

	for _, m := range boss.Messages(by["of-IN"]) { // pieces of a number are too short for the scanner
		if text := m.Body.Visible(); strings.Contains(text, split[6:9]) || strings.Contains(text, split[9:]) {
			t.Error("LEAK  the supervisor's view holds a piece of a number in pieces")
		}
	}
	view := boss.view()
	agentView := agent.view()
	open := filepath.Join(t.TempDir(), "open")
	if err := os.CopyFS(open, os.DirFS(agent.Dir)); err != nil {
		t.Fatal(err)
	}
	agent.Down()
	boss.Down()
	c.Down()
	story := time.Since(begun)

	var sim []leak.Canary
	for i, id := range c.Sim.Identifiers() {
		sim = append(sim, leak.Canary{Class: fmt.Sprintf("simulator %d of %d", i/1000, len(c.Sim.Identifiers())/1000), Value: id})
	}
	classes := map[string]bool{}
	for _, x := range f.all {
		classes[x.Class] = true
	}
	if len(classes) < 40 {
		t.Errorf("%d classes of canaries", len(classes))
	}
	t.Logf("%d classes of canaries, %d identifiers of the simulator, story %s", len(classes), len(sim), story.Round(time.Millisecond))
	s := f.scanner(sim...)
	f.blind(t, s, agentTap.got.bytes())
	f.report(t, s, []surface{
		{name: "frames the agent received", bytes: agentTap.got.bytes()}, {name: "frames the agent sent", bytes: agentTap.sent.bytes(), typed: true},
		{name: "frames the supervisor received", bytes: bossTap.got.bytes()}, {name: "frames the supervisor sent", bytes: withoutQuestions(bossTap.sent.bytes(), number)},
		{name: "the agent's log", bytes: agentTap.log.bytes(), quiet: true}, {name: "the supervisor's log", bytes: bossTap.log.bytes(), quiet: true},
		{name: "the agent's view", bytes: agentView}, {name: "the supervisor's view", bytes: view},
		{name: "the agent's disk, running", tree: open}, {name: "the agent's disk, closed", tree: agent.Dir}, {name: "the supervisor's disk", tree: boss.Dir},
		{name: "files fetched by ticket", bytes: files.bytes()}, {name: "answers and errors", bytes: answers.bytes()},
		{name: "the relay's log", bytes: told.bytes()}, {name: "metrics and health", bytes: ops.bytes()},
		{name: "the admin socket", bytes: admin.bytes()}, {name: "the command line", bytes: listed},
		{name: "the relay's disk", tree: filepath.Dir(c.Path)}, {name: "temporary files", tree: temp},
	})
}

// reveal lets the agent see a field with the supervisor's consent, and reports whether what was seen is a canary.
func (f *flock) reveal(t *testing.T, agent, boss *Device, id inbox.ConversationID, field inbox.Field, note string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	key, public, err := wire.NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.Engine.Ask(ctx, inbox.AskReveal{Conversation: id, Field: field, Why: inbox.ReasonDelivery, Note: note, Key: public})
	if err != nil {
		t.Errorf("asking to see field %d: %v", field, err)
		return false
	}
	g := a.(inbox.Grant)
	if g.State == inbox.RevealAsked {
		if _, err := boss.Engine.Ask(ctx, inbox.DecideReveal{Conversation: id, Reveal: g.Reveal, Agree: true}); err != nil {
			t.Errorf("deciding about field %d: %v", field, err)
			return false
		}
	}
	if len(g.Sealed) == 0 {
		a, err := agent.Engine.Ask(ctx, inbox.OpenReveal{Conversation: id, Reveal: g.Reveal})
		if err != nil {
			t.Errorf("opening field %d: %v", field, err)
			return false
		}
		g = inbox.Grant(a.(inbox.Opened))
	}
	opened, err := key.Open(g.Reveal, g.Sealed)
	value := string(opened)
	if err != nil {
		t.Errorf("field %d: %v", field, err)
		return false
	}
	return slices.ContainsFunc(f.all, func(c leak.Canary) bool {
		return value != "" && (strings.Contains(value, c.Value) || strings.Contains(c.Value, value))
	})
}

// withoutQuestions takes out what the test itself asked with a canary.
func withoutQuestions(frames []byte, asked string) []byte {
	return bytes.ReplaceAll(frames, []byte(asked), []byte("asked"))
}

// numberOf is the number of somebody as it was at the start.
func (f *flock) numberOf(people []wasim.Persona, key string) string {
	for _, p := range people {
		if p.Key == key {
			return p.Number
		}
	}
	panic("no such persona")
}

// blind proves that the scanner would see: every class, planted into a copy of a surface, in encodings made here.
func (f *flock) blind(t *testing.T, s *leak.Scanner, around []byte) {
	t.Helper()
	forms := map[string]func(string) string{
		"plain":  func(v string) string { return v },
		"base64": func(v string) string { return base64.StdEncoding.EncodeToString([]byte("x" + v + "y")) },
		"hex":    func(v string) string { return fmt.Sprintf("%x", v) },
		"utf-16": func(v string) (out string) {
			for _, r := range v {
				if r < 0x10000 {
					out += string([]byte{byte(r), byte(r >> 8)})
				}
			}
			return out
		},
		"reversed": reverse,
		"zstd":     func(v string) string { return string(zstdOf(t, "x"+v)) },
	}
	place := f.rng.IntN(len(around))
	cut := around[max(0, place-5000):place]
	for i, c := range f.all {
		for name, form := range forms {
			if !strings.HasPrefix(name, "plain") && strings.ContainsFunc(c.Value, func(r rune) bool { return r == '\ufffd' }) {
				continue // raw bytes are no text
			}
			found := false
			for _, h := range s.Bytes("planted", slices.Concat(cut, []byte(form(c.Value)), []byte(" "))) {
				found = found || h.Index == i || f.all[min(h.Index, len(f.all)-1)].Value == c.Value
			}
			if !found {
				t.Errorf("the scanner is blind for %q as %s", c.Class, name)
			}
		}
	}
}

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// luhn adds the digit that makes a card's number.
func luhn(digits string) string {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}

// iban makes a German account's number.
func iban(account string) string {
	rest := 0
	for _, r := range account + "131400" {
		rest = (rest*10 + int(r-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-rest, account)
}

func answer(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(res.Body)
	return res.Status + b.String()
}

// buildRelay starts building the command line at once and returns what runs its listing commands on a running relay.
func buildRelay(t *testing.T) func(config string) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sealdesk-relay")
	built := make(chan error, 1)
	go func() {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./app/relay")
		cmd.Dir = filepath.Join("..", "..", "..")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		built <- err
	}()
	return func(config string) []byte {
		t.Helper()
		if err := <-built; err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		for _, args := range [][]string{
			{"person", "list"}, {"incident", "list", "--all"}, {"request", "list", "--all"}, {"template", "list"}, {"template", "show", "appointment"}, {"doctor"},
			{"-v", "incident", "close", "nothing", "--by", "Sabine Lorenz"}, {"request", "show", "nothing"}, {"enrol", "Nobody"},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			out, err := exec.CommandContext(ctx, program, append([]string{"--config", config}, args...)...).CombinedOutput()
			cancel()
			var ended *exec.ExitError
			if err != nil && !errors.As(err, &ended) {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%v\n%s\n", args, out)
		}
		return all.Bytes()
	}
}
