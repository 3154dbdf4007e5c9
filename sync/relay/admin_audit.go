package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
)

// What the command line sees of the audit log.
type (
	// AuditReport is what verifying found in one shard. See the package audit.
	AuditReport = audit.Report
	// AuditCheckpoint is a signed word of what a shard's log was.
	AuditCheckpoint = audit.Checkpoint
	// AuditWitness is a device's word of what it was shown.
	AuditWitness = audit.Witness
	// AuditFound is an entry and the shard it is in.
	AuditFound = audit.Found
	// AuditSummary says what an export holds.
	AuditSummary = audit.Summary
	// AuditFormat is how an export is written: "jsonl" or "cef".
	AuditFormat = audit.ExportFormat
)

// Errors of the audit log.
var (
	ErrAuditKept   = audit.ErrCheckpoint // a kept checkpoint is not signed by the audit key
	ErrAuditKey    = audit.ErrVerifier   // the key given is no public audit key
	ErrAuditCursor = audit.ErrCursor
	ErrAuditFormat = audit.ErrFormat
	ErrAuditExport = audit.ErrExport
	ErrAuditFork   = audit.ErrFork
)

// AuditAdmin is the part of [Admin] that is about the audit log.
type AuditAdmin interface {
	// AuditKey returns the public audit key, making the key if there is none. Keep it where nobody who runs the relay can
	// change it.
	AuditKey(ctx context.Context) (string, error)
	// AuditCheckpoints signs what the logs are now, and returns the newest checkpoint of each shard.
	AuditCheckpoints(ctx context.Context) ([]AuditCheckpoint, error)
	// AuditVerify computes everything again and says what does not agree. progress may be nil. Errors: ErrAuditKey,
	// and ErrAuditKept if a kept checkpoint is not the company's.
	AuditVerify(ctx context.Context, w AuditVerifyWish, progress func(AuditProgress)) ([]AuditReport, error)
	// AuditSearch returns a page of entries, the newest first. Errors: ErrNoPerson, ErrAuditCursor.
	AuditSearch(ctx context.Context, w AuditSearchWish) (AuditPage, error)
	// AuditExport writes the logs of a span of time. What was cut short by an error has no last line. Errors:
	// ErrAuditFormat, the ledger's, the writer's.
	AuditExport(ctx context.Context, w AuditExportWish, to io.Writer) error
}

// AuditVerifyWish is what the logs are held against beside themselves.
type AuditVerifyWish struct {
	Verifier  string         // the public audit key somebody kept; "" is the store's
	Kept      []string       // signed checkpoints somebody kept
	Witnesses []AuditWitness // what devices handed in elsewhere
}

// AuditProgress says how far verifying has come.
type AuditProgress struct {
	Shard       string
	Done, Total uint64 // entries of the shard
	Faults      int    // in it so far
}

// AuditSearchWish says what is looked for. What is left zero does not matter.
type AuditSearchWish struct {
	Person  string   // by name or id
	About   []string // ids of contacts, conversations, messages, devices, persons: one of them
	Act     string   // such as "reveal.shown", or "reveal" for all of that kind
	From    inbox.Moment
	Until   inbox.Moment // the first moment that does not count any more
	Text    string       // in the detail
	Refused bool         // only what was refused
	Limit   int
	After   string // Next of the page before
}

// AuditPage is a part of what was found. Next is "" at the end; until then a page may be short, even empty.
type AuditPage struct {
	Found []AuditFound
	Next  string
}

// AuditExportWish says what is exported.
type AuditExportWish struct {
	Format  AuditFormat
	From    inbox.Moment
	Until   inbox.Moment // the first moment that does not count any more
	Version string       // of the program
}

// CheckAuditExport reads an export with nothing but a public audit key, and says what it holds. With "" for a key the
// export's own is believed. It returns ErrAuditExport unless the export proves itself, and ErrAuditKey for no key.
func CheckAuditExport(from io.Reader, verifier string) (AuditSummary, error) {
	if verifier != "" {
		if err := audit.CheckVerifier(verifier); err != nil {
			return AuditSummary{}, err
		}
	}
	return audit.CheckExport(from, verifier, nil)
}

// auditKey returns the audit key, making it if there is none.
func (r *Relay) auditKey(ctx context.Context) (k audit.Key, err error) {
	err = r.db.View(ctx, audit.KeyShard, func(tx ledger.Tx) (err error) {
		k, err = audit.ReadKey(tx)
		return err
	})
	if !errors.Is(err, audit.ErrNoKey) {
		return k, err
	}
	company, _, err := net.SplitHostPort(r.cfg.Public)
	if err != nil {
		return k, wrong("public: write the host and port devices dial, such as relay.example.com:8443")
	}
	err = r.db.Update(ctx, audit.KeyShard, func(tx ledger.Tx) (err error) {
		k, err = audit.MakeKey(tx, company)
		return err
	})
	return k, err
}

// AuditKey implements [AuditAdmin].
func (r *Relay) AuditKey(ctx context.Context) (string, error) {
	k, err := r.auditKey(ctx)
	return k.Verifier(), err
}

