package wasim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The page's view of the simulation. It holds everything about one customer and the outline of the others.
type playView struct {
	Company   string         `json:"company"`
	Now       time.Time      `json:"now"`
	App       bool           `json:"app"` // whether edits and revokes reach the company
	People    []playFace     `json:"people"`
	Person    *playFace      `json:"person,omitempty"`
	Messages  []playMessage  `json:"messages"`
	Templates []playTemplate `json:"templates"`
	Scenes    []string       `json:"scenes"`
	Codes     []playCode     `json:"codes"`
	Faults    map[string]any `json:"faults"`
	Posted    int            `json:"posted"`
	Waiting   int            `json:"waiting"`
	Last      int            `json:"last"` // status of the newest delivery
}

type playCode struct {
	Code  int    `json:"code"`
	Title string `json:"title"`
}

type playFace struct {
	Key      string `json:"key"`
	Name     string `json:"name"`
	Number   string `json:"number,omitempty"`
	Username string `json:"username,omitempty"`
	Receipts bool   `json:"receipts"`
	Stopped  bool   `json:"stopped"`
	Window   int    `json:"window"` // minutes the company may still write freely
	Free     int    `json:"free"`   // minutes of the free entry point
	Last     string `json:"last,omitempty"`
	at       time.Time
}

type playTemplate struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Category string `json:"category"`
	Status   string `json:"status"`
	Body     string `json:"body"`
}

