package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/mask"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// What a customer says in one breath is masked together: a number sent digit by digit is none in any of its messages. The
// last short texts of each customer are kept in memory for as long as they can be part of something, so that judging the
// next one reads nothing; after a start they are had from the sealed originals once.

// A breath is what a customer of an inbox said last, oldest first.
type breath struct {
	parts  []saying
	looked bool // in the ledger, for what was said before this process began
}

// A saying is one short text. It is found by Meta's id of its message, or by ours if it was read back.
type saying struct {
	key     string
	lookup  outbound.Lookup
	message inbox.MessageID
	before  []inbox.Span // what its message shows before it
	text    string
	at      inbox.Moment // its place
	written inbox.Moment // when this text of it was, which an edit changes
}

type breathOf struct {
	inbox   inbox.InboxID
	contact inbox.ContactID
}

type breaths struct {
	mu    sync.Mutex
	since inbox.Moment // when this process began to listen
	swept inbox.Moment
	of    map[breathOf]*breath
}

func newBreaths(now inbox.Moment) *breaths {
	return &breaths{since: now, swept: now, of: map[breathOf]*breath{}}
}

// forget drops what is known of a contact.
func (b *breaths) forget(contact inbox.ContactID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.of {
		if k.contact == contact {
			delete(b.of, k)
		}
	}
}

// A masking is how an earlier message must look from now on.
type masking struct {
	saying saying
	body   inbox.Masked
}

// worded are the kinds of messages that have a text of their sender; see [Relay.wordsOf].
var worded = map[inbox.MessageKind]bool{
	inbox.Text: true, inbox.Image: true, inbox.Video: true, inbox.Document: true, inbox.Audio: true, inbox.Voice: true,
	inbox.Sticker: true, inbox.Location: true, inbox.Button: true, inbox.Order: true,
}

const maxLookedBack = 4096 // facts of an inbox that are looked at for what a customer said before a start

// wordsOf returns the text that is shown of a message, before it is masked: what the sender wrote, and what we write of
// what he chose. It has none if ok is false.
func (r *Relay) wordsOf(b whatsapp.Body) (text string, ok bool) {
	switch b := b.(type) {
	case whatsapp.Text:
		return b.Body, true
	case whatsapp.Media:
		return b.Caption, true
	case whatsapp.Location:
		if isPoint(b) && r.cfg.Masking.location() == placeExact {
			return onLines(b.Name, b.Address), true
		}
	case whatsapp.Reply:
		return onLines(b.Title, b.Description), true
	case whatsapp.Button:
		return b.Text, true
	case whatsapp.FlowReply:
		return onLines(b.Body, form(b.Response)), true
	case whatsapp.Order:
		all := make([]string, 0, len(b.Items)+1)
		for _, it := range b.Items {
			all = append(all, fmt.Sprintf("%d × %s  %.2f %s", it.Quantity, it.SKU, it.Price, it.Currency))
		}
		return onLines(append(all, b.Text)...), true
	}
	return "", false
}

// maskedWords masks the text of a message with what was said right before it; see [Relay.maskedTogether].
func (r *Relay) maskedWords(ctx context.Context, in *incoming, m whatsapp.Message) (inbox.Masked, error) {
	text, _ := r.wordsOf(m.Body)
	var before []inbox.Span
	if place, is := m.Body.(whatsapp.Location); is {
		before = r.pointOf(place)
	}
	return r.maskedTogether(ctx, in, m.ID, before, text)
}

