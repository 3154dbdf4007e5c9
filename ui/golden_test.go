package ui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// everyItem is one message of each kind and state.
func everyItem() []inbox.Message {
	mi := time.Minute
	media := func(kind inbox.MessageKind, m inbox.Media, caption string) inbox.Message {
		x := in(40*mi, caption)
		x.Kind, x.Media = kind, &m
		return x
	}
	with := func(m inbox.Message, f func(*inbox.Message)) inbox.Message { f(&m); return m }
	long := "Wir haben das Angebot geprüft. Die Wärmepumpe passt in den Heizungsraum, der Hydraulikplan folgt. Bitte schicken Sie uns noch die Maße der Tür und ein Foto vom Zählerschrank."
	list := []inbox.Message{
		in(26*time.Hour, "Gestern geschrieben."),
		in(59*mi, "Hi"),
		in(58*mi, long),
		with(in(57*mi, ""), func(m *inbox.Message) {
			m.Body = inbox.NewMasked(inbox.Span{Text: "Erreichbar unter "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"}, inbox.Span{Text: " oder "},
				inbox.Span{Kind: inbox.Email, Text: "k•••@•••.de"}, inbox.Span{Text: " — danke."})
			m.Forwarded = true
		}),
		in(56*mi, "مرحبا، هل يمكنكم إرسال عرض السعر من فضلكم؟ رقم الطلب 4711"),
		media(inbox.Image, inbox.Media{ID: "i1", Size: 1_240_000, Width: 1600, Height: 900, Blur: blur(), State: inbox.MediaReady}, "Der Heizungsraum"),
		media(inbox.Image, inbox.Media{ID: "i2", State: inbox.MediaPending}, ""),
		media(inbox.Document, inbox.Media{ID: "d1", Size: 88_000, Name: inbox.PlainText("Datenblatt.pdf"), State: inbox.MediaReady}, ""),
		media(inbox.Voice, inbox.Media{ID: "v1", Size: 48_000, State: inbox.MediaBroken}, ""),
		with(in(50*mi, ""), func(m *inbox.Message) { m.Kind, m.Body = inbox.Location, inbox.Masked{} }),
		with(in(49*mi, ""), func(m *inbox.Message) { m.Kind, m.Body = inbox.ContactCard, inbox.Masked{} }),
		with(in(48*mi, "Ja, gerne"), func(m *inbox.Message) { m.Kind = inbox.Button }),
		with(in(47*mi, "Wärmepumpe, 1 Stück"), func(m *inbox.Message) { m.Kind = inbox.Order }),
		with(in(46*mi, ""), func(m *inbox.Message) { m.Kind, m.Body = inbox.Unsupported, inbox.Masked{} }),
		with(in(45*mi, ""), func(m *inbox.Message) { m.Kind, m.Body = inbox.Deleted, inbox.Masked{} }),
		with(in(44*mi, "Passt!"), func(m *inbox.Message) {
			m.Reactions = []inbox.Reaction{{Side: inbox.FromPerson, By: "me", Emoji: "👍"}, {Side: inbox.FromPerson, By: "tb", Emoji: "❤️"}}
			m.Quote = &inbox.Quote{Message: "q", Side: inbox.FromPerson, Excerpt: inbox.PlainText("Termin morgen 10:00?")}
		}),
		{Kind: inbox.Note, At: ago(30 * mi), Side: inbox.FromPerson, Author: "tb", Body: inbox.PlainText("Rabatt max. 4 % — mehr nur mit Freigabe.")},
		{Kind: inbox.System, At: ago(29 * mi), Side: inbox.FromSystem, What: inbox.WhatAssigned, Author: "tb", Whom: "tb"},
		{Kind: inbox.System, At: ago(28 * mi), Side: inbox.FromSystem, What: inbox.WhatNewIdentity},
		out(20*mi, "tb", inbox.Read, "Guten Tag, ich übernehme."),
		out(19*mi, "me", inbox.Queued, "In der Warteschlange"),
		out(18*mi, "me", inbox.Sent, "Gesendet"),
		out(17*mi, "me", inbox.Delivered, "Zugestellt"),
		out(16*mi, "me", inbox.Read, "Gelesen: "+long),
		with(out(15*mi, "me", inbox.Failed, "Zu spät"), func(m *inbox.Message) { m.Failure = inbox.FailWindow }),
		with(out(14*mi, "me", inbox.Failed, "Anbei das Datenblatt."), func(m *inbox.Message) { m.Failure = inbox.FailUndeliverable }),
		out(13*mi, "me", inbox.Unknown, "Ist das angekommen?"),
	}
	for i := range list {
		list[i].ID = inbox.MessageID(rune('a' + i))
		list[i].Seq = uint64(i + 1)
		if list[i].Kind == 0 {
			list[i].Kind = inbox.Text
		}
	}
	refused := out(12*mi, "me", inbox.Failed, "Von den Regeln aufgehalten")
	refused.ID, refused.Cause, refused.Failure, refused.Kind = "refused", "refused", inbox.FailRefusedByUs, inbox.Text
	return append(list, refused)
}

// richItem is one message of each kind that is more than text, and what happened around them.
func richItem() []inbox.Message {
	mi := time.Minute
	plain := inbox.PlainText
	file := func(m inbox.Message, kind inbox.MessageKind, media inbox.Media) inbox.Message {
		m.Kind, m.Media = kind, &media
		return m
	}
	happened := func(at time.Duration, w inbox.What, by inbox.PersonID) inbox.Message {
		return inbox.Message{Kind: inbox.System, At: ago(at), Side: inbox.FromSystem, What: w, Author: by}
	}
	ad := in(59*mi, "Guten Tag, ich habe Ihre Anzeige gesehen.")
	ad.Referral = &inbox.Referral{Headline: plain("Wärmepumpe zum Festpreis"), Body: plain("Beratung vor Ort, Montage in vier Wochen. Jetzt anfragen.")}
	edited := in(58*mi, "Es sind 140 m², nicht 120.")
	edited.Edited = ago(57 * mi)
	tmpl := out(55*mi, "me", inbox.Read, "")
	tmpl.Kind, tmpl.Header, tmpl.Footer = inbox.Templated, plain("Ihr Termin"), plain("Weber Haustechnik, Antwort STOP beendet Werbung")
	tmpl.Body = inbox.NewMasked(inbox.Span{Text: "Guten Tag "}, inbox.Span{Kind: inbox.FullName, Text: "K••• W•••"}, inbox.Span{Text: ", Ihr Termin ist am 24. November um 10:00 Uhr."})
	tmpl.Choices = []inbox.Choice{{Kind: inbox.ChoiceReply, Title: plain("Passt")}, {Kind: inbox.ChoiceReply, Title: plain("Anderer Termin")}, {Kind: inbox.ChoiceLink, Title: plain("Anfahrt ansehen")}, {Kind: inbox.ChoiceCall, Title: plain("Anrufen")}}
	pic := out(54*mi, "tb", inbox.Delivered, "Unser neues Modell ist da.")
	pic.Kind, pic.Media = inbox.Templated, &inbox.Media{ID: "h", Type: "image/jpeg", Width: 1600, Height: 900, Blur: blur(), State: inbox.MediaReady}
	pic.Choices = []inbox.Choice{{Kind: inbox.ChoiceCopy, Title: plain("Code kopieren")}}
	buttons := out(53*mi, "me", inbox.Delivered, "Wann passt es Ihnen?")
	buttons.Kind, buttons.Choices = inbox.Interactive, []inbox.Choice{{Kind: inbox.ChoiceReply, Title: plain("Vormittags")}, {Kind: inbox.ChoiceReply, Title: plain("Nachmittags")}}
	rows := out(52*mi, "me", inbox.Sent, "Um welche Anlage geht es?")
	rows.Kind, rows.Footer, rows.Choices = inbox.Interactive, plain("Mehr dazu auf Seite 2"), []inbox.Choice{
		{Kind: inbox.ChoiceRow, Title: plain("Wärmepumpe"), Note: plain("Luft oder Erdreich")}, {Kind: inbox.ChoiceRow, Title: plain("Gasheizung")}}
	place := out(51*mi, "me", inbox.Sent, "Ausstellung, Hauptstraße")
	place.Kind = inbox.Location
	card := out(50*mi, "me", inbox.Sent, "")
	card.Kind = inbox.ContactCard
	outside := out(49*mi, "", inbox.Sent, "Ich melde mich gleich vom Handy.")
	outside.Outside = true
	auto := out(48*mi, "", inbox.Delivered, "So behandeln wir Ihre Daten: Alles bleibt auf unserem Server.")
	gone := out(41*mi, "me", inbox.Read, "")
	gone.Kind = inbox.Deleted
	list := []inbox.Message{
		happened(60*mi, inbox.WhatChatOpened, ""), ad, edited, tmpl, pic, buttons, rows, place, card, outside, auto,
		file(in(47*mi, ""), inbox.Voice, inbox.Media{ID: "v", Size: 61_000, Length: 83_000, State: inbox.MediaReady}),
		file(in(46*mi, ""), inbox.Video, inbox.Media{ID: "w", Size: 22_400_000, Length: 12_000, Width: 900, Height: 1600, Blur: blur(), State: inbox.MediaReady}),
		file(in(45*mi, ""), inbox.Image, inbox.Media{ID: "l", State: inbox.MediaLarge}),
		file(in(44*mi, ""), inbox.Document, inbox.Media{ID: "f", Name: plain("Rechnung.pdf"), Size: 12_000, State: inbox.MediaFalse}),
		file(in(43*mi, ""), inbox.Image, inbox.Media{ID: "g", State: inbox.MediaGone}),
		file(in(42*mi, ""), inbox.Document, inbox.Media{ID: "x", Name: plain("setup.exe"), Size: 4_200_000, State: inbox.MediaReady, Dangerous: true}),
		gone,
		happened(39*mi, inbox.WhatStopped, ""), happened(38*mi, inbox.WhatResumed, ""), happened(37*mi, inbox.WhatConsented, "me"), happened(36*mi, inbox.WhatNoticeSent, ""),
		happened(35*mi, inbox.WhatErasureAsked, ""), happened(34*mi, inbox.WhatVerified, ""), happened(33*mi, inbox.WhatSentOutside, ""), happened(32*mi, inbox.WhatJoined, ""),
	}
	for i := range list {
		list[i].ID, list[i].Seq = inbox.MessageID(rune('a'+i)), uint64(i+1)
		if list[i].Kind == 0 {
			list[i].Kind = inbox.Text
		}
	}
	sending := file(out(0, "me", inbox.Queued, "Der Plan, wie besprochen"), inbox.Document, inbox.Media{ID: "u", Name: plain("Hydraulikplan.pdf"), Size: 8_400_000})
	sending.ID, sending.Cause = "sending", "sending"
	return append(list, sending)
}

func TestItemsLookAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w    float32
	}{{"light", Settings{}, 640}, {"dark", Settings{Theme: "dark", Language: "de"}, 640}, {"large", Settings{TextSize: 130, Language: "it"}, 440}} {
		for kind, list := range map[string][]inbox.Message{"items": everyItem(), "rich": richItem()} {
			t.Run(kind+"-"+c.name, func(t *testing.T) {
				m := company()
				g := newStage(t, m, c.s, 1440, 900)
				g.heard("inbox shown")
				items := timelineView(list, 14, newStaff(m.me, m.people), clock{inbox.At(noon), time.UTC})
				if last := items[len(items)-1]; last.Message == "sending" {
					last.Upload, last.Card.Detail = uploadView(Upload{Intent: "sending", Done: 3_100_000, Total: 8_400_000}), word("upload.file")
				}
				clouds{}.fill(items)
				h := float32(16)
				var placedItems []*placed
				for _, v := range items {
					p := placeItem(v, c.w)
					placedItems = append(placedItems, p)
					h += p.height
				}
				half := h/2 + 60
				// Two pictures: items are painted by a list, as in the window.
				for i, part := range split(placedItems, half) {
					g.paint(kind+"-"+c.name+"-"+grouped(i+1), part, func(*placed) look { return look{} })
				}
			})
		}
	}
}