// AuditCheckpoints implements [AuditAdmin].
func (r *Relay) AuditCheckpoints(ctx context.Context) ([]AuditCheckpoint, error) {
	k, err := r.auditKey(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := k.SignAll(ctx, r.db, inbox.At(r.now()), 1); err != nil {
		return nil, known(err, ErrAuditFork)
	}
	shards, err := r.db.Shards(ctx)
	if err != nil {
		return nil, err
	}
	all := []AuditCheckpoint{}
	for _, shard := range shards {
		err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
			c, err := audit.Latest(tx)
			if err == nil && c.Size > 0 {
				all = append(all, c)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// known returns the error the command line knows by its text, if err is one of those.
func known(err error, errs ...error) error {
	for _, e := range errs {
		if errors.Is(err, e) {
			return e
		}
	}
	return err
}

// AuditVerify implements [AuditAdmin].
func (r *Relay) AuditVerify(ctx context.Context, w AuditVerifyWish, progress func(AuditProgress)) ([]AuditReport, error) {
	if w.Verifier != "" {
		if err := audit.CheckVerifier(w.Verifier); err != nil {
			return nil, err
		}
	}
	opt := audit.VerifyOptions{Verifier: w.Verifier, Witnesses: w.Witnesses}
	if progress != nil {
		opt.Progress = func(shard string, done, total uint64, faults int) {
			progress(AuditProgress{shard, done, total, faults})
		}
	}
	verifier := w.Verifier
	if verifier == "" && len(w.Kept) > 0 {
		err := r.db.View(ctx, audit.KeyShard, func(tx ledger.Tx) error {
			k, err := audit.ReadKey(tx)
			verifier = k.Verifier()
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, signed := range w.Kept {
		c, err := audit.ParseCheckpoint(signed, verifier)
		if err != nil {
			return nil, ErrAuditKept
		}
		opt.Kept = append(opt.Kept, c)
	}
	devices, err := r.people.Devices(ctx)
	if err != nil {
		return nil, err
	}
	keys := map[inbox.DeviceID]ed25519.PublicKey{}
	for _, d := range devices {
		keys[d.ID] = d.Key
	}
	opt.DeviceKey = func(id inbox.DeviceID) (ed25519.PublicKey, bool) {
		key, ok := keys[id]
		return key, ok
	}
	return audit.Verify(ctx, r.db, opt)
}

// AuditSearch implements [AuditAdmin]. Looking into the log is an act: the first page of a search is in it afterwards.
func (r *Relay) AuditSearch(ctx context.Context, w AuditSearchWish) (AuditPage, error) {
	q := audit.Query{
		About: w.About, Act: audit.Act(w.Act), From: w.From, Until: w.Until, Text: w.Text, Refused: w.Refused, Limit: w.Limit, After: w.After,
	}
	if w.Person != "" {
		p, err := r.personNamed(ctx, w.Person)
		if err != nil {
			return AuditPage{}, err
		}
		q.Actor = p.ID
	}
	page, err := audit.Search(ctx, r.db, q)
	if err != nil {
		return AuditPage{}, err
	}
	if w.After == "" {
		if err := r.noteAudit(ctx, audit.Entry{Act: audit.Searched, Object: string(q.Actor), Detail: w.kinds()}); err != nil {
			return AuditPage{}, err
		}
	}
	return AuditPage{Found: page.Found, Next: page.Next}, nil
}

// kinds says by what was searched. The words themselves are a person's and do not belong into the log.
func (w *AuditSearchWish) kinds() string {
	var by []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"person", w.Person != ""}, {"about", len(w.About) > 0}, {"act", w.Act != ""}, {"from", w.From != 0}, {"until", w.Until != 0},
		{"text", w.Text != ""}, {"refused", w.Refused},
	} {
		if f.set {
			by = append(by, f.name)
		}
	}
	return strings.Join(by, " ")
}

func (r *Relay) noteAudit(ctx context.Context, e audit.Entry) error {
	e.At = inbox.At(r.now())
	return r.db.Update(ctx, audit.KeyShard, func(tx ledger.Tx) error { return audit.Record(tx, e) })
}

// AuditExport implements [AuditAdmin]. The export is in the log before its first byte leaves.
func (r *Relay) AuditExport(ctx context.Context, w AuditExportWish, to io.Writer) error {
	if w.Format != audit.JSONLines && w.Format != audit.CEF {
		return ErrAuditFormat
	}
	k, err := r.auditKey(ctx)
	if err != nil {
		return err
	}
	span := string(w.Format)
	for _, m := range []inbox.Moment{w.From, w.Until} {
		if m == 0 {
			span += " open"
		} else {
			span += " " + m.Time().Format(time.RFC3339)
		}
	}
	if err := r.noteAudit(ctx, audit.Entry{Act: audit.Exported, Detail: span}); err != nil {
		return err
	}
	_, err = audit.Export(ctx, r.db, to, audit.ExportOptions{
		Format: w.Format, From: w.From, Until: w.Until, At: inbox.At(r.now()), Key: k, Version: w.Version,
	})
	return err
}

// auditLine is one line of the answer while logs are verified.
type auditLine struct {
	Progress *AuditProgress `json:",omitempty"`
	Reports  []AuditReport  `json:",omitempty"`
	Error    string         `json:",omitempty"`
}

// streamed lets a long answer take its time: each write gets as long as a whole answer has otherwise.
type streamed struct {
	http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func stream(w http.ResponseWriter) *streamed {
	return &streamed{ResponseWriter: w, control: http.NewResponseController(w)}
}

func (s *streamed) Write(p []byte) (int, error) {
	s.begun = true
	// A server that cannot move its deadline keeps the one it has.
	if err := s.control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := s.ResponseWriter.Write(p)
	if err == nil {
		if err = s.control.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return n, err
}

// adminAudit serves [AuditAdmin].
func (r *Relay) adminAudit(mux *http.ServeMux) {
	mux.HandleFunc("POST /audit/key", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.AuditKey(q.Context()) })
	})
	mux.HandleFunc("POST /audit/checkpoints", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(struct{}) (any, error) { return r.AuditCheckpoints(q.Context()) })
	})
	mux.HandleFunc("POST /audit/search", func(w http.ResponseWriter, q *http.Request) {
		answerJSON(w, q, func(b AuditSearchWish) (any, error) { return r.AuditSearch(q.Context(), b) })
	})
	mux.HandleFunc("POST /audit/verify", func(w http.ResponseWriter, q *http.Request) {
		var b AuditVerifyWish
		if json.NewDecoder(io.LimitReader(q.Body, 64<<20)).Decode(&b) != nil {
			http.Error(w, "request cannot be read", http.StatusBadRequest)
			return
		}
		out := json.NewEncoder(stream(w))
		reports, err := r.AuditVerify(q.Context(), b, func(p AuditProgress) { _ = out.Encode(auditLine{Progress: &p}) })
		last := auditLine{Reports: reports}
		if err != nil {
			last = auditLine{Error: err.Error()}
		}
		_ = out.Encode(last)
	})
	mux.HandleFunc("POST /audit/export", func(w http.ResponseWriter, q *http.Request) {
		var b AuditExportWish
		if json.NewDecoder(io.LimitReader(q.Body, 1<<20)).Decode(&b) != nil {
			http.Error(w, "request cannot be read", http.StatusBadRequest)
			return
		}
		out := stream(w)
		switch err := r.AuditExport(q.Context(), b, out); {
		case err == nil:
		case !out.begun:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		default:
			panic(http.ErrAbortHandler) // the asker must not take what is half for whole
		}
	})
}

// long asks for something that may take long, and hands over its answer as it comes.
func (a *remoteAdmin) long(ctx context.Context, what string, in any, read func(io.Reader) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://relay/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	patient := http.Client{Transport: a.client.Transport} // the relay ends it if it hangs, and ctx does
	res, err := patient.Do(q)
	if err != nil {
		return ErrNoAnswer
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return toldError(strings.TrimSpace(string(raw)))
	}
	return read(res.Body)
}

// toldError is the error a text stands for.
func toldError(text string) error {
	for _, e := range told {
		if text == e.Error() {
			return e
		}
	}
	return errors.New(text)
}

// AuditKey implements [AuditAdmin].
func (a *remoteAdmin) AuditKey(ctx context.Context) (verifier string, err error) {
	return verifier, a.call(ctx, "audit/key", struct{}{}, &verifier)
}

// AuditCheckpoints implements [AuditAdmin].
func (a *remoteAdmin) AuditCheckpoints(ctx context.Context) (all []AuditCheckpoint, err error) {
	return all, a.call(ctx, "audit/checkpoints", struct{}{}, &all)
}

// AuditSearch implements [AuditAdmin].
func (a *remoteAdmin) AuditSearch(ctx context.Context, w AuditSearchWish) (page AuditPage, err error) {
	return page, a.call(ctx, "audit/search", w, &page)
}

// AuditVerify implements [AuditAdmin].
func (a *remoteAdmin) AuditVerify(ctx context.Context, w AuditVerifyWish, progress func(AuditProgress)) (reports []AuditReport, err error) {
	err = a.long(ctx, "audit/verify", w, func(from io.Reader) error {
		for lines := json.NewDecoder(from); ; {
			var line auditLine
			if lines.Decode(&line) != nil {
				return ErrNoAnswer
			}
			switch {
			case line.Progress == nil && line.Error != "":
				return toldError(line.Error)
			case line.Progress == nil:
				reports = line.Reports
				return nil
			case progress != nil:
				progress(*line.Progress)
			}
		}
	})
	return reports, err
}

// AuditExport implements [AuditAdmin].
func (a *remoteAdmin) AuditExport(ctx context.Context, w AuditExportWish, to io.Writer) error {
	return a.long(ctx, "audit/export", w, func(from io.Reader) error {
		if _, err := io.Copy(to, from); err != nil {
			return fmt.Errorf("reading the export: %w", err)
		}
		return nil
	})
}
