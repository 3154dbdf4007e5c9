package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Buckets of an inbox's shard.
const (
	bucketTemplate   = "template"   // our id -> templateDisk
	bucketTemplateOf = "templateof" // Meta's id of one language of a template -> our id
)

const (
	templatesEvery = 6 * time.Hour
	templatesRetry = 5 * time.Second // after a failure, doubled with each further one
	templatesAfter = 3 * time.Second // of quiet once Meta told of a change: it tells of many at once
	templatesLimit = 2 * time.Minute // for one account
)

// A templateRow is a template as people see it and as Meta has it.
type templateRow struct {
	Template inbox.Template
	Meta     whatsapp.Template
}

// templateDisk is a templateRow as it is kept: Meta's part in Meta's words, so that nothing of it is lost.
type templateDisk struct {
	Template inbox.Template `cbor:"1,keyasint"`
	Meta     []byte         `cbor:"2,keyasint"`
}

// storedTemplate returns a template of the inbox whose shard tx is on, and whether there is one.
func storedTemplate(tx ledger.Tx, id inbox.TemplateID) (templateRow, bool, error) {
	if id == "" {
		return templateRow{}, false, nil
	}
	row, err := tx.Get(bucketTemplate, []byte(id))
	if err != nil || row == nil {
		return templateRow{}, false, err
	}
	t, err := decodeTemplate(row)
	return t, err == nil, err
}

func decodeTemplate(row []byte) (templateRow, error) {
	var d templateDisk
	var t templateRow
	if cbor.Unmarshal(row, &d) != nil || json.Unmarshal(d.Meta, &t.Meta) != nil {
		return t, errRow
	}
	t.Template = d.Template
	return t, nil
}