// paint compares items with a picture, painted by a list as in the window.
func (g *stage) paint(name string, items []*placed, looks func(*placed) look) {
	g.t.Helper()
	g.win.SetContent(kit.NewList(kit.ListConfig{Name: "items", Len: func() int { return len(items) }, ID: func(i int) string { return items[i].v.ID },
		Measure: func(i int, _ float32) float32 { return items[i].height },
		Draw:    func(i int, s *kit.Sketch, _ fyne.Size, st kit.RowState) { items[i].draw(s, looks(items[i])) }}))
	var sum float32
	for _, p := range items {
		sum += p.height
	}
	g.win.Resize(fyne.NewSize(items[0].width, sum+8))
	g.picture(name)
}

func split(list []*placed, at float32) [][]*placed {
	var sum float32
	for i, p := range list {
		if sum += p.height; sum > at {
			return [][]*placed{list[:i], list[i:]}
		}
	}
	return [][]*placed{list}
}

func TestRowsLookAsDesigned(t *testing.T) {
	s := newStaff(newMemory().me, newMemory().people)
	m := company()
	rows, _ := m.Rows(t.Context())
	never := m.add("n", "Nora B.", "+49 ••• ••11", "me")
	photo := *m.rows["s"]
	photo.LastKind, photo.Snippet = inbox.Image, inbox.Masked{}
	failed := *m.rows["l"]
	failed.LastReceipt, failed.Unread = inbox.Failed, 120
	note := *m.rows["l"]
	note.LastKind = inbox.Note
	rows = append(rows, never, &photo, &failed, &note)
	at := clock{inbox.At(noon), time.UTC}
	for _, theme := range []string{"light", "dark"} {
		app := newStage(t, m, Settings{Theme: theme}, 340, float32(len(rows))*72)
		list := kit.NewList(kit.ListConfig{Name: "rows", Uniform: rowHeight, Len: func() int { return len(rows) }, ID: func(i int) string { return grouped(i) },
			Background: inkSurface,
			Draw: func(i int, k *kit.Sketch, size fyne.Size, _ kit.RowState) {
				paintRow(k, size, rowView(rows[i], FilterAll, s, house{}, inbox.Presence{}, at), i == 0, i == 1)
			}})
		app.win.SetContent(list)
		app.win.Resize(fyne.NewSize(340, float32(len(rows))*72))
		app.picture("rows-" + theme)
		app.win.Resize(fyne.NewSize(stripWidth, 300))
		app.picture("strip-" + theme)
	}
}

