package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Errors of managing templates.
var (
	// ErrNoTemplate is returned for a template the inbox does not have.
	ErrNoTemplate = errors.New("no such template")
	// ErrNoAccount is returned when the configuration does not say to which WhatsApp Business Account an inbox belongs.
	ErrNoAccount = errors.New("write the inbox's account_id into relay.toml first: templates belong to a WhatsApp Business Account")
	// ErrWhichInbox is returned when there are several inboxes and none is named.
	ErrWhichInbox = errors.New("there are several inboxes; say which one")
	// ErrTemplateFile is returned for a file that describes no template WhatsApp could take. The wrapped text says why.
	ErrTemplateFile = errors.New("template file")
	// ErrTemplateRefused is returned when WhatsApp did not take a template. The wrapped text has its codes.
	ErrTemplateRefused = errors.New("WhatsApp refused it")
	// ErrTemplateUnknown is returned when WhatsApp gave no answer: it may have been done.
	ErrTemplateUnknown = errors.New("WhatsApp gave no answer: it may have been done; see `sealdesk-relay template sync`")
	// ErrLanguages is returned when it is not said whether one language goes or all.
	ErrLanguages = errors.New("say which language, or that all of them shall go")
)

// A TemplateWish is what somebody wants to be done about templates.
type TemplateWish struct {
	By    string        // id or name of the person who wants it
	Inbox inbox.InboxID // "" when there is only one
	// File is the template to create, or what an existing one shall be: TOML as [TemplateExample] explains, or JSON as
	// WhatsApp writes it.
	File string
	// Name says which template is deleted; of it one Language, or all of them with AllLanguages, which WhatsApp cannot
	// take back.
	Name, Language string
	AllLanguages   bool
}

// TemplateExample is a template file with every key explained.
const TemplateExample = `# Lower-case letters, digits and _; the same in all languages.
name = "order_ready"
# As WhatsApp spells it: de, en, en_US, pt_BR ...
language = "de"
# utility, marketing or authentication. WhatsApp may decide otherwise.
category = "utility"
# {{1}}, {{2}} ... or names such as {{order_number}} are filled in when it is sent.
body = "Guten Tag {{1}}, Ihre Bestellung {{2}} liegt bereit."
# One value for each gap, for WhatsApp's reviewers; for names: examples = { order_number = "A-17" }
examples = ["Frau Muster", "A-17"]
# footer = "Antworten Sie einfach hier."

# A line above the body, or a file: format is text, image, video, document or location.
# A file needs the handle of a sample from Meta's upload.
# [header]
# format = "text"
# text = "Ihre Bestellung {{1}}"
# example = "A-17"

# Up to ten buttons: reply, link (url, which may end in {{1}} with an example), call (phone) or code (example).
[[button]]
kind = "reply"
text = "Danke"
`

// templateFile is a template as people write it.
type templateFile struct {
	Name     string `toml:"name"`
	Language string `toml:"language"`
	Category string `toml:"category"`
	Body     string `toml:"body"`
	Examples any    `toml:"examples"`
	Footer   string `toml:"footer"`
	Header   *struct {
		Format  string `toml:"format"`
		Text    string `toml:"text"`
		Example string `toml:"example"`
		Handle  string `toml:"handle"`
	} `toml:"header"`
	Buttons []struct {
		Kind    string `toml:"kind"`
		Text    string `toml:"text"`
		URL     string `toml:"url"`
		Phone   string `toml:"phone"`
		Example string `toml:"example"`
	} `toml:"button"`
}

// CheckTemplate returns an error wrapping [ErrTemplateFile] unless the file describes a template WhatsApp could take. It
// asks nobody.
func CheckTemplate(file string) error {
	_, err := parseTemplate(file)
	return err
}

// maxTemplateFile is more than any template needs.
const maxTemplateFile = 64 << 10