func storedTemplates(tx ledger.Tx) (all []templateRow, err error) {
	for _, row := range tx.Scan(bucketTemplate, nil, nil) {
		t, err := decodeTemplate(row)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, tx.Err()
}

// putTemplate writes a template and tells everybody if people see a difference.
func putTemplate(tx ledger.Tx, t templateRow, at inbox.Moment) (changed bool, err error) {
	meta, err := json.Marshal(t.Meta)
	if err != nil {
		return false, fmt.Errorf("encoding a template: %w", err)
	}
	row, err := cbor.Marshal(templateDisk{Template: t.Template, Meta: meta})
	if err != nil {
		return false, fmt.Errorf("encoding a template: %w", err)
	}
	before, known, err := storedTemplate(tx, t.Template.ID)
	if err != nil {
		return false, err
	}
	if known && sameTemplate(before.Template, t.Template) {
		was, err := tx.Get(bucketTemplate, []byte(t.Template.ID))
		if err != nil || bytes.Equal(was, row) {
			return false, err
		}
		return false, tx.Put(bucketTemplate, []byte(t.Template.ID), row)
	}
	if err := tx.Put(bucketTemplate, []byte(t.Template.ID), row); err != nil {
		return false, err
	}
	if err := tx.Put(bucketTemplateOf, []byte(t.Meta.ID), []byte(t.Template.ID)); err != nil {
		return false, err
	}
	_, err = eventlog.Append(tx, at, "", inbox.TemplateChanged{Template: t.Template})
	return err == nil, err
}

func sameTemplate(a, b inbox.Template) bool {
	x, errX := cbor.Marshal(a)
	y, errY := cbor.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// adoptTemplate writes what Meta says about a template. A reason it gave by webhook is kept while the state is the same.
func adoptTemplate(tx ledger.Tx, in inbox.InboxID, m whatsapp.Template, at inbox.Moment) (changed bool, err error) {
	id, err := tx.Get(bucketTemplateOf, []byte(m.ID))
	if err != nil {
		return false, err
	}
	t := templateRow{Template: templateOf(m), Meta: m}
	t.Template.Inbox = in
	if t.Template.ID = inbox.TemplateID(id); id == nil {
		t.Template.ID = inbox.NewID[inbox.TemplateID]()
	} else if before, ok, err := storedTemplate(tx, t.Template.ID); err != nil {
		return false, err
	} else if ok && t.Template.Reason == "" && before.Template.State == t.Template.State && t.Template.State != inbox.TemplateApproved {
		t.Template.Reason = before.Template.Reason
	}
	return putTemplate(tx, t, at)
}

// reasonShape is why a template cannot be sent from here although Meta approved it.
const reasonShape = "NOT_SUPPORTED_HERE"

// templateOf says in our words what Meta says about a template.
func templateOf(m whatsapp.Template) inbox.Template {
	t := inbox.Template{
		Name: m.Name, Language: m.Language, Category: categoryOf(m.Category), State: templateState(m.Status), Quality: qualityOf(m.Quality),
	}
	t.Removed = m.Status == whatsapp.TemplateDeleted
	if m.RejectedReason != "" && m.RejectedReason != "NONE" {
		t.Reason = word(m.RejectedReason)
	}
	fits := true
	for _, p := range m.Components {
		switch p.Type {
		case whatsapp.PartHeader:
			kinds := map[whatsapp.Format]inbox.MessageKind{
				"": inbox.Text, whatsapp.FormatText: inbox.Text, whatsapp.FormatImage: inbox.Image, whatsapp.FormatVideo: inbox.Video,
				whatsapp.FormatDocument: inbox.Document, whatsapp.FormatLocation: inbox.Location,
			}
			t.Header = inbox.TemplateHeader{Kind: kinds[p.Format], Text: p.Text}
			fits = fits && t.Header.Kind != 0 && t.Header.Kind != inbox.Location // a place needs more than a template's wish holds
		case whatsapp.PartBody:
			t.Body = p.Text
		case whatsapp.PartFooter:
			t.Footer = p.Text
		case whatsapp.PartButtons:
			for _, b := range p.Buttons {
				t.Buttons = append(t.Buttons, inbox.TemplateButton{Kind: choiceOf(b.Type), Text: b.Text})
			}
		}
	}
	fields, _, err := templateFields(m)
	if t.Fields = fields; err != nil {
		fits = false
	}
	if !fits && t.State == inbox.TemplateApproved {
		t.State, t.Reason = inbox.TemplateDisabled, reasonShape
	}
	return t
}

// templateFields returns what a person has to fill in of a template, and under which key each goes to
// [whatsapp.Template.Fill]. The file of a header and what quick replies answer are not among them. An error means that the
// template cannot be filled in.
func templateFields(m whatsapp.Template) (fields []inbox.TemplateField, keys []string, err error) {
	parameters, err := m.Parameters()
	if err != nil {
		return nil, nil, err
	}
	places := map[whatsapp.Place]inbox.FieldPlace{whatsapp.InHeader: inbox.InHeader, whatsapp.InBody: inbox.InBody, whatsapp.InButton: inbox.InButton}
	for _, p := range parameters {
		if p.Optional || p.Kind != whatsapp.TakesText && p.Kind != whatsapp.TakesCoupon {
			continue
		}
		f := inbox.TemplateField{Place: places[p.Place], Name: p.Name, Example: p.Example}
		if p.Place == whatsapp.InButton {
			f.Button, f.Name = p.Index, "1"
		} else if f.Name == "" {
			f.Name = fmt.Sprint(p.Index)
		}
		fields, keys = append(fields, f), append(keys, p.Key())
	}
	return fields, keys, nil
}

func categoryOf(c whatsapp.Category) inbox.TemplateCategory {
	switch c {
	case whatsapp.Utility:
		return inbox.Utility
	case whatsapp.Authentication:
		return inbox.Authentication
	}
	return inbox.Marketing // also what is new: the category that needs most
}

func templateState(s whatsapp.TemplateStatus) inbox.TemplateState {
	switch s {
	case whatsapp.TemplateApproved, whatsapp.TemplateReinstated, whatsapp.TemplateFlagged:
		return inbox.TemplateApproved
	case whatsapp.TemplateRejected:
		return inbox.TemplateRejected
	case whatsapp.TemplatePaused:
		return inbox.TemplatePaused
	case whatsapp.TemplatePending, whatsapp.TemplateInAppeal:
		return inbox.TemplatePending
	}
	return inbox.TemplateDisabled
}

func choiceOf(t whatsapp.ButtonType) inbox.ChoiceKind {
	switch t {
	case whatsapp.ButtonURL:
		return inbox.ChoiceLink
	case whatsapp.ButtonPhone, whatsapp.ButtonVoiceCall:
		return inbox.ChoiceCall
	case whatsapp.ButtonCopyCode, whatsapp.ButtonOTP:
		return inbox.ChoiceCopy
	case "FLOW":
		return inbox.ChoiceFlow
	}
	return inbox.ChoiceReply
}

// accounts returns the WhatsApp Business Accounts the configuration names, each with its inboxes.
func (r *Relay) accounts() map[string][]inbox.InboxID {
	out := map[string][]inbox.InboxID{}
	for _, in := range r.cfg.Inboxes {
		if in.AccountID != "" {
			out[in.AccountID] = append(out[in.AccountID], inbox.InboxID(in.ID))
		}
	}
	return out
}

// syncTemplates brings the templates of every account up to date and returns how many changed. What cannot be read stays
// as it is.
func (r *Relay) syncTemplates(ctx context.Context) (changed int, err error) {
	for account, inboxes := range r.accounts() {
		n, failed := r.syncAccount(ctx, account, inboxes)
		changed += n
		err = errors.Join(err, failed)
	}
	return changed, err
}

func (r *Relay) syncAccount(ctx context.Context, account string, inboxes []inbox.InboxID) (changed int, err error) {
	ask, cancel := context.WithTimeout(ctx, templatesLimit)
	defer cancel()
	listed, err := r.graph.Templates(ask, account)
	if err != nil {
		return 0, fmt.Errorf("listing templates: %w", err)
	}
	for _, id := range inboxes {
		var n int
		var well []string
		err := r.db.Update(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) (err error) {
			n, well, err = adoptListing(tx, id, listed, inbox.At(r.now()))
			return err
		})
		if err != nil {
			return changed, fmt.Errorf("keeping templates: %w", err)
		}
		changed += n
		if err := r.recovered(ctx, id, well); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// adoptListing writes all templates Meta has, and marks the others as removed. well names those that were in trouble.
func adoptListing(tx ledger.Tx, id inbox.InboxID, listed []whatsapp.Template, at inbox.Moment) (changed int, well []string, err error) {
	known, err := storedTemplates(tx)
	if err != nil {
		return 0, nil, err
	}
	there := map[whatsapp.TemplateID]bool{}
	for _, m := range listed {
		if m.ID == "" {
			continue
		}
		there[m.ID] = true
		news, err := adoptTemplate(tx, id, m, at)
		if err != nil {
			return 0, nil, err
		}
		if news {
			changed++
		}
	}
	for _, t := range known {
		if there[t.Meta.ID] || t.Template.Removed {
			continue
		}
		t.Template.Removed = true
		if _, err := putTemplate(tx, t, at); err != nil {
			return 0, nil, err
		}
		changed++
	}
	for _, before := range known {
		after, _, err := storedTemplate(tx, before.Template.ID)
		if err != nil {
			return 0, nil, err
		}
		if ailing(before) && !ailing(after) {
			well = append(well, after.Template.Name)
		}
	}
	return changed, well, nil
}

// followTemplates keeps the templates up to date until ctx ends: at once, every few hours, and when Meta told of a change.
func (r *Relay) followTemplates(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		wait := templatesEvery
		if _, err := r.syncTemplates(ctx); err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			r.log.Warn("templates cannot be read", "error", err)
			wait = min(templatesRetry<<min(failures, 12), templatesEvery)
			failures++
		}
		again := time.NewTimer(vary(wait))
		select {
		case <-ctx.Done():
		case <-again.C:
		case <-r.templateNews:
			pause(ctx, templatesAfter)
			select { // what was told meanwhile is read with the rest
			case <-r.templateNews:
			default:
			}
		}
		again.Stop()
	}
	return nil
}

// template acts on news about a template at once; the rest of the template is read anew soon.
func (n news) template(ctx context.Context, b whatsapp.Notice) error {
	defer func() {
		select {
		case n.r.templateNews <- struct{}{}:
		default:
		}
	}()
	var ref whatsapp.TemplateRef
	var trouble, what string
	change := func(t *templateRow) {}
	switch b := b.(type) {
	case whatsapp.TemplateStatusChange:
		ref, what = b.Template, "status"
		switch b.Event {
		case whatsapp.TemplatePaused, whatsapp.TemplateDisabled, whatsapp.TemplateRejected, whatsapp.TemplateFlagged:
			trouble = string(b.Event)
		}
		reason := ""
		if b.Reason != "" {
			reason = word(b.Reason)
		}
		if b.Event == "UNARCHIVED" { // what it is now, the listing tells
			break
		}
		change = func(t *templateRow) {
			if b.Event == "UNPAUSED" {
				b.Event = whatsapp.TemplateApproved
			}
			t.Meta.Status, t.Meta.RejectedReason = b.Event, ""
			if templateState(b.Event) == inbox.TemplateRejected {
				t.Meta.RejectedReason = reason
			}
			seen := templateOf(t.Meta)
			t.Template.State, t.Template.Reason, t.Template.Removed = seen.State, seen.Reason, seen.Removed
			if t.Template.Reason == "" && seen.State != inbox.TemplateApproved {
				t.Template.Reason = reason
			}
		}
	case whatsapp.TemplateQualityChange:
		ref, what = b.Template, "quality"
		change = func(t *templateRow) {
			t.Meta.Quality = b.New
			t.Template.Quality = qualityOf(b.New)
		}
	case whatsapp.TemplateCategoryChange:
		ref, what, trouble = b.Template, "category", "CATEGORY"
		if b.New != "" {
			change = func(t *templateRow) {
				t.Meta.Category = b.New
				t.Template.Category = categoryOf(b.New)
			}
		}
	case whatsapp.TemplateContentChange:
		return nil // it leaves parts out: the listing tells
	}
	if old, err := n.stale(ctx, "template/"+what+"/"+string(ref.ID)); err != nil || old {
		return err
	}
	var well []string
	err := n.r.db.Update(ctx, eventlog.Shard(n.in.Log()), func(tx ledger.Tx) error {
		well = nil
		t, ok, err := n.find(tx, ref)
		if err != nil || !ok {
			return err
		}
		was := ailing(t)
		if change(&t); was && !ailing(t) {
			well = []string{t.Template.Name}
		}
		_, err = putTemplate(tx, t, inbox.At(n.r.now()))
		return err
	})
	if err != nil {
		return err
	}
	if trouble != "" {
		name := ref.Name
		if inbox.Identifying(name) {
			name = ""
		}
		return n.r.raise(ctx, n.once+"/"+trouble, inbox.Incident{Kind: inbox.IncidentTemplate, Inbox: n.r.scope(n.in), Detail: name})
	}
	return n.r.recovered(ctx, n.in, well)
}

// find returns the template a notice is about, if it is known.
func (n news) find(tx ledger.Tx, ref whatsapp.TemplateRef) (templateRow, bool, error) {
	if ref.ID != "" {
		id, err := tx.Get(bucketTemplateOf, []byte(ref.ID))
		if err != nil {
			return templateRow{}, false, err
		}
		if t, ok, err := storedTemplate(tx, inbox.TemplateID(id)); err != nil || ok {
			return t, ok, err
		}
	}
	all, err := storedTemplates(tx)
	for _, t := range all {
		if t.Meta.Name == ref.Name && t.Meta.Language == ref.Language && !t.Template.Removed && ref.Name != "" {
			return t, true, err
		}
	}
	return templateRow{}, false, err
}

// ailing reports whether WhatsApp holds something against a template.
func ailing(t templateRow) bool {
	switch t.Template.State {
	case inbox.TemplateRejected, inbox.TemplatePaused, inbox.TemplateDisabled:
		return !t.Template.Removed && t.Template.Reason != reasonShape
	}
	return !t.Template.Removed && t.Meta.Status == whatsapp.TemplateFlagged
}

// recovered closes the incidents of templates that got well, unless another language of them is still in trouble. A change
// of category does not get well: it stays until somebody has seen it.
func (r *Relay) recovered(ctx context.Context, in inbox.InboxID, names []string) error {
	if len(names) == 0 {
		return nil
	}
	bad := map[string]bool{}
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		all, err := storedTemplates(tx)
		for _, t := range all {
			bad[t.Template.Name] = bad[t.Template.Name] || ailing(t)
		}
		return err
	})
	for _, name := range names {
		if err == nil && !bad[name] && name != "" {
			err = r.calm(ctx, inbox.IncidentTemplate, r.scope(in), name)
		}
	}
	return err
}

// templatesOf returns the templates of an inbox that are there, by name and language.
func (r *Relay) templatesOf(ctx context.Context, in inbox.InboxID) (rows []templateRow, err error) {
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		rows, err = storedTemplates(tx)
		return err
	})
	rows = slices.DeleteFunc(rows, func(t templateRow) bool { return t.Template.Removed })
	slices.SortFunc(rows, func(a, b templateRow) int {
		if c := strings.Compare(a.Template.Name, b.Template.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Template.Language, b.Template.Language)
	})
	return rows, err
}
