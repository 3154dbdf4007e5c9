package ui

import (
	"bytes"
	"context"
	"errors"
	"io"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"

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
	m, ok := d.message(v.Message)
	if !ok || m.Media == nil || v.Card == nil || v.Card.Opens == "" {
		return
	}
	kind := mediaKind(m.Media.Type)
	if m.Media.Type == "" {
		kind = m.Kind
	}
	if m.Media.Dangerous || kind != inbox.Image && m.Kind != inbox.Sticker {
		d.fileCard(m, v.Card)
		return
	}
	detail := v.Card.Title + " · " + d.clock().when(m.At)
	who := d.row.Contact.Display()
	if m.Side == inbox.FromPerson {
		who = d.staff.name(m.Author)
	}
	ctx, cancel := context.WithCancel(d.ctx)
	var show *kit.Viewer
	show = kit.ShowViewer(d.u.cfg.Window.Canvas(), kit.ViewerConfig{Name: word("viewer.name"), Title: who, Detail: detail, Hint: word("media.unmasked") + "  ·  " + word("viewer.hint"),
		Larger: word("viewer.larger"), Smaller: word("viewer.smaller"), Fit: word("viewer.fit"), Shut: word("viewer.close"), Actions: d.saving(m),
		OnClose: func() {
			cancel()
			show = nil
			d.u.trace("overlay closed")
			d.comp.focus()
		}})
	if c := v.Card; c.Picture != nil {
		b := c.Picture.Bounds()
		w, h := c.Wide, c.High
		if w == 0 || h == 0 {
			w, h = b.Dx(), b.Dy()
		}
		show.SetCloud(c.Picture, w, h)
	}
	d.u.trace("viewer shown")
	d.fetch(ctx, m, show)
}

// fetch brings a picture into a viewer: over the network and through the decoder off the main goroutine.
func (d *desk) fetch(ctx context.Context, m inbox.Message, show *kit.Viewer) {
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
		var data bytes.Buffer
		last := -1
		err := d.session.Relay.FetchMedia(ctx, q, &boundedWriter{w: &data, left: mostDocument}, func(done, total int64) {
			if total <= 0 {
				total = m.Media.Size
			}
			if total <= 0 {
				return
			}
			if part := int(done * 50 / total); part != last { // not more often than can be seen
				last = part
				post(func() {
					show.SetProgress(float32(done)/float32(total), word("upload.part", "Done", bytesText(done), "Total", bytesText(total)))
				})
			}
		})
		if err != nil {
			post(func() {
				icon, text := "warn", fetchProblem(err)
				if errors.Is(err, ErrOffline) {
					icon = "wifi-off"
				}
				show.SetMessage(icon, word("viewer.failed"), text, kit.Action{Text: word("action.retry"), Do: func() { d.fetch(ctx, m, show) }})
				d.u.trace("viewer failed")
			})
			return
		}
		img, err := decodePicture(data.Bytes(), viewerLongest)
		clear(data.Bytes())
		data.Reset()
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
