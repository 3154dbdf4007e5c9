package ui

import (
	"image"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// A CardView is what a bubble shows besides text: a tile, a document, a place.
type CardView struct {
	Icon   string
	Title  string
	Detail string
	Tone   Tone          // of the icon and the detail, when something is the matter
	Opens  inbox.MediaID // what a tap shows; "" for nothing
	Tile   bool          // a picture's place, in the picture's colours
	Wide   int           // of the picture, in pixels; 0 when unknown
	High   int
	Blur   []byte
	Key    string // identity of the picture
	Voice  bool   // a recording that is played in its bubble
	// Picture is made from Blur by a worker, never on the main goroutine.
	Picture image.Image
}

func (c *CardView) same(o *CardView) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.Title == o.Title && c.Detail == o.Detail && c.Tone == o.Tone && c.Opens == o.Opens && c.Key == o.Key && c.Icon == o.Icon &&
		c.Tile == o.Tile && c.Voice == o.Voice && c.Wide == o.Wide && c.High == o.High && slices.Equal(c.Blur, o.Blur)
}

func cardView(m *inbox.Message) *CardView {
	kind := m.Kind
	if m.Media != nil && (kind == inbox.Templated || kind == inbox.Interactive) {
		kind = mediaKind(m.Media.Type) // the file of a header
	}
	icon, name := medium(kind)
	c := &CardView{Icon: icon, Title: name}
	switch kind {
	case inbox.Image, inbox.Video, inbox.Sticker, inbox.Audio, inbox.Voice, inbox.Document:
		c.Tile = kind == inbox.Image || kind == inbox.Video
		if m.Media != nil {
			c.media(m.Media, kind, m.Side == inbox.FromPerson && m.Seq == 0)
		}
	case inbox.Location:
		c.Detail = word("media.location.detail")
		if m.Side == inbox.FromPerson {
			c.Detail = word("media.location.ours")
		}
	case inbox.ContactCard:
		c.Detail = word("media.contact.detail")
		if m.Side == inbox.FromPerson {
			c.Detail = word("media.contact.ours")
		}
	case inbox.Button:
		c.Detail = word("media.button.detail")
	case inbox.Order:
		c.Detail = word("media.order.detail")
	case inbox.Unsupported:
		c.Detail = word("media.unsupported.detail")
	default:
		return nil
	}
	return c
}

// media says what is known of a file, and what stands in the way of seeing it. A file that is leaving this device is nowhere
// else yet.
func (c *CardView) media(m *inbox.Media, kind inbox.MessageKind, leaving bool) {
	name := c.Title
	c.Key, c.Wide, c.High, c.Blur = string(m.ID), m.Width, m.Height, m.Blur
	heard := (kind == inbox.Voice || kind == inbox.Audio) && !leaving
	if c.Detail = mediaDetail(m); kind == inbox.Document {
		c.document(m)
	} else {
		if m.Length > 0 {
			c.Title += " · " + lengthText(m.Length)
		}
		if m.Size > 0 {
			c.Title += " · " + bytesText(m.Size)
		}
	}
	switch {
	case m.State == inbox.MediaFalse || m.Dangerous:
		c.Icon, c.Tone, c.Tile = "warn", ToneDanger, false
	case m.State == inbox.MediaBroken || m.State == inbox.MediaLarge || m.State == inbox.MediaGone:
		c.Icon, c.Tone, c.Tile = "warn", ToneWarn, false
	}
	if m.State == inbox.MediaReady && m.ID != "" {
		c.Opens = m.ID
		c.Voice = heard && !m.Dangerous && (m.Type == "" || hearable(m.Type))
		if heard && !c.Voice && !m.Dangerous {
			c.Detail = word("voice.unplayable")
		}
	}
	if c.Voice { // what there is to say fits below its waveform
		c.Title, c.Detail = name, lengthText(m.Length)
		if m.Length == 0 {
			c.Detail = bytesText(m.Size)
		}
	}
}

// document names a file, and says below what it is: kind, size, and what stands in the way.
func (c *CardView) document(m *inbox.Media) {
	if !m.Name.IsZero() {
		c.Title = m.Name.Visible()
	}
	var facts []string
	if kind := documentKind(m); kind != "" {
		facts = append(facts, kind)
	}
	if m.Size > 0 {
		facts = append(facts, bytesText(m.Size))
	}
	if m.State != inbox.MediaReady || m.Dangerous || len(facts) == 0 {
		facts = append(facts, c.Detail)
	}
	c.Detail = strings.Join(facts, " · ")
}

// mediaDetail is where the bytes are: they stay on the company's server, unless something is the matter.
func mediaDetail(m *inbox.Media) string {
	switch m.State {
	case inbox.MediaBroken:
		return word("media.broken")
	case inbox.MediaPending:
		return word("media.pending")
	case inbox.MediaLarge:
		return word("media.large")
	case inbox.MediaFalse:
		return word("media.false")
	case inbox.MediaGone:
		return word("media.gone")
	}
	if m.Dangerous {
		return word("media.dangerous")
	}
	return word("media.stays")
}

