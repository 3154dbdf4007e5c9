package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// storeDir is the folder the store owns: it is removed as a whole when its key is lost.
func (h *house) storeDir() string { return custody.StoreDir(h.dir) }

// session is an engine, and the cache it fills once it is open.
type session struct {
	keeper   *custody.Keeper
	engine   *engine.Engine
	stop     context.CancelFunc
	done     chan struct{}
	locked   bool      // the engine has the person show who is there, at every connection
	unlocked bool      // the ui has it
	heard    time.Time // when the relay was seen to be there last, or the engine began; house.mu guards it
}

func (s *session) close() error {
	s.stop()
	<-s.done
	return s.keeper.Close()
}

// relieve puts an engine that asks nothing in the place of one that had the person show who is there, once the cache is open:
// who was let in by the passphrase is as much there as who signed in, and nobody is asked again because a connection was lost.
func (h *house) relieve(ctx context.Context, device store.Device, open *session) *session {
	if !open.locked {
		return open
	}
	open.stop()
	<-open.done
	return h.dial(ctx, device, open.keeper, open.keeper.Store(), false)
}

// openAhead begins to open the inbox while the window is being made: asking the keyring and reading the store take time
// that the main goroutine spends in the graphics driver. The first Open returns what came of it.
func (h *house) openAhead(ctx context.Context) {
	ahead := make(chan opened, 1)
	h.mu.Lock()
	h.ahead = ahead
	h.mu.Unlock()
	go func() {
		s, err := h.openInbox(ctx)
		ahead <- opened{s, err}
	}()
}

type opened struct {
	session ui.Session
	err     error
}

// shut closes the inbox that is open, if one is.
func (h *house) shut() {
	h.mu.Lock()
	open := h.open
	h.open, h.engine = nil, nil
	h.mu.Unlock()
	if open == nil {
		return
	}
	h.noteLease(open.keeper)
	if err := open.close(); err != nil {
		h.log.Error("inbox not closed", "error", err)
	}
}

// Open implements ui.Door.
func (h *house) Open(ctx context.Context) (ui.Session, error) {
	ahead := h.takeAhead()
	if ahead == nil {
		return h.openInbox(ctx)
	}
	o := <-ahead
	return o.session, o.err
}

func (h *house) takeAhead() chan opened {
	h.mu.Lock()
	defer h.mu.Unlock()
	ahead := h.ahead
	h.ahead = nil
	return ahead
}

// storeConfig is how the store is opened without the relay, if the lease allows it.
func (h *house) storeConfig(ctx context.Context) (store.Config, error) {
	device, err := h.ring.Device(ctx)
	if err != nil {
		return store.Config{}, err
	}
	key, err := h.ring.CacheKey(ctx, h.storeDir())
	if err != nil {
		return store.Config{}, err
	}
	lent, err := h.ring.Lent(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Config{}, err
	}
	return store.Config{Dir: h.storeDir(), Key: key, RelayHalf: lent.Half, Reader: device.Person, Log: h.log}, nil
}

// Enrol implements ui.Door. The keyring is asked first: a code is good for one use and must not be spent in vain.
func (h *house) Enrol(ctx context.Context, text string, reached func(ui.Enrolling)) (ui.Enrolled, error) {
	invitation, pins, err := h.policy.invitation(text)
	if err != nil {
		return ui.Enrolled{}, trouble(err)
	}
	at := ui.Enrolling{Step: ui.EnrolReading, Server: invitation.Relay, Pin: invitation.Pin.Short()}
	reached(at)
	if _, err := h.ring.Device(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return ui.Enrolled{}, trouble(err)
	}
	got, err := enrolWith(ctx, invitation, pins, engine.EnrolConfig{Name: h.device, App: version(), System: system()})
	var refused *wire.Error
	if err == nil || errors.As(err, &refused) {
		at.Step = ui.EnrolServer
		reached(at)
	}
	if err != nil {
		return ui.Enrolled{}, trouble(err)
	}
	at.Step = ui.EnrolCode
	reached(at)
	if err := h.become(ctx, got); err != nil {
		return ui.Enrolled{}, trouble(err)
	}
	at.Step = ui.EnrolKey
	reached(at)
	return ui.Enrolled{Device: h.device, Person: got.Person.Name}, nil
}