func parseTemplate(file string) (t whatsapp.Template, err error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrTemplateFile, fmt.Sprintf(format, args...))
	}
	if len(file) > maxTemplateFile {
		return t, bad("longer than %d bytes", maxTemplateFile)
	}
	if strings.HasPrefix(strings.TrimSpace(file), "{") {
		if err := json.Unmarshal([]byte(file), &t); err != nil {
			return t, bad("%v", err)
		}
	} else if t, err = templateFromTOML(file); err != nil {
		return t, bad("%v", err)
	}
	if err := t.Check(); err != nil {
		return t, bad("%s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), whatsapp.ErrRequest.Error()+": "), "template "))
	}
	return t, nil
}

func templateFromTOML(text string) (t whatsapp.Template, err error) {
	var f templateFile
	meta, err := toml.Decode(text, &f)
	if err != nil {
		return t, err
	}
	for _, key := range meta.Undecoded() {
		if key[0] != "examples" { // its keys are the template's own
			return t, fmt.Errorf("no such key: %s", key)
		}
	}
	t = whatsapp.Template{Name: f.Name, Language: f.Language, Category: whatsapp.Category(strings.ToUpper(f.Category))}
	body := whatsapp.TemplatePart{Type: whatsapp.PartBody, Text: f.Body}
	switch examples := f.Examples.(type) {
	case nil:
	case []any:
		var values []string
		for _, v := range examples {
			values = append(values, fmt.Sprint(v))
		}
		body.Example, t.ParameterFormat = &whatsapp.Example{BodyText: [][]string{values}}, whatsapp.Positional
	case map[string]any:
		body.Example, t.ParameterFormat = &whatsapp.Example{}, whatsapp.Named
		for name, v := range examples {
			body.Example.BodyNamed = append(body.Example.BodyNamed, whatsapp.NamedExample{Name: name, Example: fmt.Sprint(v)})
		}
	default:
		return t, errors.New("examples: a list of values, or a table of names and values")
	}
	if h := f.Header; h != nil {
		part := whatsapp.TemplatePart{Type: whatsapp.PartHeader, Format: whatsapp.Format(strings.ToUpper(h.Format)), Text: h.Text}
		switch {
		case h.Handle != "":
			part.Example = &whatsapp.Example{HeaderHandle: []string{h.Handle}}
		case h.Example != "" && t.ParameterFormat == whatsapp.Named:
			name := strings.Trim(h.Text[max(0, strings.Index(h.Text, "{{")):], "{} ")
			name, _, _ = strings.Cut(name, "}")
			part.Example = &whatsapp.Example{HeaderNamed: []whatsapp.NamedExample{{Name: strings.TrimSpace(name), Example: h.Example}}}
		case h.Example != "":
			part.Example = &whatsapp.Example{HeaderText: []string{h.Example}}
		}
		t.Components = append(t.Components, part)
	}
	t.Components = append(t.Components, body)
	if f.Footer != "" {
		t.Components = append(t.Components, whatsapp.TemplatePart{Type: whatsapp.PartFooter, Text: f.Footer})
	}
	if len(f.Buttons) == 0 {
		return t, nil
	}
	buttons := whatsapp.TemplatePart{Type: whatsapp.PartButtons}
	kinds := map[string]whatsapp.ButtonType{
		"reply": whatsapp.ButtonQuickReply, "link": whatsapp.ButtonURL, "call": whatsapp.ButtonPhone, "code": whatsapp.ButtonCopyCode,
	}
	for i, b := range f.Buttons {
		kind, ok := kinds[b.Kind]
		if !ok {
			return t, fmt.Errorf("button %d: kind is reply, link, call or code", i+1)
		}
		buttons.Buttons = append(buttons.Buttons, whatsapp.TemplateButton{
			Type: kind, Text: b.Text, URL: b.URL, PhoneNumber: b.Phone, Example: whatsapp.ButtonExample(b.Example),
		})
	}
	t.Components = append(t.Components, buttons)
	return t, nil
}

// Templates implements [Admin].
func (r *Relay) Templates(ctx context.Context, in inbox.InboxID) (list []inbox.Template, err error) {
	for _, c := range r.cfg.Inboxes {
		if in != "" && string(in) != c.ID {
			continue
		}
		rows, err := r.templatesOf(ctx, inbox.InboxID(c.ID))
		if err != nil {
			return nil, err
		}
		for _, t := range rows {
			list = append(list, t.Template)
		}
	}
	if in != "" && r.inboxName(in) == "" {
		return nil, ErrNoInbox
	}
	return list, nil
}