// mediaKind is how a file of that MIME type is drawn.
func mediaKind(mime string) inbox.MessageKind {
	group := func(prefix string) bool { return len(mime) > len(prefix) && mime[:len(prefix)] == prefix }
	switch {
	case group("image/"):
		return inbox.Image
	case group("video/"):
		return inbox.Video
	case group("audio/"):
		return inbox.Audio
	}
	return inbox.Document
}

// lengthText is how long a recording plays, as players write it.
func lengthText(ms int64) string {
	s := int64((time.Duration(ms)*time.Millisecond + time.Second - 1) / time.Second)
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	if s >= 3600 {
		return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60)
	}
	return strconv.FormatInt(s/60, 10) + ":" + two(s%60)
}

// linesOf are the small lines at the top of a bubble: what kind of message it is, and how it came.
func linesOf(m *inbox.Message) []LineView {
	var out []LineView
	if m.Outside {
		out = append(out, LineView{Icon: "warn", Text: word("message.outside"), Tone: ToneWarn})
	}
	if m.Forwarded {
		out = append(out, LineView{Icon: "go", Text: word("message.forwarded")})
	}
	switch m.Kind {
	case inbox.Templated:
		out = append(out, LineView{Icon: "template", Text: word("media.template")})
	case inbox.Interactive:
		out = append(out, LineView{Icon: "list", Text: word("media.interactive")})
	}
	return out
}

func referralView(r *inbox.Referral) *ReferralView {
	if r == nil {
		return nil
	}
	v := &ReferralView{Line: word("referral.ad"), Headline: r.Headline, Body: r.Body}
	if r.Post {
		v.Line = word("referral.post")
	}
	return v
}

func choiceViews(m *inbox.Message) []ChoiceView {
	var out []ChoiceView
	for _, c := range m.Choices {
		out = append(out, ChoiceView{Icon: choiceIcon(c.Kind), Text: c.Title, Note: c.Note, List: c.Kind == inbox.ChoiceRow})
	}
	return out
}

func choiceIcon(k inbox.ChoiceKind) string {
	switch k {
	case inbox.ChoiceLink:
		return "link"
	case inbox.ChoiceCall:
		return "phone"
	case inbox.ChoiceCopy:
		return "copy"
	case inbox.ChoiceFlow:
		return "document"
	case inbox.ChoiceRow:
		return ""
	}
	return "reply"
}

// alarming reports whether a happening asks for attention.
func alarming(w inbox.What) bool {
	switch w {
	case inbox.WhatNewIdentity, inbox.WhatNewNumber, inbox.WhatStoppedAll, inbox.WhatStopped, inbox.WhatErasureAsked, inbox.WhatDataAsked, inbox.WhatSentOutside:
		return true
	}
	return false
}

// uploadView says how far a file has come.
func uploadView(u Upload) *UploadView {
	v := &UploadView{Cancel: u.Intent, Part: -1, Text: word("upload.waiting")}
	if u.Total > 0 && u.Done >= u.Total {
		v.Part, v.Text, v.Cancel = 1, word("upload.checking"), ""
	} else if u.Total > 0 && u.Done > 0 {
		v.Part = float32(u.Done) / float32(u.Total)
		v.Text = word("upload.part", "Done", bytesText(u.Done), "Total", bytesText(u.Total))
	}
	return v
}

// refusalText is why the company's server did not grant a wish.
func refusalText(r inbox.Refusal) string {
	switch r {
	case inbox.RefusedRight:
		return word("why.right")
	case inbox.RefusedWindow:
		return word("fail.window")
	case inbox.RefusedTooLong:
		return word("refused.long")
	case inbox.RefusedNewerWords:
		return word("refused.newer")
	case inbox.RefusedTemplate:
		return word("refused.template")
	case inbox.RefusedConsent:
		return word("refused.consent")
	case inbox.RefusedVariable:
		return word("refused.variable")
	case inbox.RefusedMedia:
		return word("refused.media")
	case inbox.RefusedLarge:
		return word("refused.large")
	case inbox.RefusedJoined:
		return word("refused.joined")
	case inbox.RefusedGuard:
		return word("refused.guard")
	case inbox.RefusedReason:
		return word("refused.reason")
	case inbox.RefusedErased:
		return word("refused.erased")
	case inbox.RefusedCap:
		return word("refused.cap")
	case inbox.RefusedSelf:
		return word("refused.self")
	case inbox.RefusedStepUp:
		return word("stepup.none")
	case inbox.RefusedSignature:
		return word("refused.signature")
	}
	return word("fail.refused")
}
