package ui

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
)

// landscape is a made-up picture as a PNG file.
func landscape(w, h int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(40 + 120*y/h), G: uint8(90 + 100*x/w), B: uint8(160 - 90*y/h), A: 0xff})
			if (x/40+y/40)%7 == 0 {
				img.SetNRGBA(x, y, color.NRGBA{R: 0xd8, G: 0xc8, B: 0x90, A: 0xff})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func fileOf(name string, data []byte) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// equipped is a company with templates, cards, incidents and requests, and a supervisor in front of the window.
func equipped() *memory {
	m := company()
	m.me.Role = inbox.Supervisor
	m.me.Inboxes = []inbox.InboxID{"sales", "service"}
	m.people[0] = m.me
	m.inboxes = []inbox.Inbox{{ID: "sales", Name: "Sales"}, {ID: "service", Name: "Service"}}
	m.templates = []inbox.Template{
		{ID: "t1", Inbox: "sales", Name: "appointment_reminder", Language: "de", Category: inbox.Utility, State: inbox.TemplateApproved, Quality: inbox.QualityHigh,
			Header: inbox.TemplateHeader{Kind: inbox.Text, Text: "Ihr Termin"}, Body: "Guten Tag {{1}}, Ihr Termin ist am {{2}}. Passt das?", Footer: "Weber Haustechnik",
			Buttons: []inbox.TemplateButton{{Kind: inbox.ChoiceReply, Text: "Passt"}, {Kind: inbox.ChoiceReply, Text: "Anderer Termin"}},
			Fields:  []inbox.TemplateField{{Place: inbox.InBody, Name: "1", Example: "Frau Muster"}, {Place: inbox.InBody, Name: "2", Example: "24. November, 10:00 Uhr"}}},
		{ID: "t2", Inbox: "sales", Name: "spring_offer", Language: "de", Category: inbox.Marketing, State: inbox.TemplateApproved, Quality: inbox.QualityMedium,
			Header: inbox.TemplateHeader{Kind: inbox.Image}, Body: "Unser Frühjahrsangebot ist da: 10 % auf jede Wartung bis Ende Mai.", Footer: "Antworten Sie STOP, wenn Sie keine Werbung wünschen.",
			Buttons: []inbox.TemplateButton{{Kind: inbox.ChoiceLink, Text: "Angebot ansehen"}}},
		{ID: "t3", Inbox: "sales", Name: "appointment_reminder", Language: "it", Category: inbox.Utility, State: inbox.TemplatePending, Body: "Buongiorno {{1}}",
			Fields: []inbox.TemplateField{{Place: inbox.InBody, Name: "1"}}},
		{ID: "t4", Inbox: "sales", Name: "winter_offer", Language: "en_US", Category: inbox.Marketing, State: inbox.TemplateRejected, Reason: "INVALID_FORMAT", Body: "Buy now"},
		{ID: "t5", Inbox: "sales", Name: "delivery_note", Language: "de", Category: inbox.Utility, State: inbox.TemplateApproved, Quality: inbox.QualityLow, Body: "Ihre Lieferung ist unterwegs."},
		{ID: "t6", Inbox: "service", Name: "elsewhere", Language: "de", Category: inbox.Utility, State: inbox.TemplateApproved, Body: "Nicht hier."},
	}
	m.cards = []inbox.CompanyCard{{ID: "service-desk", Name: "Service desk", Company: "Weber Haustechnik"}, {ID: "old", Name: "Gone", Removed: true}}
	h := time.Hour
	m.incidents = []inbox.Incident{
		{ID: "i1", Kind: inbox.IncidentPayment, Inbox: "sales", At: ago(3 * h), Last: ago(20 * time.Minute), Count: 14, Detail: "131042"},
		{ID: "i2", Kind: inbox.IncidentSentOutside, Inbox: "sales", Conversation: "k", At: ago(26 * h), Last: ago(26 * h), Count: 1},
		{ID: "i3", Kind: inbox.IncidentTemplate, Inbox: "sales", At: ago(50 * h), Last: ago(50 * h), Count: 1, Detail: "winter_offer · REJECTED"},
		{ID: "i4", Kind: inbox.IncidentLimit, Inbox: "service", At: ago(90 * h), Last: ago(90 * h), Count: 2, Detail: "TIER_1K"},
		{ID: "i5", Kind: inbox.IncidentAccess, Inbox: "service", At: ago(200 * h), Last: ago(199 * h), Count: 3, Closed: ago(198 * h), By: "sl"},
		{ID: "i6", Kind: inbox.IncidentSpam, Inbox: "sales", At: ago(300 * h), Last: ago(299 * h), Count: 1, Closed: ago(280 * h)},
	}
	m.requests = []inbox.Request{
		{ID: "r1", Kind: inbox.RequestErasure, Inbox: "sales", Conversation: "k", At: ago(27 * 24 * h), Due: ago(-3 * 24 * h), State: inbox.RequestSeconded, First: "sl"},
		{ID: "r2", Kind: inbox.RequestData, Inbox: "sales", Conversation: "m", At: ago(2 * h), Due: ago(-30 * 24 * h)},
		{ID: "r3", Kind: inbox.RequestData, Inbox: "sales", Conversation: "gone", At: ago(60 * 24 * h), Due: ago(30 * 24 * h), State: inbox.RequestDone, Settled: ago(50 * 24 * h)},
		{ID: "r4", Kind: inbox.RequestErasure, Inbox: "sales", Conversation: "s", At: ago(40 * 24 * h), Due: ago(10 * 24 * h), State: inbox.RequestRefused, Second: "sl", Reason: "Offene Rechnung", Settled: ago(20 * 24 * h)},
		{ID: "r5", Kind: inbox.RequestErasure, Inbox: "sales", Conversation: "g", At: ago(26 * h), Due: ago(-29 * 24 * h), Quiet: ago(800 * 24 * h)},
	}
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		switch q := q.(type) {
		case inbox.AskCosts:
			c := inbox.Costs{Currency: "EUR", Unpriced: 2}
			if q.Conversation != "" {
				c.Unpriced = 0
			}
			for d := 1; d <= 21; d++ {
				day := time.Date(2025, 11, d, 0, 0, 0, 0, time.UTC)
				if day.Weekday() == time.Sunday {
					continue
				}
				for i, class := range []inbox.CostClass{inbox.CostService, inbox.CostUtility, inbox.CostMarketing, inbox.CostFree} {
					n := (d*7+i*5)%11 + 2
					l := inbox.CostLine{Day: day.Format(time.DateOnly), Class: class, Messages: n}
					if class == inbox.CostUtility || class == inbox.CostMarketing {
						l.Billed, l.Amount = n, int64(n)*int64(40_000+i*35_000)
					}
					c.Lines = append(c.Lines, l)
				}
			}
			return c, nil
		case inbox.Typing:
			return inbox.Done{}, nil
		}
		return nil, inbox.RefusedUnknown
	}
	m.fetch = func(_ context.Context, _ inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error {
		data := landscape(1200, 720)
		progress(int64(len(data)/2), int64(len(data)))
		_, err := w.Write(data)
		return err
	}
	return m
}

func TestNewStatesLookAsDesigned(t *testing.T) {
	chosen := func(g *stage) {
		g.ui.cfg.Pick = func(done func([]File)) { done([]File{fileOf("Plan.pdf", []byte("%PDF-1.7 plan"))}) }
		g.ui.desk.showPick()
		g.until("in the tray", func() bool { return len(g.ui.desk.comp.tray.files) == 1 })
		g.ui.desk.attach([]File{fileOf("Heizungsraum.png", landscape(800, 600))})
		g.until("in the tray", func() bool { return len(g.ui.desk.comp.tray.files) == 2 && g.ui.desk.comp.adding == 0 })
		g.typeText("Guten Tag {{contact.first_name}}, wie besprochen. {{agent.name}}")
	}
	for _, c := range []struct {
		name  string
		s     Settings
		w, h  float32
		with  func(m *memory)
		setup func(g *stage)
	}{
		{"tray", Settings{}, 1180, 640, nil, func(g *stage) { g.open("k"); chosen(g) }},
		{"tray-dark", Settings{Theme: "dark", Language: "de"}, 820, 560, nil, func(g *stage) { g.open("k"); chosen(g) }},
		{"templates", Settings{}, 1180, 800, nil, func(g *stage) {
			g.open("g")
			g.press(fyne.KeyT, ctrl)
			g.rest()
			g.press(fyne.KeyDown, 0)
			g.rest()
			g.ui.desk.u.cfg.Window.Canvas().Unfocus()
		}},
		{"templates-filled", Settings{Theme: "dark", Language: "de"}, 1180, 800, nil, func(g *stage) {
			g.open("g")
			g.press(fyne.KeyT, ctrl)
			g.press(fyne.KeyReturn, 0)
			g.typeText("{{contact.name}}")
			g.press(fyne.KeyReturn, 0)
			g.typeText("24. November, 10:00")
		}},
		{"templates-marketing", Settings{TextSize: 130, Language: "it"}, 1100, 800, nil, func(g *stage) {
			g.open("g")
			g.press(fyne.KeyT, ctrl)
			g.typeText("spring")
			g.rest()
		}},
		{"templates-820", Settings{}, 820, 560, nil, func(g *stage) { g.open("g"); g.press(fyne.KeyT, ctrl); g.press(fyne.KeyDown, 0) }},
		{"consent", Settings{}, 1100, 640, nil, func(g *stage) { g.open("k"); g.ui.desk.showConsent(nil) }},
		{"more", Settings{}, 1100, 640, nil, func(g *stage) { g.open("k"); g.press(fyne.KeyM, ctrl|shift) }},
		{"location", Settings{}, 1100, 640, nil, func(g *stage) { g.open("k"); g.ui.desk.showLocation() }},
		{"choices", Settings{Language: "de", Theme: "dark"}, 1100, 700, nil, func(g *stage) {
			g.open("k")
			g.ui.desk.showChoices(true)
			g.typeText("Um welche Anlage geht es?")
			g.press(fyne.KeyReturn, 0)
			g.press(fyne.KeyReturn, 0)
			g.typeText("Eine Beschriftung, die zu lang ist")
		}},
		{"viewer", Settings{}, 1100, 700, nil, func(g *stage) { g.open("k"); g.look("photo"); g.heard("picture shown") }},
		{"viewer-loading", Settings{}, 1100, 700, func(m *memory) {
			m.fetch = func(ctx context.Context, _ inbox.FetchMedia, _ io.Writer, progress func(done, total int64)) error {
				progress(90_000, 240_000)
				<-ctx.Done()
				return ctx.Err()
			}
		}, func(g *stage) { g.open("k"); g.look("photo"); g.wantShown("90 kB of 240 kB") }},
		{"viewer-offline", Settings{Theme: "dark", Language: "de"}, 1100, 700, func(m *memory) { m.fetch = nil }, func(g *stage) { g.open("k"); g.look("photo"); g.heard("viewer failed") }},
		{"file-dangerous", Settings{}, 1100, 640, func(m *memory) {
			x := in(time.Minute, "")
			x.ID, x.Kind, x.Media = "exe", inbox.Document, &inbox.Media{ID: "exe", Type: "application/x-msdownload", Size: 4_200_000, Name: inbox.PlainText("setup.exe"), State: inbox.MediaReady, Dangerous: true}
			m.say("k", x)
		}, func(g *stage) { g.open("k"); g.look("exe") }},
		{"held", Settings{}, 1100, 700, func(m *memory) {
			m.inboxes[0].State, m.inboxes[0].Why = inbox.InboxHeld, inbox.FailCompanyAccount
			m.say("k", out(0, "me", inbox.Queued, "Dann bis morgen."))
		}, func(g *stage) { g.open("k") }},
		{"joined", Settings{Theme: "dark"}, 1100, 640, func(m *memory) {
			m.say("g", inbox.Message{Kind: inbox.System, At: ago(time.Hour), Side: inbox.FromSystem, What: inbox.WhatJoined})
			row := *m.rows["g"]
			row.Into = "k"
			m.rows["g"] = &row
		}, func(g *stage) { g.open("g") }},
		{"supervisor", Settings{}, 1440, 900, func(m *memory) {
			row := *m.rows["k"]
			row.FreeUntil = inbox.At(noon.Add(26 * time.Hour))
			row.Consent = inbox.Consent{Marketing: inbox.Given, At: ago(200 * time.Hour), Source: inbox.FromRecord, By: "tb"}
			m.rows["k"] = &row
		}, func(g *stage) { g.open("k"); g.wantShown("last 30 days") }},
		{"costs", Settings{}, 1440, 900, nil, func(g *stage) { g.press(fyne.Key8, ctrl); g.heard("costs shown") }},
		{"costs-820", Settings{Theme: "dark", Language: "de"}, 820, 600, nil, func(g *stage) { g.press(fyne.Key8, ctrl); g.heard("costs shown") }},
		{"costs-offline", Settings{}, 1100, 640, func(m *memory) { m.answer = nil }, func(g *stage) { g.press(fyne.Key8, ctrl); g.heard("costs shown") }},
		{"incidents", Settings{}, 1180, 800, nil, func(g *stage) { g.press(fyne.Key7, ctrl); g.press(fyne.KeyDown, 0) }},
		{"requests", Settings{Theme: "dark", Language: "it", TextSize: 115}, 1100, 700, nil, func(g *stage) { g.press(fyne.Key6, ctrl) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := equipped()
			if c.with != nil {
				c.with(m)
			}
			c.s.EnterSends = true
			g := newStage(t, m, c.s, c.w, c.h)
			g.heard("inbox shown")
			g.ui.desk.setFilter(FilterAll)
			c.setup(g)
			g.rest()
			g.picture("new-" + c.name)
		})
	}
}

// look taps on the card of a message.
func (g *stage) look(id inbox.MessageID) {
	g.t.Helper()
	d := g.ui.desk
	for i, v := range d.line.items {
		if v.Message == id {
			d.line.tapped(i, areaCard, fyne.Position{})
			return
		}
	}
	g.t.Fatal("no such message")
}