// maskedTogether masks what a customer wrote, with what he wrote right before it. It leaves in in.anew how earlier messages
// look now. key is Meta's id of the message the text stands in, also when an edit puts it there; before is what the message
// shows before the text.
func (r *Relay) maskedTogether(ctx context.Context, in *incoming, key whatsapp.MessageID, before []inbox.Span, text string) (inbox.Masked, error) {
	if in.by != inbox.FromContact || key.IsZero() || text == "" {
		return r.masked(ctx, in, text)
	}
	who := breathOf{in.inbox, in.contact.ID}
	now := saying{key: key.Reveal(), lookup: outbound.NewLookup(r.vault, key), before: before, text: text, at: in.message.At, written: in.message.At}
	parts, at, err := r.breathe(ctx, who, now)
	if err != nil {
		return inbox.Masked{}, err
	}
	if len(parts) < 2 {
		return r.masked(ctx, in, text)
	}
	last := len(parts) - 1
	pieces := make([]mask.Piece, last)
	for i, p := range parts[:last] {
		pieces[i] = mask.Piece{Text: p.text, Ago: parts[last].at.Sub(p.at)}
	}
	joint, _, err := r.vault.MaskJoined(ctx, in.contact.ID, pieces, parts[last].text)
	if err != nil {
		return inbox.Masked{}, fmt.Errorf("masking texts together: %w", err)
	}
	looks := joint.Now
	if at != last { // it overtook, or is an older one edited
		if looks, err = r.masked(ctx, in, text); err != nil {
			return inbox.Masked{}, err
		}
		in.anew = append(in.anew, masking{parts[last], joint.Now}) // what this taught may hide it, with or without this
	}
	for _, e := range joint.Earlier {
		if e.Piece == at {
			looks = e.Text
		} else {
			in.anew = append(in.anew, masking{parts[e.Piece], e.Text})
		}
	}
	return looks, nil
}

// breathe puts a text in its place among those said in one breath with it, and returns them and the place. A text that is
// there already, because a delivery is read again or was edited, is replaced.
func (r *Relay) breathe(ctx context.Context, who breathOf, now saying) ([]saying, int, error) {
	b := r.breaths
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.of[who]
	if known == nil {
		known = new(breath)
	}
	if !known.looked && now.at < b.since.Add(mask.JoinWindow) && len(now.text) <= mask.JoinLength {
		before, err := r.saidBefore(ctx, who, now)
		if err != nil {
			return nil, 0, err
		}
		for _, p := range before {
			if !slices.ContainsFunc(known.parts, func(q saying) bool { return q.key == p.key }) {
				known.parts = append(known.parts, p)
			}
		}
		slices.SortStableFunc(known.parts, func(x, y saying) int { return int(x.at - y.at) })
		known.looked = true
	}
	var newer saying // what it says since, if this is the text before an edit
	parts := slices.DeleteFunc(known.parts, func(p saying) bool {
		return p.at < now.at.Add(-mask.JoinWindow) && p.key != now.key
	})
	if i := slices.IndexFunc(parts, func(p saying) bool { return p.key == now.key && p.key != "" }); i >= 0 {
		newer = parts[i]
		if now.text != newer.text {
			now.at = min(now.at, newer.at) // an edit stays in its place
		}
		parts = slices.Delete(parts, i, i+1)
	}
	at := len(parts)
	for at > 0 && parts[at-1].at > now.at {
		at--
	}
	parts = slices.Insert(parts, at, now)
	if over := len(parts) - 2*(mask.JoinPieces+1); over > 0 && at >= over {
		parts, at = slices.Delete(parts, 0, over), at-over
	}
	known.parts = parts
	if newer.written > now.written {
		known.parts = slices.Clone(parts)
		newer.at = now.at
		known.parts[at] = newer
	}
	b.of[who] = known
	b.sweep(inbox.At(r.now()))
	// The engine looks at the newest of what it is given and at those right before it: of a text in the middle, what it
	// belongs to ends some places later.
	end := min(len(parts), at+1+mask.JoinPieces)
	from := max(0, end-mask.JoinPieces-1)
	return slices.Clone(parts[from:end]), at - from, nil
}

// sweep forgets what can be part of nothing any more.
func (b *breaths) sweep(now inbox.Moment) {
	if now < b.swept.Add(mask.JoinWindow) {
		return
	}
	b.swept = now
	for who, x := range b.of {
		if n := len(x.parts); n == 0 || x.parts[n-1].at < now.Add(-2*mask.JoinWindow) {
			delete(b.of, who)
		}
	}
}

