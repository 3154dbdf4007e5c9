package relay

import (
	"context"
	"net/http"

	"sealdesk/app/inbox"
)

// What is asked over the socket.
type (
	closeBody struct {
		ID inbox.IncidentID
		By string
	}
	decideBody struct {
		ID, By, Reason string
		Agree          bool
	}
)

// adminOversight serves the part of [Admin] that is about incidents, templates and customers' requests.
func (r *Relay) adminOversight(mux *http.ServeMux) {
	mux.HandleFunc("POST /incidents", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(all bool) (any, error) { return r.Incidents(q.Context(), all) })
	})
	mux.HandleFunc("POST /incident/close", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b closeBody) (any, error) { return r.CloseIncident(q.Context(), b.ID, b.By) })
	})
	mux.HandleFunc("POST /templates", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(in inbox.InboxID) (any, error) { return r.Templates(q.Context(), in) })
	})
	mux.HandleFunc("POST /template/sync", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.SyncTemplates(q.Context()) })
	})
	mux.HandleFunc("POST /template/create", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b TemplateWish) (any, error) { return r.CreateTemplate(q.Context(), b) })
	})
	mux.HandleFunc("POST /template/edit", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b TemplateWish) (any, error) { return r.EditTemplate(q.Context(), b) })
	})
	mux.HandleFunc("POST /template/delete", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b TemplateWish) (any, error) { return r.DeleteTemplate(q.Context(), b) })
	})
	mux.HandleFunc("POST /requests", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(all bool) (any, error) { return r.Requests(q.Context(), all) })
	})
	mux.HandleFunc("POST /request", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(id string) (any, error) { return r.Request(q.Context(), id) })
	})
	mux.HandleFunc("POST /request/decide", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b decideBody) (any, error) { return r.DecideRequest(q.Context(), b.ID, b.By, b.Agree, b.Reason) })
	})
	mux.HandleFunc("POST /request/finish", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b decideBody) (any, error) { return r.FinishRequest(q.Context(), b.ID, b.By) })
	})
	mux.HandleFunc("POST /request/run", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.RunErasures(q.Context()) })
	})
	mux.HandleFunc("POST /request/quiet", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(days int) (any, error) { return r.QuietContacts(q.Context(), days) })
	})
	mux.HandleFunc("POST /request/retention", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.RunRetention(q.Context()) })
	})
	mux.HandleFunc("POST /request/export", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b decideBody) (any, error) { return r.ExportRequest(q.Context(), b.ID, b.By) })
	})
}

func (a *remoteAdmin) Incidents(ctx context.Context, all bool) (list []inbox.Incident, err error) {
	return list, a.call(ctx, "incidents", all, &list)
}

func (a *remoteAdmin) CloseIncident(ctx context.Context, id inbox.IncidentID, by string) (i inbox.Incident, err error) {
	return i, a.call(ctx, "incident/close", closeBody{ID: id, By: by}, &i)
}

func (a *remoteAdmin) Templates(ctx context.Context, in inbox.InboxID) (list []inbox.Template, err error) {
	return list, a.call(ctx, "templates", in, &list)
}

func (a *remoteAdmin) SyncTemplates(ctx context.Context) (n int, err error) {
	return n, a.call(ctx, "template/sync", struct{}{}, &n)
}

func (a *remoteAdmin) CreateTemplate(ctx context.Context, w TemplateWish) (t inbox.Template, err error) {
	return t, a.call(ctx, "template/create", w, &t)
}

func (a *remoteAdmin) EditTemplate(ctx context.Context, w TemplateWish) (t inbox.Template, err error) {
	return t, a.call(ctx, "template/edit", w, &t)
}

func (a *remoteAdmin) DeleteTemplate(ctx context.Context, w TemplateWish) (gone []inbox.Template, err error) {
	return gone, a.call(ctx, "template/delete", w, &gone)
}

func (a *remoteAdmin) Requests(ctx context.Context, all bool) (list []inbox.Request, err error) {
	return list, a.call(ctx, "requests", all, &list)
}

func (a *remoteAdmin) Request(ctx context.Context, id string) (q inbox.Request, err error) {
	return q, a.call(ctx, "request", id, &q)
}

func (a *remoteAdmin) DecideRequest(ctx context.Context, id, by string, agree bool, reason string) (q inbox.Request, err error) {
	return q, a.call(ctx, "request/decide", decideBody{ID: id, By: by, Reason: reason, Agree: agree}, &q)
}

func (a *remoteAdmin) FinishRequest(ctx context.Context, id, by string) (q inbox.Request, err error) {
	return q, a.call(ctx, "request/finish", decideBody{ID: id, By: by}, &q)
}

func (a *remoteAdmin) QuietContacts(ctx context.Context, days int) (list []Quiet, err error) {
	return list, a.call(ctx, "request/quiet", days, &list)
}

func (a *remoteAdmin) RunRetention(ctx context.Context) (run KeepRun, err error) {
	return run, a.call(ctx, "request/retention", struct{}{}, &run)
}

func (a *remoteAdmin) RunErasures(ctx context.Context) (n int, err error) {
	return n, a.call(ctx, "request/run", struct{}{}, &n)
}

func (a *remoteAdmin) ExportRequest(ctx context.Context, id, by string) (doc []byte, err error) {
	return doc, a.call(ctx, "request/export", decideBody{ID: id, By: by}, &doc)
}
