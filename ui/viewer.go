package ui

import (
	"bytes"
	"context"
	"errors"
	"io"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// message returns a message of the open conversation.
func (d *desk) message(id inbox.MessageID) (inbox.Message, bool) {
	for i := range d.messages {
		if d.messages[i].ID == id {
			return d.messages[i], true
		}
	}
	return inbox.Message{}, false
}

// view shows what the card of a message stands for: a picture, or what is known of a file that is not shown here.
func (d *desk) view(v *ItemView) {
	m, ok := d.pictured(v)
	if m.Media == nil || v.Card == nil || v.Card.Opens == "" {
		return
	}
	if !ok {
		d.fileCard(m, v.Card)
		return
	}
	d.showPictures(v)
}

// album is a viewer and the pictures it can show: those of the conversation that were read.
type album struct {
	d      *desk
	list   []*ItemView
	at     int
	show   *kit.Viewer
	ctx    context.Context // ends with the viewer
	cancel context.CancelFunc
	leave  context.CancelFunc // ends with the picture in view
}

// pictured reports whether an item is a picture that can be looked at.
func (d *desk) pictured(v *ItemView) (inbox.Message, bool) {
	m, ok := d.message(v.Message)
	if !ok || m.Media == nil || m.Media.Dangerous || v.Card == nil || v.Card.Opens == "" {
		return m, false
	}
	kind := mediaKind(m.Media.Type)
	if m.Media.Type == "" {
		kind = m.Kind
	}
	return m, kind == inbox.Image || m.Kind == inbox.Sticker
}

// showPictures opens the viewer at a picture.
func (d *desk) showPictures(v *ItemView) {
	a := &album{d: d}
	for _, it := range d.line.items {
		if _, ok := d.pictured(it); ok {
			if it == v {
				a.at = len(a.list)
			}
			a.list = append(a.list, it)
		}
	}
	if len(a.list) == 0 {
		return
	}
	a.ctx, a.cancel = context.WithCancel(d.ctx)
	cfg := kit.ViewerConfig{Name: word("viewer.name"), Larger: word("viewer.larger"), Smaller: word("viewer.smaller"), Fit: word("viewer.fit"), Shut: word("viewer.close"),
		Previous: word("viewer.previous"), Next: word("viewer.next"), Hint: word("media.unmasked") + "  ·  " + word("viewer.hint"),
		OnClose: func() {
			a.cancel()
			a.show, a.list = nil, nil
			d.u.trace("overlay closed")
			d.comp.focus()
		}}
	if len(a.list) > 1 {
		cfg.OnStep = func(by int) { a.turn(a.at + by) }
		cfg.Hint += " · " + word("viewer.step")
	}
	if d.u.cfg.SaveFiles {
		cfg.Actions = []kit.Action{{Text: word("filecard.save"), Do: a.save}}
	} else {
		cfg.Hint += "  ·  " + word("viewer.kept")
	}
	a.show = kit.ShowViewer(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("viewer shown")
	a.turn(a.at)
}

// turn shows another picture.
func (a *album) turn(to int) {
	if to < 0 || to >= len(a.list) || a.show == nil {
		return
	}
	if a.leave != nil {
		a.leave()
	}
	d := a.d
	a.at = to
	v := a.list[to]
	m, ok := d.message(v.Message)
	if !ok {
		return
	}
	who := d.row.Contact.Display()
	if m.Side == inbox.FromPerson {
		who = d.staff.name(m.Author)
	}
	detail := v.Card.Title + " · " + d.clock().when(m.At)
	if len(a.list) > 1 {
		detail = word("viewer.of", "N", grouped(to+1), "All", grouped(len(a.list))) + " · " + detail
	}
	a.show.Turn(who, detail, to > 0, to < len(a.list)-1)
	if c := v.Card; c.Picture != nil {
		b := c.Picture.Bounds()
		w, h := c.Wide, c.High
		if w == 0 || h == 0 {
			w, h = b.Dx(), b.Dy()
		}
		a.show.SetCloud(c.Picture, w, h)
	}
	a.fetch(m)
}

// save keeps the picture in view where the reader wants it.
func (a *album) save() {
	if a.at < len(a.list) {
		if m, ok := a.d.message(a.list[a.at].Message); ok {
			for _, act := range a.d.saving(m) {
				act.Do()
			}
		}
	}
}

// fetch brings a picture into the viewer: over the network and through the decoder off the main goroutine.
func (a *album) fetch(m inbox.Message) {
	d, show := a.d, a.show
	ctx, leave := context.WithCancel(a.ctx)
	a.leave = leave
	show.SetProgress(-1, word("viewer.asking"))
	post := func(f func()) {
		d.u.cfg.Post(func() {
			if ctx.Err() == nil {
				f()
			}
		})
	}
	q := inbox.FetchMedia{Conversation: d.open, Message: m.ID, Media: m.Media.ID}
	go func() {
		data, err := d.bring(ctx, q, m.Media.Size, mostDocument, func(done, total int64) {
			post(func() {
				show.SetProgress(float32(done)/float32(total), word("upload.part", "Done", bytesText(done), "Total", bytesText(total)))
			})
		})
		if err != nil {
			post(func() {
				icon, text := "warn", fetchProblem(err)
				if errors.Is(err, ErrOffline) {
					icon = "wifi-off"
				}
				show.SetMessage(icon, word("viewer.failed"), text, kit.Action{Text: word("action.retry"), Do: func() { a.fetch(m) }})
				d.u.trace("viewer failed")
			})
			return
		}
		img, err := decodePicture(data, viewerLongest)
		clear(data)
		post(func() {
			if err != nil {
				show.SetMessage("warn", word("viewer.undrawable"), word("viewer.undrawable.text"), kit.Action{})
				d.u.trace("viewer failed")
				return
			}
			show.SetPicture(img)
			d.u.trace("picture shown")
		})
	}()
}

// bring fetches a file of a message into memory and tells how far it is, not more often than can be seen. It is called by
// workers.
func (d *desk) bring(ctx context.Context, q inbox.FetchMedia, size, most int64, progress func(done, total int64)) ([]byte, error) {
	var data bytes.Buffer
	last := int64(-1)
	err := d.session.Relay.FetchMedia(ctx, q, &boundedWriter{w: &data, left: most}, func(done, total int64) {
		if total <= 0 {
			total = size
		}
		if total <= 0 || done*50/total == last {
			return
		}
		last = done * 50 / total
		progress(done, total)
	})
	if err != nil {
		clear(data.Bytes())
		return nil, err
	}
	return data.Bytes(), nil
}

// viewerLongest is the longest side of a picture on screen, in pixels.
const viewerLongest = 3000

// boundedWriter fails when more is written than allowed.
type boundedWriter struct {
	w    io.Writer
	left int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errTooLarge
	}
	return b.w.Write(p)
}

// fetchProblem is why a file did not come.
func fetchProblem(err error) string {
	var r inbox.Refusal
	switch {
	case errors.Is(err, ErrOffline):
		return word("viewer.offline")
	case errors.As(err, &r) && r == inbox.RefusedRight:
		return word("why.right")
	case errors.As(err, &r):
		return word("viewer.refused")
	}
	return word("viewer.lost")
}

// fileCard says what is known of a file that is not shown here.
func (d *desk) fileCard(m inbox.Message, c *CardView) {
	name := c.Title
	if !m.Media.Name.IsZero() {
		name = m.Media.Name.Visible()
	}
	type line struct{ label, text string }
	lines := []line{{word("filecard.kind"), fileWord(m.Media.Type)}}
	if m.Media.Size > 0 {
		lines = append(lines, line{word("filecard.size"), bytesText(m.Media.Size)})
	}
	if m.Media.Length > 0 {
		lines = append(lines, line{word("filecard.length"), lengthText(m.Media.Length)})
	}
	cells := []kit.Cell{}
	for _, l := range lines {
		cells = append(cells, kit.Min(kit.Inset(kit.Row(kit.Fix(kit.NewText(l.label, kit.Snippet, kit.InkMuted), kit.Scaled(110)),
			kit.Grow(kit.NewText(l.text, kit.Name, kit.InkText).MaxLines(1))), 0, 0, 0, 6)))
	}
	var do kit.Action
	notice := kit.Notice{Style: kit.ChipNeutral, Icon: "lock", Text: word("filecard.stays")}
	if m.Media.Dangerous {
		notice = kit.Notice{Style: kit.ChipDanger, Icon: "warn", Title: word("filecard.dangerous"), Text: word("filecard.dangerous.text")}
	} else if acts := d.saving(m); len(acts) > 0 {
		do, notice = acts[0], kit.Notice{}
	}
	if !m.Media.Dangerous {
		cells = append(cells, kit.Gap(4), kit.Min(kit.NewText(word("media.unmasked"), kit.Snippet, kit.InkMuted)))
	}
	if (m.Kind == inbox.Voice || m.Kind == inbox.Audio) && !c.Voice && !m.Media.Dangerous {
		text := word("voice.unplayable.text")
		if do.Text != "" {
			text += " " + word("voice.save")
		}
		cells = append(cells, kit.Gap(4), kit.Min(kit.NewText(text, kit.Snippet, kit.InkMuted)))
	}
	if notice.Icon != "" {
		cells = append(cells, kit.Gap(6), kit.Min(kit.NewBanner(notice)))
	}
	cfg := kit.DialogConfig{Title: name, Body: kit.Column(cells...), Safe: kit.Action{Text: word("action.shut")}, Do: do, Width: 520}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("file shown")
}

// saving is the action that writes a file where the reader wants it; none where the company keeps its files.
func (d *desk) saving(m inbox.Message) []kit.Action {
	if !d.u.cfg.SaveFiles || m.Media.Dangerous || m.Media.State != inbox.MediaReady {
		return nil
	}
	conversation := d.open
	return []kit.Action{{Text: word("filecard.save"), Do: func() {
		save := dialog.NewFileSave(func(w fyne.URIWriteCloser, err error) {
			if err != nil || w == nil {
				return
			}
			go func() {
				err := d.session.Relay.FetchMedia(d.ctx, inbox.FetchMedia{Conversation: conversation, Message: m.ID, Media: m.Media.ID}, w, func(int64, int64) {})
				if shut := w.Close(); err == nil {
					err = shut
				}
				if err != nil {
					storage.Delete(w.URI()) // half a file helps nobody
				}
				d.u.cfg.Post(func() {
					if err != nil {
						d.u.toast(kit.Toast{Text: fetchProblem(err), Icon: "warn"})
						return
					}
					d.u.toast(kit.Toast{Text: word("filecard.saved"), Icon: "check"})
				})
			}()
		}, d.u.cfg.Window)
		if !m.Media.Name.IsZero() {
			save.SetFileName(m.Media.Name.Visible())
		}
		save.Show()
	}}}
}