// become makes this installation the device that was enrolled.
func (h *house) become(ctx context.Context, got engine.Enrolled) error {
	// What an earlier enrolment left belongs to another device, and perhaps to another person.
	h.leave()
	if err := errors.Join(store.FinishWipe(ctx, h.dir, h.ring), store.Quarantine(h.storeDir())); err != nil {
		return err
	}
	if err := h.ring.Forget(ctx); err != nil {
		return err
	}
	forgetWiped(h.dir)
	if err := h.ring.SetDevice(ctx, store.Device{ID: got.Device, Person: got.Person.ID, Name: got.Person.Name, Relay: got.Relay, Pin: got.Pin, Key: got.Key,
		RelayKey: got.Orders, Audit: got.Audit, WipeEpoch: got.Epoch}); err != nil {
		return err
	}
	h.handOver()
	return nil
}

// Rebuild implements ui.Door.
func (h *house) Rebuild(ctx context.Context) error {
	h.shut()
	cfg, err := h.storeConfig(ctx)
	if err != nil {
		return trouble(err)
	}
	return trouble(store.Repair(ctx, cfg))
}

// SetUpAgain implements ui.Door.
func (h *house) SetUpAgain(ctx context.Context) error {
	h.leave()
	if err := errors.Join(store.FinishWipe(ctx, h.dir, h.ring), store.Quarantine(h.storeDir())); err != nil {
		return trouble(err)
	}
	forgetWiped(h.dir)
	if err := h.ring.Forget(ctx); err != nil {
		return trouble(err)
	}
	h.handOver()
	return nil
}

// handOver begins the next run, if this one has shown somebody's inbox: what is left of it in memory is not for whoever comes
// next.
func (h *house) handOver() {
	h.mu.Lock()
	seen := h.seen
	h.mu.Unlock()
	if seen {
		h.replace()
	}
}

// leave ends what this installation was.
func (h *house) leave() {
	h.shut()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keeper = nil
}

// Gate implements ui.Door.
func (h *house) Gate() ui.Gate { return h.gate }

// Lock implements ui.Door.
func (h *house) Lock(ctx context.Context) error {
	h.shut()
	h.mu.Lock()
	keeper := h.keeper
	h.mu.Unlock()
	if keeper == nil {
		return nil
	}
	return trouble(keeper.Lock(ctx))
}

// troubles says which error of the rooms below is which trouble of a person.
var troubles = []struct {
	err error
	is  ui.Trouble
}{
	{store.ErrNotFound, ui.TroubleNotEnrolled},
	{store.ErrKeyringUnavailable, ui.TroubleKeyring},
	{store.ErrKeyLost, ui.TroubleKeyLost},
	{store.ErrWrongKey, ui.TroubleKeyLost},
	{store.ErrOtherPerson, ui.TroubleKeyLost},
	{store.ErrAlreadyRunning, ui.TroubleRunning},
	{store.ErrDamaged, ui.TroubleDamaged},
	{store.ErrNewerStore, ui.TroubleNewer},
	{store.ErrFull, ui.TroubleFull},
	{custody.ErrLeaseOver, ui.TroubleLeaseOver},
	{custody.ErrClockBack, ui.TroubleClockBack},
	{custody.ErrLocked, ui.TroubleLocked},
	{custody.ErrWiping, ui.TroubleWiped},
	{store.ErrPassphrase, ui.TroubleWrongPassphrase},
	{wire.ErrEnrolment, ui.TroubleNotEnrolment},
	{errOtherServer, ui.TroubleOtherServer},
	{wire.ErrCodeUnknown, ui.TroubleCodeWrong},
	{wire.ErrCodeExpired, ui.TroubleCodeExpired},
	{wire.ErrCodeUsed, ui.TroubleCodeUsed},
	{wire.ErrCodeNeeded, ui.TroubleCodeNeeded},
	{wire.ErrRequest, ui.TroubleServer},
	{wire.ErrBusy, ui.TroubleServer},
	{engine.ErrAnswer, ui.TroubleServer},
	{engine.ErrClock, ui.TroubleClock},
	{engine.ErrUnreachable, ui.TroubleUnreachable},
}