func TestWindowsLookAsDesigned(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, w := range []float32{820, 1100, 1440} {
			name := "window-" + theme + "-" + map[float32]string{820: "820", 1100: "1100", 1440: "1440"}[w]
			t.Run(name, func(t *testing.T) {
				h := float32(860)
				if w < 900 {
					h = 600
				}
				g := newStage(t, company(), Settings{Theme: theme, EnterSends: true}, w, h)
				g.heard("inbox shown")
				g.press(fyne.KeyDown, alt)
				g.heard("conversation opened k")
				g.read("k")
				if w == 1100 {
					g.press(fyne.KeyI, ctrl)
				}
				g.rest()
				g.picture(name)
			})
		}
	}
}

func TestComposerLooksAsDesigned(t *testing.T) {
	cases := []struct {
		name  string
		setup func(g *stage)
	}{
		{"reply", func(g *stage) { g.open("k") }},
		{"counter", func(g *stage) {
			g.open("k")
			g.ui.desk.comp.setText(longText(3600))
		}},
		{"note", func(g *stage) { g.open("k"); g.press(fyne.KeyN, ctrl|shift); g.typeText("Ruft morgen zurück") }},
		{"closed", func(g *stage) { g.open("g") }},
		{"hurry", func(g *stage) { g.pass(31 * time.Minute); g.open("m") }},
		{"offline", func(g *stage) {
			g.m.mu.Lock()
			g.m.link = Link{State: LinkNoNetwork}
			g.m.mu.Unlock()
			g.m.poke()
			g.heard("state offline")
			g.open("k")
			g.typeText("Kommt später an")
		}},
		{"readonly", func(g *stage) { g.open("k") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := company()
			if c.name == "readonly" {
				m.me.Role = inbox.Auditor
			}
			g := newStage(t, m, Settings{EnterSends: true}, 1000, 560)
			g.heard("inbox shown")
			g.ui.desk.setFilter(FilterAll)
			c.setup(g)
			g.rest()
			g.picture("composer-" + c.name)
		})
	}
}