// saidBefore reads back the short texts that a customer wrote right before one of his.
func (r *Relay) saidBefore(ctx context.Context, who breathOf, now saying) ([]saying, error) {
	type held struct {
		saying
		original []byte
	}
	var found []held
	err := r.db.View(ctx, eventlog.Shard(who.inbox.Log()), func(tx ledger.Tx) error {
		found = nil
		id, err := tx.Get(bucketThread, []byte(who.contact))
		if err != nil || id == nil {
			return err
		}
		c, ok, err := eventlog.Conversation(tx, inbox.ConversationID(id))
		if err != nil || !ok || c.LastInbound < now.at.Add(-mask.JoinWindow) {
			return err
		}
		n := 0
		for e, err := range eventlog.BackwardsFrom(tx, c.InboundSeq) {
			if err != nil {
				return err
			}
			if n++; n > maxLookedBack || e.At < now.at.Add(-mask.JoinWindow) || len(found) == mask.JoinPieces {
				break
			}
			added, is := e.Body.(inbox.MessageAdded)
			m := added.Message
			if !is || m.Conversation != c.ID || m.Side != inbox.FromContact || !worded[m.Kind] || m.At < now.at.Add(-mask.JoinWindow) {
				continue
			}
			original, err := tx.Get(bucketOriginal, []byte(m.ID))
			if err != nil {
				return err
			}
			found = append(found, held{saying{message: m.ID, at: m.At}, original})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was said before: %w", err)
	}
	slices.Reverse(found)
	var parts []saying
	for _, h := range found {
		plain, err := r.vault.Open(ctx, who.contact, bucketOriginal, []byte(h.message), h.original)
		if err != nil {
			return nil, fmt.Errorf("opening what was said before: %w", err)
		}
		m, ok := originalOf(plain)
		if !ok || m.ID.Reveal() == now.key {
			continue
		}
		if h.text, ok = r.wordsOf(m.Body); !ok || h.text == "" {
			continue
		}
		if place, is := m.Body.(whatsapp.Location); is {
			h.before = r.pointOf(place)
		}
		h.key = m.ID.Reveal()
		h.written = h.at
		parts = append(parts, h.saying)
	}
	return parts, nil
}

// originalOf reads a message as it was kept.
func originalOf(plain []byte) (whatsapp.Message, bool) {
	body := slices.Concat([]byte(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[`), plain, []byte(`]}}]}]}`))
	d, err := whatsapp.Decode(body)
	if err != nil || len(d.Changes) != 1 || len(d.Changes[0].Messages) != 1 {
		return whatsapp.Message{}, false
	}
	return d.Changes[0].Messages[0], true
}

// maskAnew makes earlier messages look as they must from now on, in the log and everywhere the log has been read. What was
// hidden of one before stays hidden.
func (r *Relay) maskAnew(tx ledger.Tx, log *eventlog.Writer, list []masking, at inbox.Moment) error {
	for _, x := range list {
		id := x.saying.message
		if id == "" {
			var err error
			if id, err = x.saying.lookup.Message(tx); err != nil {
				return err
			}
		}
		m, ok, err := eventlog.Message(tx, id)
		if err != nil {
			return err
		}
		if !ok || m.Kind == inbox.Deleted {
			continue
		}
		body := stricter(m.Body, inbox.NewMasked(append(slices.Clone(x.saying.before), x.body.Spans()...)...))
		if body.Equal(m.Body) {
			continue
		}
		if err := eventlog.Remask(tx, id, body); err != nil {
			return err
		}
		if _, err := log.Append(at, "", inbox.MessageMasked{Conversation: m.Conversation, Message: id, Body: body}); err != nil {
			return err
		}
		r.metrics.remasked.Inc()
	}
	return nil
}

// stricter returns which of two maskings of one text shows less; if each shows what the other hides, a text that shows
// nothing.
func stricter(a, b inbox.Masked) inbox.Masked {
	x, y := plainOf(a), plainOf(b)
	switch {
	case within(y, x):
		return b
	case within(x, y):
		return a
	}
	return inbox.NewMasked(inbox.Span{Kind: inbox.Digits, Text: "•••"})
}

func plainOf(m inbox.Masked) (plain []rune) {
	for _, s := range m.Spans() {
		if s.Kind == inbox.Plain {
			plain = append(plain, []rune(s.Text)...)
		}
	}
	return plain
}

// within reports whether a is what is left of b after some of it was taken out.
func within(a, b []rune) bool {
	for _, c := range b {
		if len(a) > 0 && a[0] == c {
			a = a[1:]
		}
	}
	return len(a) == 0
}