// SyncTemplates implements [Admin].
func (r *Relay) SyncTemplates(ctx context.Context) (int, error) {
	if len(r.accounts()) == 0 {
		return 0, ErrNoAccount
	}
	n, err := r.syncTemplates(ctx)
	return n, inWords(err)
}

// manager finds the inbox and the person of a wish and checks that he may manage the templates of its account, which he
// shares with its other inboxes.
func (r *Relay) manager(ctx context.Context, w TemplateWish, act audit.Act, object string) (in inbox.InboxID, p inbox.Person, account string, err error) {
	if in = w.Inbox; in == "" && len(r.cfg.Inboxes) == 1 {
		in = inbox.InboxID(r.cfg.Inboxes[0].ID)
	}
	switch {
	case in == "":
		return in, p, "", ErrWhichInbox
	case r.inboxName(in) == "":
		return in, p, "", ErrNoInbox
	}
	if account = r.account(in); account == "" {
		return in, p, "", ErrNoAccount
	}
	if p, err = r.personNamed(ctx, w.By); err != nil {
		return in, p, account, err
	}
	entry := audit.Entry{At: inbox.At(r.now()), Actor: p.ID, Act: act, Object: object}
	for _, id := range r.accounts()[account] {
		s := inbox.Subject{Inbox: id}
		if inbox.Can(p, inbox.ActOversee, s) != nil || inbox.Can(p, inbox.ActSend, s) != nil {
			entry.Refused = inbox.RefusedRight
		}
	}
	// It is written down before it is tried: what WhatsApp does cannot be part of a transaction of ours.
	if err := r.audit(ctx, in, entry); err != nil {
		return in, p, account, err
	}
	if entry.Refused != 0 {
		return in, p, account, entry.Refused
	}
	return in, p, account, nil
}

func (r *Relay) audit(ctx context.Context, in inbox.InboxID, e audit.Entry) error {
	return r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error { return audit.Record(tx, e) })
}

// attempt does something at WhatsApp, and writes down when that did not work.
func (r *Relay) attempt(ctx context.Context, in inbox.InboxID, p inbox.Person, act audit.Act, object string, do func() error) error {
	err := do()
	if err == nil {
		return nil
	}
	if whatsapp.OutcomeOf(err) != whatsapp.OutcomeUnknown {
		err = errors.Join(err, r.audit(ctx, in, audit.Entry{At: inbox.At(r.now()), Actor: p.ID, Act: act, Object: object, Refused: inbox.RefusedTemplate}))
	}
	return inWords(err)
}

// inWords says in words for the command line what WhatsApp did not like.
func inWords(err error) error {
	var api *whatsapp.APIError
	var lost *whatsapp.TransportError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api):
		if api.Class == whatsapp.ClassAuth || api.Class == whatsapp.ClassPermission || api.Class.Temporary() {
			detail, _ := numberTrouble(err)
			return fmt.Errorf("%w: %s", ErrTemplateRefused, detail)
		}
		return fmt.Errorf("%w: status %d, code %d, subcode %d", ErrTemplateRefused, api.HTTPStatus, api.Code, api.Subcode)
	case errors.As(err, &lost) && lost.Outcome == whatsapp.OutcomeNotSent:
		return fmt.Errorf("%w: it cannot be reached, and nothing was done", ErrTemplateRefused)
	case errors.As(err, &lost):
		return ErrTemplateUnknown
	}
	return err
}

// CreateTemplate implements [Admin].
func (r *Relay) CreateTemplate(ctx context.Context, w TemplateWish) (inbox.Template, error) {
	t, err := parseTemplate(w.File)
	if err != nil {
		return inbox.Template{}, err
	}
	object := t.Name + "/" + t.Language
	in, p, account, err := r.manager(ctx, w, audit.TemplateCreated, object)
	if err != nil {
		return inbox.Template{}, err
	}
	err = r.attempt(ctx, in, p, audit.TemplateCreated, object, func() (err error) {
		t, err = r.graph.TemplateCreate(ctx, account, t)
		return err
	})
	if err != nil {
		return inbox.Template{}, err
	}
	return r.keepTemplate(ctx, in, account, t)
}