func longText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefgh "[i%9]
	}
	return string(b)
}

// open opens a conversation and waits until it is shown.
func (g *stage) open(id inbox.ConversationID) {
	g.t.Helper()
	g.ui.desk.openConversation(id)
	g.heard("conversation opened " + string(id))
	g.read(id)
}

// read goes to the end of the conversation and waits until the list knows that it was read.
func (g *stage) read(id inbox.ConversationID) {
	g.t.Helper()
	g.ui.desk.line.list.ScrollToBottom()
	g.until("read", func() bool {
		row := rowOf(g.ui.desk.all, id)
		return !g.ui.active || row.Unread == 0 && g.ui.desk.row.Unread == 0
	})
}

func TestStartLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   Trouble
		theme string
	}{{"keyring", TroubleKeyring, "light"}, {"keylost", TroubleKeyLost, "dark"}, {"damaged", TroubleDamaged, "light"}, {"running", TroubleRunning, "light"}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory()
			m.openErr = c.err
			g := newStage(t, m, Settings{Theme: c.theme}, 820, 560)
			g.heard("start " + c.err.Error())
			g.picture("start-" + c.name)
		})
	}
}

func TestEnrolmentLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		stop EnrolStep
		s    Settings
	}{
		{"first", nil, 0, Settings{}},
		{"done", nil, 0, Settings{}},
		{"done-dark-de-130", nil, 0, Settings{Theme: "dark", Language: "de", TextSize: 130}},
		{"unreachable-dark-de-130", TroubleUnreachable, EnrolReading, Settings{Theme: "dark", Language: "de", TextSize: 130}},
		{"used", TroubleCodeUsed, EnrolServer, Settings{Theme: "dark"}},
		{"certificate", Mismatch{Want: "3F:9A…C1", Got: "77:02…AE"}, EnrolReading, Settings{Language: "de"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := company()
			m.openErr, m.enrolErr, m.stop = TroubleNotEnrolled, c.err, c.stop
			g := newStage(t, m, c.s, 820, 680)
			g.heard("enrol shown")
			if c.name != "first" {
				g.typeText("sealdesk:enrol?relay=inbox.company")
				if c.s.TextSize > 100 { // longer than the field
					g.typeText(".example:443&pin=3x9aQyc1&code=AK7X7F76T4LYZH")
				}
				g.press(fyne.KeyReturn, 0)
				g.until("an answer", func() bool { return g.said("enrolled") || g.said("enrol "+troubleOf(c.err).Error()) })
			}
			g.picture("enrol-" + c.name)
		})
	}
}

func TestOverlaysLookAsDesigned(t *testing.T) {
	g := newStage(t, company(), Settings{EnterSends: true}, 1180, 800)
	g.heard("inbox shown")
	g.open("k")
	for _, c := range []struct {
		name string
		open func()
	}{
		{"palette", func() { g.press(fyne.KeyK, ctrl) }},
		{"help", func() { g.press(fyne.KeyF1, 0) }},
		{"settings", func() { g.press(fyne.KeyComma, ctrl) }},
		{"assign", func() { g.press(fyne.KeyA, ctrl|shift) }},
		{"about", func() { g.ui.showAbout() }},
	} {
		c.open()
		g.rest()
		g.picture("overlay-" + c.name)
		g.press(fyne.KeyEscape, 0)
		if g.win.Canvas().Overlays().Top() != nil {
			t.Fatalf("%s does not close with Escape", c.name)
		}
	}
}
