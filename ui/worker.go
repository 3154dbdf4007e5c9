package ui

import (
	"context"
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sealdesk/app/inbox"
)

// atMost is the least time between two views of one worker.
const atMost = 100 * time.Millisecond

// poke asks a worker to look again. It holds one: more would say the same.
type poke chan struct{}

func newPoke() poke { return make(poke, 1) }

func (p poke) set() {
	select {
	case p <- struct{}{}:
	default:
	}
}

// loop calls look once, and again after every poke, at most ten times a second, until ctx ends. The channels may close.
func loop(ctx context.Context, after func(time.Duration) <-chan time.Time, look func(), pokes ...<-chan struct{}) {
	any := newPoke()
	for _, p := range pokes {
		go func() {
			for {
				select {
				case _, ok := <-p:
					if !ok {
						return
					}
					any.set()
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	for {
		look()
		select {
		case <-after(atMost):
		case <-ctx.Done():
			return
		}
		select {
		case <-any:
		case <-ctx.Done():
			return
		}
	}
}

// inboxView is what the inbox worker found.
type inboxView struct {
	all   []*Row // every conversation, newest first
	staff staff
	house house
	err   error
	wrote []*Row // those in which a customer wrote since the last view
	whole bool   // all is every conversation, not only the newest

	answers []inbox.Reveal // what was decided about the reader's requests
}

// house is what the company has beside conversations.
type house struct {
	inboxes   []inbox.Inbox
	templates map[inbox.InboxID][]inbox.Template
	cards     []inbox.CompanyCard
	incidents []inbox.Incident
	requests  []inbox.Request
	reveals   []inbox.Reveal // that wait for this reader's decision
	held      []Held
	tags      []inbox.Tag
	replies   []inbox.QuickReply // for all inboxes
}

func readHouse(m Model) house {
	h := house{inboxes: m.Inboxes(), templates: map[inbox.InboxID][]inbox.Template{}, cards: m.Cards(), incidents: m.Incidents(), requests: m.Requests(), reveals: m.PendingReveals(), held: m.Held(), tags: m.Tags(), replies: m.QuickReplies("")}
	for _, in := range h.inboxes {
		h.templates[in.ID] = m.Templates(in.ID)
	}
	return h
}

// inbox returns what is known of an inbox.
func (h house) inbox(id inbox.InboxID) inbox.Inbox {
	for _, in := range h.inboxes {
		if in.ID == id {
			return in
		}
	}
	return inbox.Inbox{ID: id}
}

// inboxWorker reads the list.
type inboxWorker struct {
	model   Model
	post    Post
	show    func(inboxView)
	pending atomic.Bool // a view was posted and not shown yet
	again   poke
	awaits  *awaited // set before it runs
	begun   bool
	newest  map[inbox.ConversationID]uint64 // place of the customer's last message seen
}

func (w *inboxWorker) run(ctx context.Context, after func(time.Duration) <-chan time.Time) {
	loop(ctx, after, func() { w.look(ctx) }, w.model.Watch(ctx), w.again)
}

func (w *inboxWorker) look(ctx context.Context) {
	if w.pending.Load() {
		w.again.set() // the window is behind: wait for it
		return
	}
	v := w.read(ctx)
	if ctx.Err() != nil {
		return
	}
	w.pending.Store(true)
	w.post(func() {
		w.pending.Store(false)
		w.show(v)
	})
}

// read reads the list: the newest rows the first time, because the first window must not wait for everything.
func (w *inboxWorker) read(ctx context.Context) inboxView {
	read, whole := w.model.Rows, w.begun
	if !w.begun {
		w.begun = true
		read = w.model.Head
	}
	v := inboxView{whole: whole}
	v.all, v.err = read(ctx)
	me, _ := w.model.Me()
	v.staff = newStaff(me, w.model.People())
	v.house = readHouse(w.model)
	v.wrote = w.noticed(v.all)
	if w.awaits != nil {
		v.answers = w.awaits.answers(w.model)
	}
	return v
}

// noticed are the rows in which a customer wrote something that was not there at the last look. At the first look nothing is
// new.
func (w *inboxWorker) noticed(all []*Row) (wrote []*Row) {
	fresh := w.newest == nil
	if fresh {
		w.newest = map[inbox.ConversationID]uint64{}
	}
	for _, r := range all {
		if seen, ok := w.newest[r.ID]; r.InboundSeq > seen {
			if !fresh && r.Unread > 0 && (ok || r.Unread < 3) {
				wrote = append(wrote, r)
			}
			w.newest[r.ID] = r.InboundSeq
		}
	}
	return wrote
}

// lineView is what the conversation worker found.
type lineView struct {
	id       inbox.ConversationID
	items    []*ItemView
	messages []inbox.Message
	changed  []string // items that look different and stay where they are
	moved    bool     // items came or went
	added    int      // of the customer's, at the end, since the last view
	arrived  []inbox.MessageID
	receipts []string // milestones
	first    bool
	opens    string // of the first view: the item it opens at, "" for the end
	more     bool
	found    inbox.MessageID // what was sought and is there now
	missed   bool            // what was sought is not to be had
	attached []Attachment    // not sent yet
	thumbs   map[inbox.MediaID]image.Image
	reveals  []inbox.Reveal
	refused  []Refused
	err      error
}

// lineWorker reads the open conversation: its newest page, and older ones as far as the reader scrolled.
type lineWorker struct {
	model Model
	relay Relay
	post  Post
	now   func() time.Time
	loc   *time.Location
	show  func(lineView)
	again poke

	mu     sync.Mutex
	target inbox.ConversationID
	after  uint64 // the "new" line stands after this place
	inbox  inbox.InboxID
	who    string          // what the customer is called
	older  bool            // one more page is wanted
	sought inbox.MessageID // all pages up to that message are wanted
	seen   uint64          // place of the first message in view
	gen    int

	// What follows belongs to the worker's goroutine.
	have     []inbox.Message
	cursor   any
	more     bool
	items    []*ItemView
	receipts map[inbox.MessageID]inbox.Receipt
	shown    int    // gen of the last view
	lastSeen uint64 // place of the newest message of the last view
	tiles    clouds
	small    map[inbox.MediaID]image.Image // of what is attached
	pending  atomic.Bool
}

// pageSize is how many messages are read at a time: a page of the newest is one read of the store.
const pageSize = 50

// open turns to another conversation; "" to none.
func (w *lineWorker) open(id inbox.ConversationID, in inbox.InboxID, who string, newAfter uint64) {
	w.mu.Lock()
	w.target, w.inbox, w.who, w.after, w.older, w.sought, w.seen = id, in, who, newAfter, false, "", 0
	w.gen++
	w.mu.Unlock()
	w.again.set()
}

// answered takes the "new" line away: who answers has read what was new.
func (w *lineWorker) answered() {
	w.mu.Lock()
	w.after = 0
	w.mu.Unlock()
	w.again.set()
}

// wantOlder asks for the page before the ones read.
func (w *lineWorker) wantOlder() {
	w.mu.Lock()
	w.older = true
	w.mu.Unlock()
	w.again.set()
}

// find asks for the pages up to a message.
func (w *lineWorker) find(id inbox.MessageID) {
	w.mu.Lock()
	w.sought = id
	w.mu.Unlock()
	w.again.set()
}

// visible tells where the reader is, so that changes there are noticed.
func (w *lineWorker) visible(first uint64) {
	w.mu.Lock()
	w.seen = first
	w.mu.Unlock()
}

func (w *lineWorker) run(ctx context.Context, after func(time.Duration) <-chan time.Time) {
	w.tiles = clouds{}
	loop(ctx, after, func() { w.look(ctx) }, w.model.Watch(ctx), w.relay.Watch(ctx), w.again) // the relay knows how far files are
}

func (w *lineWorker) look(ctx context.Context) {
	w.mu.Lock()
	id, who, in, newAfter, older, sought, seen, gen := w.target, w.who, w.inbox, w.after, w.older, w.sought, w.seen, w.gen
	w.older, w.sought = false, ""
	w.mu.Unlock()
	if id == "" {
		w.forget()
		return
	}
	if w.pending.Load() {
		if older {
			w.wantOlder()
		}
		if sought != "" {
			w.find(sought)
		}
		w.again.set()
		return
	}
	v := lineView{id: id, first: gen != w.shown}
	if v.first {
		w.forget()
	}
	v.err = w.read(ctx, id, older, seen)
	if v.err == nil && v.first {
		v.err = w.reach(ctx, id, newAfter)
	}
	if v.err == nil && sought != "" {
		v.err = w.seek(ctx, &v, sought)
	}
	if ctx.Err() != nil {
		return
	}
	if v.err == nil { // what was not shown must not count as seen
		w.view(&v, who, in, newAfter)
		v.attached, v.thumbs = w.attachments(id)
		v.reveals, v.refused = w.model.Reveals(id), w.model.Refused(id)
	}
	w.shown = gen
	w.pending.Store(true)
	w.post(func() {
		w.pending.Store(false)
		w.show(v)
	})
}

func (w *lineWorker) forget() {
	w.have, w.cursor, w.more, w.items, w.receipts, w.small = nil, nil, false, nil, nil, nil
	clear(w.tiles)
}

// read brings have up to date: the newest page always, pages before it as far back as the reader can see.
func (w *lineWorker) read(ctx context.Context, id inbox.ConversationID, older bool, seen uint64) error {
	page, err := w.model.Page(ctx, id, nil, pageSize)
	if err != nil {
		return err
	}
	newest := page.Messages
	for page.More && len(w.have) > 0 && firstSeq(newest) > max(seen, 1) && (seen > 0 && firstSeq(newest) > seen || firstSeq(newest) > lastSeq(w.have)+1) {
		if page, err = w.model.Page(ctx, id, page.Older, pageSize); err != nil {
			return err
		}
		newest = append(slices.Clone(page.Messages), newest...)
	}
	if start := firstSeq(newest); len(w.have) > 0 && start > 0 && page.More {
		keep := 0
		for keep < len(w.have) && w.have[keep].Seq != 0 && w.have[keep].Seq < start {
			keep++
		}
		w.have = append(slices.Clone(w.have[:keep]), newest...)
		if keep == 0 {
			w.cursor, w.more = page.Older, page.More
		}
	} else {
		w.have, w.cursor, w.more = newest, page.Older, page.More
	}
	if older && w.more {
		return w.before(ctx, id)
	}
	return nil
}

// before reads the page before what is there.
func (w *lineWorker) before(ctx context.Context, id inbox.ConversationID) error {
	page, err := w.model.Page(ctx, id, w.cursor, 2*pageSize)
	if err != nil {
		return err
	}
	w.have = append(slices.Clone(page.Messages), w.have...)
	w.cursor, w.more = page.Older, page.More
	return nil
}

// mostUnread is how many pages are read to find where what is new begins. Who has not read for longer begins at the end.
const mostUnread = 4

// reach reads the pages up to what is new.
func (w *lineWorker) reach(ctx context.Context, id inbox.ConversationID, newAfter uint64) error {
	for n := 0; n < mostUnread && !w.reached(newAfter); n++ {
		if err := w.before(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// reached reports whether everything that is new was read, if something is.
func (w *lineWorker) reached(newAfter uint64) bool {
	return newAfter == 0 || !w.more || firstSeq(w.have) <= newAfter
}

// mostSought is how many pages are read to find a message.
const mostSought = 50

// seek reads pages until a message is there.
func (w *lineWorker) seek(ctx context.Context, v *lineView, sought inbox.MessageID) error {
	for range mostSought {
		if slices.ContainsFunc(w.have, func(m inbox.Message) bool { return m.ID == sought }) {
			v.found = sought
			return nil
		}
		if !w.more {
			break
		}
		if err := w.before(ctx, v.id); err != nil {
			return err
		}
	}
	v.missed = true
	return nil
}

func firstSeq(list []inbox.Message) uint64 {
	for _, m := range list {
		if m.Seq > 0 {
			return m.Seq
		}
	}
	return 0
}

func lastSeq(list []inbox.Message) uint64 {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Seq > 0 {
			return list[i].Seq
		}
	}
	return 0
}

// view turns the messages into items and says what is different from the last view.
func (w *lineWorker) view(v *lineView, who string, in inbox.InboxID, newAfter uint64) {
	me, _ := w.model.Me()
	s := newStaff(me, w.model.People())
	s.customer = who
	for _, x := range w.model.Inboxes() {
		s.held = s.held || x.ID == in && x.State == inbox.InboxHeld
	}
	items := timelineView(w.have, newAfter, s, clock{now: inbox.At(w.now()), loc: w.loc})
	w.explain(items)
	w.tiles.fill(items)
	old := make(map[string]*ItemView, len(w.items))
	for _, it := range w.items {
		old[it.ID] = it
	}
	v.moved = len(items) != len(w.items)
	last := len(w.items)
	for i, it := range items {
		was := old[it.ID]
		switch {
		case was == nil:
			v.moved = true
		case was.same(it):
			items[i] = was
		default:
			v.changed = append(v.changed, it.ID)
		}
		if i < last && w.items[i].ID != it.ID {
			v.moved = true
		}
	}
	if v.first && newAfter > 0 && w.reached(newAfter) {
		v.opens = newLine
	}
	w.news(v)
	w.items = items
	v.items, v.messages, v.more = items, w.have, w.more
}

// explain adds what only this device knows of its own wishes: why one was refused, and how far a file is.
func (w *lineWorker) explain(items []*ItemView) {
	uploads := map[inbox.IntentID]Upload{}
	for _, u := range w.relay.Uploads() {
		uploads[u.Intent] = u
	}
	at := len(items)
	for i := len(w.have) - 1; i >= 0 && w.have[i].Seq == 0; i-- {
		m := &w.have[i]
		for at > 0 && items[at-1].Message != m.ID {
			at--
		}
		if at == 0 {
			return
		}
		v := items[at-1]
		if m.Receipt == inbox.Failed {
			if r, ok := w.model.Refusal(m.Cause); ok {
				v.Notice = refusalText(r)
			}
			continue
		}
		if m.Media == nil {
			continue
		}
		if v.Card != nil && !v.Card.Tile {
			v.Card.Detail = word("upload.file")
		}
		if u, ok := uploads[m.Cause]; ok {
			v.Upload = uploadView(u)
		} else if m.Receipt == inbox.Queued {
			v.Upload = &UploadView{Part: -1, Text: word("upload.waiting"), Cancel: m.Cause}
		}
	}
}

// news finds what arrived and how far messages have come since the last view.
func (w *lineWorker) news(v *lineView) {
	fresh := w.receipts == nil
	if fresh {
		w.receipts = map[inbox.MessageID]inbox.Receipt{}
	}
	var newest uint64
	if len(w.items) > 0 {
		newest = w.lastSeen
	}
	for i := range w.have {
		m := &w.have[i]
		if m.Side == inbox.FromContact && m.Seq > newest && !fresh {
			v.added++
			v.arrived = append(v.arrived, m.ID)
		}
		if m.Side != inbox.FromPerson || m.Kind == inbox.Note {
			continue
		}
		was := w.receipts[m.ID]
		w.receipts[m.ID] = m.Receipt
		if fresh || was == m.Receipt {
			continue
		}
		for _, r := range milestones(was, m.Receipt) {
			v.receipts = append(v.receipts, "receipt "+r+" "+string(m.ID))
		}
	}
	w.lastSeen = max(newest, lastSeq(w.have))
}

// milestones names the receipts passed on the way from one to another: who is delivered was sent.
func milestones(from, to inbox.Receipt) []string {
	if to < inbox.Sent {
		return []string{map[inbox.Receipt]string{inbox.Queued: "queued", inbox.Unknown: "unknown", inbox.Failed: "failed"}[to]}
	}
	var out []string
	for r, name := range map[inbox.Receipt]string{inbox.Sent: "sent", inbox.Delivered: "delivered", inbox.Read: "read"} {
		if r > from && r <= to {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

func rank(name string) int { return slices.Index([]string{"sent", "delivered", "read"}, name) }