type playMessage struct {
	ID        string    `json:"id"`
	Mine      bool      `json:"mine"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Text      string    `json:"text,omitempty"`
	Header    string    `json:"header,omitempty"`
	Footer    string    `json:"footer,omitempty"`
	Template  string    `json:"template,omitempty"`
	Note      string    `json:"note,omitempty"`
	Media     string    `json:"media,omitempty"`
	MIME      string    `json:"mime,omitempty"`
	Filename  string    `json:"filename,omitempty"`
	Choices   []Choice  `json:"choices,omitempty"`
	Quoted    string    `json:"quoted,omitempty"`
	Forwarded bool      `json:"forwarded,omitempty"`
	Ad        bool      `json:"ad,omitempty"`
	State     string    `json:"state,omitempty"`
	Why       string    `json:"why,omitempty"`
	Ours      string    `json:"ours,omitempty"`   // the company's reaction
	Theirs    string    `json:"theirs,omitempty"` // the customer's
	Edited    bool      `json:"edited,omitempty"`
	Revoked   bool      `json:"revoked,omitempty"`
	Echo      bool      `json:"echo,omitempty"`
}

func (s *Sim) playState(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v := s.playLook(r.URL.Query().Get("person"))
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// playLook makes the view. The caller holds mu.
func (s *Sim) playLook(key string) playView {
	n := s.numbers[s.cfg.Numbers[0].ID]
	now := s.clock.Now()
	v := playView{
		Company: n.Name, Now: now, App: n.Coexistence, Scenes: Scenes(), Messages: []playMessage{}, Templates: []playTemplate{},
		Posted: len(s.deliveries), Waiting: len(s.pending) + len(s.waiting),
		Faults: map[string]any{
			"duplicate": s.faults.Duplicate > 0, "delay": s.faults.Delay > 0, "reorder": s.faults.Reorder > 0,
			"badsignature": s.faults.BadSignature > 0, "token": s.tokens[0].expired, "next": len(s.graphFaults) + len(s.injections),
		},
	}
	if len(s.deliveries) > 0 {
		v.Last = s.deliveries[len(s.deliveries)-1].Status
	}
	for _, c := range Codes() {
		v.Codes = append(v.Codes, playCode{Code: c, Title: meanings[c].title})
	}
	for _, t := range s.templates {
		v.Templates = append(v.Templates, playTemplate{Name: t.name, Language: t.language, Category: t.category, Status: t.status, Body: t.body})
	}
	newest := map[*person]*message{}
	for _, m := range s.story {
		if m.person == nil {
			continue
		}
		if m.Type == "reaction" || m.Type == "revoke" || m.Type == "edit" {
			continue
		}
		newest[m.person] = m
		if m.person.Key == key {
			v.Messages = append(v.Messages, s.playShow(m))
		}
	}
	if len(v.Messages) > 300 {
		v.Messages = v.Messages[len(v.Messages)-300:]
	}
	for k, p := range s.people {
		if k != p.Key || strings.HasPrefix(k, "crowd-") {
			continue
		}
		f := playFace{Key: k, Name: p.Name, Number: p.Number, Username: p.Username, Receipts: !p.NoReceipts}
		t := s.lineOf(p).thread(p)
		f.Stopped = t.stopped
		if t.open(now) {
			f.Window = int(window.Minutes() - now.Sub(t.lastInbound).Minutes())
		}
		if now.Before(t.freeUntil) {
			f.Free = int(t.freeUntil.Sub(now).Minutes())
		}
		if m := newest[p]; m != nil {
			shown := s.playShow(m)
			f.Last, f.at = first(shown.Text, shown.Note, shown.Template, m.Type), m.At
		}
		v.People = append(v.People, f)
		if k == key {
			v.Person = &f
		}
	}
	slices.SortFunc(v.People, func(a, b playFace) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return v
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// playShow is a message as its reader sees it. The caller holds mu.
func (s *Sim) playShow(m *message) playMessage {
	v := playMessage{
		ID: m.ID, Mine: m.inbound, Type: m.Type, At: m.At, Choices: m.Choices, Template: m.Template, Edited: m.edited != "", Revoked: m.revoked,
		Ad: m.fromAd, Ours: m.emoji[false], Theirs: m.emoji[true], Echo: !m.inbound && m.states == nil,
	}
	body, _ := m.body.(object)
	if m.body == nil && len(m.Body) > 0 {
		_ = json.Unmarshal(m.Body, &body)
	}
	quoted := m.ReplyTo
	if id := str(m.context, "id"); id != "" {
		quoted = id
	}
	if q := s.messages[quoted]; q != nil && m.Type != "reaction" {
		inner := s.messages[quoted]
		v.Quoted = first(inner.Text, str(asObject(inner.body), "body"), inner.Caption, inner.Type)
	}
	v.Forwarded = m.context["forwarded"] == true || m.context["frequently_forwarded"] == true
	v.Media, v.MIME, v.Filename = m.MediaID, m.MIME, m.Filename
	switch m.Type {
	case "text":
		v.Text = first(m.edited, m.Text, str(body, "body"))
	case "image", "video", "audio", "document", "sticker":
		v.Text = first(m.edited, m.Caption, str(body, "caption"), m.Text)
		if id := str(body, "id"); v.Media == "" && id != "" {
			v.Media = id
		}
		v.Filename = first(m.Filename, str(body, "filename"))
		if f := s.media[v.Media]; f != nil {
			v.MIME = f.mime
		}
	case "template":
		v.Header, v.Text = m.Caption, m.Text
		if t := s.templateNamed(m.Template); t != nil {
			v.Footer = t.footer
		}
	case "interactive":
		v.Text = m.Text
		if m.inbound {
			for _, k := range []string{"button_reply", "list_reply"} {
				v.Text = first(v.Text, str(obj(body, k), "title"))
			}
			v.Text = first(v.Text, strings.ReplaceAll(str(body, "type"), "_", " "))
		}
		v.Header, v.Footer = str(obj(body, "header"), "text"), str(obj(body, "footer"), "text")
	case "button":
		v.Text = str(body, "text")
	case "location":
		v.Note = "📍 " + first(str(body, "name"), str(body, "address"), "a place on the map")
	case "contacts":
		v.Note = "👤 contact card"
		cards, _ := m.body.([]any)
		if cards == nil {
			_ = json.Unmarshal(m.Body, &cards)
		}
		for _, c := range cards {
			v.Note = "👤 " + str(obj(asObject(c), "name"), "formatted_name")
		}
	case "order":
		v.Note = "🛒 order"
		v.Text = str(body, "text")
	case "system":
		v.Note = strings.ReplaceAll(str(body, "type"), "_", " ")
	default:
		v.Note = m.Type
	}
	if !m.inbound {
		v.State = m.State
		if m.Code != 0 {
			v.Why = meanings[m.Code].title
		}
	}
	return v
}

func asObject(v any) object {
	o, _ := v.(object)
	return o
}

func (s *Sim) templateNamed(name string) *template {
	for _, t := range s.templates {
		if t.name == name {
			return t
		}
	}
	return nil
}