// trouble adds the trouble to an error; nil stays nil.
func trouble(err error) error {
	if err == nil {
		return nil
	}
	var wrong *engine.WrongRelay
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", ui.Mismatch{Want: wrong.Want.Short(), Got: wrong.Got.Short()}, err)
	}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return fmt.Errorf("%w: %w", t.is, err)
		}
	}
	return err
}

// plainBatch is the events of a batch one after the other, uncompressed.
func plainBatch(body any) ([]byte, bool) {
	batch, ok := body.(inbox.Batch)
	if !ok {
		return nil, false
	}
	var out []byte
	for _, e := range batch.Events {
		row, err := wire.EncodeEvent(e)
		if err != nil {
			return nil, false
		}
		out = append(out, row...)
	}
	return out, true
}

// model is the store as the ui asks for it: the same rows under another name, and a place in a conversation that the ui
// hands back without looking into it.
type model struct{ *store.Store }

func (m model) Head(ctx context.Context) ([]*ui.Row, error) { return rows(m.Store.Head(ctx)) }
func (m model) Rows(ctx context.Context) ([]*ui.Row, error) { return rows(m.Store.Inbox(ctx)) }

func rows(list []*store.Row, err error) ([]*ui.Row, error) {
	out := make([]*ui.Row, len(list))
	for i, r := range list {
		out[i] = (*ui.Row)(r)
	}
	return out, err
}

func (m model) Page(ctx context.Context, id inbox.ConversationID, before any, n int) (ui.Page, error) {
	cursor, _ := before.(store.PageCursor)
	p, err := m.Store.Page(ctx, id, cursor, n)
	return ui.Page{Messages: p.Messages, Older: p.Older, More: p.More}, err
}

func (m model) Attach(ctx context.Context, id inbox.ConversationID, name, mime string, r io.Reader) (ui.Attachment, error) {
	a, err := m.Store.Attach(ctx, id, name, mime, r)
	return ui.Attachment(a), trouble(err)
}

func (m model) Attachments(id inbox.ConversationID) []ui.Attachment {
	list := m.Store.Attachments(id)
	out := make([]ui.Attachment, len(list))
	for i, a := range list {
		out[i] = ui.Attachment(a)
	}
	return out
}

func (m model) OpenAttachment(id inbox.MediaID) (io.ReadSeekCloser, error) {
	r, _, err := m.Store.OpenAttachment(id)
	return r, err
}

func (m model) Held() []ui.Held {
	list := m.Store.Held()
	out := make([]ui.Held, len(list))
	for i, h := range list {
		out[i] = ui.Held(h)
	}
	return out
}

func (m model) Search(ctx context.Context, typed string, only inbox.ConversationID, now time.Time) (ui.Search, error) {
	q, err := m.Store.ParseQuery(ctx, typed, now)
	if err != nil {
		return ui.Search{}, faulty(err)
	}
	if only != "" {
		q.Conversations, q.Inboxes = []inbox.ConversationID{only}, nil
	}
	r, err := m.Store.Search(ctx, q)
	out := ui.Search{Total: r.Total, Read: r.Read, Of: r.Of, Full: r.Full}
	out.Ask = inbox.AskSearch{
		Text: strings.Join(q.Words, " "), Conversation: first(q.Conversations), Inbox: first(q.Inboxes), Person: first(q.From), Customer: q.FromContact,
		File: q.Has&(store.HasFile|store.HasPicture|store.HasFilm|store.HasVoice) != 0, Tag: first(q.Tags), From: q.After, To: q.Before,
	}
	for _, f := range r.Found {
		found := ui.Found{Conversation: f.Conversation, Total: f.Total}
		for _, h := range f.Hits {
			hit := ui.SearchHit{Message: h.Message, Seq: h.Seq, At: h.At, Side: h.Side, Author: h.Author, Kind: h.Kind, Snippet: h.Snippet}
			for _, k := range h.Marks {
				hit.Marks = append(hit.Marks, [2]int{k.From, k.To})
			}
			found.Hits = append(found.Hits, hit)
		}
		out.Found = append(out.Found, found)
	}
	return out, faulty(err)
}