// keepTemplate writes down in all inboxes of an account what Meta answered about a template.
func (r *Relay) keepTemplate(ctx context.Context, in inbox.InboxID, account string, t whatsapp.Template) (seen inbox.Template, err error) {
	for _, id := range r.accounts()[account] {
		err := r.db.Update(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
			if _, err := adoptTemplate(tx, id, t, inbox.At(r.now())); err != nil {
				return err
			}
			ours, err := tx.Get(bucketTemplateOf, []byte(t.ID))
			if err != nil || id != in {
				return err
			}
			row, _, err := storedTemplate(tx, inbox.TemplateID(ours))
			seen = row.Template
			return err
		})
		if err != nil {
			return seen, fmt.Errorf("WhatsApp has it, but it was not written down here: %w", err)
		}
	}
	return seen, nil
}

// EditTemplate implements [Admin].
func (r *Relay) EditTemplate(ctx context.Context, w TemplateWish) (inbox.Template, error) {
	t, err := parseTemplate(w.File)
	if err != nil {
		return inbox.Template{}, err
	}
	object := t.Name + "/" + t.Language
	in, p, account, err := r.manager(ctx, w, audit.TemplateEdited, object)
	if err != nil {
		return inbox.Template{}, err
	}
	found, err := r.templatesNamed(ctx, in, t.Name, t.Language)
	if err != nil {
		return inbox.Template{}, err
	}
	t.ID = found[0].Meta.ID
	if found[0].Template.State == inbox.TemplateApproved {
		t.Category = found[0].Meta.Category // which WhatsApp alone decides once it has approved one
	}
	err = r.attempt(ctx, in, p, audit.TemplateEdited, object, func() error { return r.graph.TemplateEdit(ctx, t) })
	if err != nil {
		return inbox.Template{}, err
	}
	t.Status, t.Quality = whatsapp.TemplatePending, found[0].Meta.Quality // it goes back to review; a sync tells more
	return r.keepTemplate(ctx, in, account, t)
}

// templatesNamed returns the languages of a template, or the one that is named. It returns [ErrNoTemplate] for none.
func (r *Relay) templatesNamed(ctx context.Context, in inbox.InboxID, name, language string) (found []templateRow, err error) {
	rows, err := r.templatesOf(ctx, in)
	for _, t := range rows {
		if t.Template.Name == name && (language == "" || t.Template.Language == language) {
			found = append(found, t)
		}
	}
	if err == nil && len(found) == 0 {
		err = ErrNoTemplate
	}
	return found, err
}

// DeleteTemplate implements [Admin].
func (r *Relay) DeleteTemplate(ctx context.Context, w TemplateWish) (gone []inbox.Template, err error) {
	if w.AllLanguages == (w.Language != "") {
		return nil, ErrLanguages
	}
	object := w.Name + "/" + w.Language
	if w.AllLanguages {
		object += "all languages"
	}
	if inbox.Identifying(w.Name) || len(object) > maxDetail {
		return nil, ErrNoTemplate
	}
	in, p, account, err := r.manager(ctx, w, audit.TemplateDeleted, object)
	if err != nil {
		return nil, err
	}
	found, err := r.templatesNamed(ctx, in, w.Name, w.Language)
	if err != nil {
		return nil, err
	}
	err = r.attempt(ctx, in, p, audit.TemplateDeleted, object, func() error {
		if w.AllLanguages {
			return r.graph.TemplateDeleteAllLanguages(ctx, account, w.Name)
		}
		return r.graph.TemplateDelete(ctx, account, found[0].Meta.ID, w.Name)
	})
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		gone = append(gone, t.Template)
		t.Meta.Status = whatsapp.TemplateDeleted
		if _, err := r.keepTemplate(ctx, in, account, t.Meta); err != nil {
			return gone, err
		}
	}
	return gone, r.recovered(ctx, in, []string{w.Name})
}

// TierWords says in words what [inbox.Inbox.Daily] is.
func TierWords(daily int) string {
	switch daily {
	case 0:
		return "not known"
	case -1:
		return "no limit"
	}
	return strconv.Itoa(daily)
}
