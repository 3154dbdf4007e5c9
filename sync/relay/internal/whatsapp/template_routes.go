package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Templates lists every template of a WhatsApp Business Account, in all languages and statuses. It reads page after page;
// [ErrListing] means that Meta found no end.
func (c *Client) Templates(ctx context.Context, accountID string) ([]Template, error) {
	u, err := c.url(accountID, "message_templates")
	if err != nil {
		return nil, err
	}
	u.RawQuery = "fields=id,name,language,category,status,quality_score,rejected_reason,parameter_format,components"
	var all []Template
	if err := pages(ctx, c, u, func(t Template) { all = append(all, t) }); err != nil {
		return nil, err
	}
	return all, nil
}

// TemplateCreate hands a template to Meta for review, 100 an hour at most, and returns it with the id, the status and the
// category Meta gave it, which may be another and dearer one. [ErrRequest] and [ErrTemplate] are [Template.Check]'s.
func (c *Client) TemplateCreate(ctx context.Context, accountID string, t Template) (Template, error) {
	u, err := c.url(accountID, "message_templates")
	if err != nil {
		return Template{}, err
	}
	if err := t.Check(); err != nil {
		return Template{}, err
	}
	t.ID, t.Status, t.Quality, t.RejectedReason = "", "", "", ""
	var answer struct {
		ID       TemplateID     `json:"id"`
		Status   TemplateStatus `json:"status"`
		Category Category       `json:"category"`
	}
	if err := c.post(ctx, u, t, &answer); err != nil {
		return Template{}, err
	}
	if answer.ID == "" {
		return Template{}, &TransportError{Outcome: OutcomeUnknown}
	}
	t.ID, t.Status = answer.ID, answer.Status
	if answer.Category != "" {
		t.Category = answer.Category
	}
	return t, nil
}

// TemplateEdit replaces category and components of the template with t's ID, which goes back to review. Meta keeps an
// approved template's category, and allows one edit a day and ten in thirty days. Name and language cannot be changed.
func (c *Client) TemplateEdit(ctx context.Context, t Template) error {
	u, err := c.url(string(t.ID))
	if err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	return c.change(ctx, http.MethodPost, u, struct {
		Category   Category       `json:"category,omitempty"`
		Components []TemplatePart `json:"components"`
	}{t.Category, t.Components})
}

// TemplateDelete deletes one language of a template.
func (c *Client) TemplateDelete(ctx context.Context, accountID string, id TemplateID, name string) error {
	if !plainPath(string(id)) { // without an id Meta would take the name for all languages
		return fmt.Errorf("%w: no template id", ErrRequest)
	}
	return c.templateDelete(ctx, accountID, name, url.Values{"hsm_id": {string(id)}})
}

// TemplateDeleteAllLanguages deletes every language of the template of that name, at once and for good: the name cannot be
// used again for 30 days. There is no asking back; to take out one language use [Client.TemplateDelete].
func (c *Client) TemplateDeleteAllLanguages(ctx context.Context, accountID, name string) error {
	return c.templateDelete(ctx, accountID, name, url.Values{})
}

func (c *Client) templateDelete(ctx context.Context, accountID, name string, q url.Values) error {
	u, err := c.url(accountID, "message_templates")
	if err != nil {
		return err
	}
	if len(name) > MaxTemplateNameBytes || !templateName.MatchString(name) {
		return fmt.Errorf("%w: template name", ErrRequest)
	}
	q.Set("name", name)
	u.RawQuery = q.Encode()
	return c.change(ctx, http.MethodDelete, u, nil)
}