// first is the first of what a filter means: the relay is asked for one of each.
func first[T any](list []T) (one T) {
	if len(list) > 0 {
		one = list[0]
	}
	return one
}

// faulty turns the store's word for a query that cannot be answered into the ui's.
func faulty(err error) error {
	var q *store.QueryError
	if errors.As(err, &q) {
		return &ui.SearchError{Fault: ui.SearchFault(q.Fault), From: q.From, To: q.To}
	}
	return err
}

func (m model) Refused(id inbox.ConversationID) []ui.Refused {
	list := m.Store.Refused(id)
	out := make([]ui.Refused, len(list))
	for i, r := range list {
		out[i] = ui.Refused(r)
	}
	return out
}

// revealKey is a key of the wire as the ui asks for it.
type revealKey struct {
	key    wire.RevealKey
	public []byte
}

func newRevealKey() (ui.RevealKey, error) {
	key, public, err := wire.NewRevealKey()
	if err != nil {
		return nil, err
	}
	return revealKey{key, public}, nil
}

func (k revealKey) Public() []byte { return k.public }

func (k revealKey) Open(id inbox.RevealID, sealed []byte) ([]byte, error) {
	return k.key.Open(id, sealed)
}

// Format prints [redacted] for every verb.
func (revealKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// link is the engine as the ui asks for it.
type link struct{ *engine.Engine }

func (l link) Ask(ctx context.Context, q inbox.Question) (inbox.Answer, error) {
	a, err := l.Engine.Ask(ctx, q)
	return a, offline(err)
}

func (l link) FetchMedia(ctx context.Context, q inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error {
	return offline(l.Engine.FetchMedia(ctx, q.Conversation, q.Message, q.Media, w, progress))
}

func (l link) Uploads() []ui.Upload {
	list := l.Engine.Uploads()
	out := make([]ui.Upload, len(list))
	for i, u := range list {
		out[i] = ui.Upload(u)
	}
	return out
}

// offline turns the engine's word for a missing connection into the ui's.
func offline(err error) error {
	if errors.Is(err, engine.ErrOffline) {
		return fmt.Errorf("%w: %w", ui.ErrOffline, err)
	}
	return err
}

var states = map[engine.State]ui.LinkState{
	engine.Connecting: ui.LinkConnecting, engine.Online: ui.LinkOnline, engine.UpdateNeeded: ui.LinkUpdate, engine.Revoked: ui.LinkRevoked,
	engine.Wiped: ui.LinkWiped, engine.Replaced: ui.LinkReplaced, engine.RelayTooOld: ui.LinkServerOld, engine.NotAdmitted: ui.LinkNotAdmitted,
	engine.SignInAsked: ui.LinkSignIn, engine.Wiping: ui.LinkWiped, engine.Twice: ui.LinkTwice, engine.Left: ui.LinkLeft, engine.Copied: ui.LinkCopy,
}

var reasons = map[engine.Reason]ui.LinkState{
	engine.NoReason: ui.LinkNoNetwork, engine.NoNetwork: ui.LinkNoNetwork, engine.RelayUnreachable: ui.LinkUnreachable,
	engine.WrongCertificate: ui.LinkCertificate, engine.ClockWrong: ui.LinkClock, engine.RelayTrouble: ui.LinkTrouble, engine.CacheTrouble: ui.LinkCache,
}

func (l link) Link() ui.Link {
	at := l.Engine.Link()
	out := ui.Link{State: states[at.State], Behind: at.Behind, Since: at.Since, Next: at.Next}
	switch {
	case at.State == engine.Offline:
		out.State = reasons[at.Reason]
	case at.State == engine.Online && at.Rewritten:
		out.State = ui.LinkRewritten
	}
	return out
}
