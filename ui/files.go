package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// A File is something a person chose, dropped or pasted. Open is called by workers.
type File struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// pickFile is the default of Config.Pick.
func (u *UI) pickFile(done func([]File)) {
	light := kit.Dim(u.cfg.Window.Canvas())
	open := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		u.chooser = nil
		light()
		if err != nil || r == nil {
			done(nil)
			return
		}
		done([]File{{Name: r.URI().Name(), Open: func() (io.ReadCloser, error) { return r, nil }}})
	}, u.cfg.Window)
	size := u.cfg.Window.Canvas().Size()
	open.Resize(fyne.NewSize(min(860, size.Width-40), min(600, size.Height-40)))
	open.Show()
	u.chooser = open
}

// dropped takes in files that were let go above the window.
func (u *UI) dropped(_ fyne.Position, uris []fyne.URI) {
	d := u.desk
	if d == nil || u.cfg.Window.Canvas().Overlays().Top() != nil {
		return
	}
	var list []File
	for _, uri := range uris {
		list = append(list, File{Name: uri.Name(), Open: func() (io.ReadCloser, error) { return storage.Reader(uri) }})
	}
	d.attach(list)
}

// showPick lets the reader choose a file for the message.
func (d *desk) showPick() {
	if !d.attaches() {
		return
	}
	d.u.cfg.Pick(func(list []File) {
		if len(list) > 0 && !d.ended() {
			d.attach(list)
		}
		d.comp.focus()
	})
	d.u.trace("file chooser shown")
}

// attaches reports whether a file can be attached now, and says so if it cannot.
func (d *desk) attaches() bool {
	if d.row == nil || d.page != pageInbox {
		return false
	}
	if d.comp.view.Mode != ComposerReply {
		d.u.toast(kit.Toast{Text: word("file.notnow"), Icon: "info"})
		return false
	}
	return true
}

// attach keeps files for the open conversation. Reading and sealing them may take seconds.
func (d *desk) attach(list []File) {
	if len(list) == 0 || !d.attaches() {
		return
	}
	id := d.open
	d.comp.adding += len(list)
	d.comp.refreshTray()
	go func() {
		for _, f := range list {
			_, problem := d.keep(d.ctx, id, f, 0)
			d.u.cfg.Post(func() {
				if d.ended() {
					return
				}
				d.comp.adding--
				if problem != "" {
					d.u.toast(kit.Toast{Text: problem, Icon: "warn"})
				}
				d.comp.refreshTray()
			})
			d.lines.again.set()
		}
	}()
	d.comp.focus()
}

// errTooLarge ends the reading of a file that is larger than WhatsApp takes.
var errTooLarge = errors.New("too large")

// keep reads a file and keeps it for a conversation; problem says in words why not. want is what it must be sendable as;
// 0 for anything.
func (d *desk) keep(ctx context.Context, id inbox.ConversationID, f File, want inbox.MessageKind) (a Attachment, problem string) {
	fail := func(err error) (Attachment, string) {
		if errors.Is(err, errTooLarge) {
			return Attachment{}, word("file.large", "Name", f.Name, "Most", bytesText(mostDocument))
		}
		switch {
		case errors.Is(err, inbox.RefusedLarge):
			return Attachment{}, word("file.large", "Name", f.Name, "Most", bytesText(mostDocument))
		case errors.Is(err, inbox.RefusedEmpty):
			return Attachment{}, word("file.empty", "Name", f.Name)
		case errors.Is(err, TroubleFull):
			return Attachment{}, word("error.submit")
		}
		d.u.cfg.Log.Warn("file not attached", "error", fmt.Sprintf("%T", err)) // its text may hold the file's name
		return Attachment{}, word("file.unread", "Name", f.Name)
	}
	r, err := f.Open()
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(err)
	}
	head = head[:n]
	mime := typeOf(f.Name, head)
	// The size is known when it was read; name and emptiness are judged before anything is kept.
	if j := judge(f.Name, mime, int64(n)); j.Problem != "" {
		return a, j.Problem
	}
	a, err = d.session.Model.Attach(ctx, id, path.Base(f.Name), mime, &limited{r: io.MultiReader(bytes.NewReader(head), r), left: mostDocument})
	if err != nil {
		return fail(err)
	}
	j := judge(f.Name, mime, a.Size)
	if want != 0 && want != inbox.Document && j.Kind != want {
		_ = d.session.Model.Detach(ctx, a.ID) // an orphan shows in the tray and can be taken away there
		return Attachment{}, word("file.wrongkind", "Name", f.Name)
	}
	if want == inbox.Document {
		j.Kind = inbox.Document
	}
	if j.Kind != a.Kind {
		switch err := d.session.Model.SendAs(ctx, a.ID, j.Kind); {
		case err == nil:
			a.Kind = j.Kind
		case !errors.Is(err, inbox.RefusedMalformed): // else it stays what the store took it for
			return fail(err)
		}
	}
	return a, ""
}

// limited fails when more is read than allowed.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// pasted takes a picture from the clipboard when there is no text on it. Asking for it may wait for another program.
func (d *desk) pasted(text string) bool {
	if text != "" || d.u.cfg.PastePicture == nil || d.row == nil || d.comp.view.Mode != ComposerReply {
		return false
	}
	go func() {
		data, ok := d.u.cfg.PastePicture()
		if !ok || len(data) == 0 {
			return
		}
		name := word("file.pasted")
		switch typeOf("", data) {
		case "image/png":
			name += ".png"
		case "image/jpeg":
			name += ".jpg"
		default:
			return
		}
		d.u.cfg.Post(func() {
			if !d.ended() {
				d.attach([]File{{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}})
			}
		})
	}()
	return true
}

// sendAs chooses whether a picture goes as a picture or as a file.
func (d *desk) sendAs(a Attachment, kind inbox.MessageKind) {
	d.writer.later(func(ctx context.Context) {
		if err := d.session.Model.SendAs(ctx, a.ID, kind); err != nil && ctx.Err() == nil {
			d.u.cfg.Log.Error("kind not kept", "error", err)
		}
		d.lines.again.set()
	})
}

// detach takes a file out of the tray.
func (d *desk) detach(id inbox.MediaID) {
	d.writer.later(func(ctx context.Context) {
		if err := d.session.Model.Detach(ctx, id); err != nil && ctx.Err() == nil {
			d.u.cfg.Log.Error("file not detached", "error", err)
		}
		d.lines.again.set()
	})
}

// save lets a person put a file where he wants it, and says whether that worked.
func (u *UI) save(name string, data []byte) {
	write := u.cfg.Save
	if write == nil {
		write = u.saveFile
	}
	write(name, data, func(saved bool, err error) {
		switch {
		case err != nil:
			u.toast(kit.Toast{Text: word("save.failed"), Icon: "warn"})
		case saved:
			u.toast(kit.Toast{Text: word("filecard.saved"), Icon: "check"})
			u.trace("file saved")
		}
	})
}

// saveFile is the default of Config.Save.
func (u *UI) saveFile(name string, data []byte, done func(saved bool, err error)) {
	light := kit.Dim(u.cfg.Window.Canvas())
	save := dialog.NewFileSave(func(w fyne.URIWriteCloser, err error) {
		u.chooser = nil
		light()
		if err != nil || w == nil {
			done(false, err)
			return
		}
		go func() {
			_, err := w.Write(data)
			if shut := w.Close(); err == nil {
				err = shut
			}
			u.cfg.Post(func() { done(err == nil, err) })
		}()
	}, u.cfg.Window)
	save.SetFileName(name)
	size := u.cfg.Window.Canvas().Size()
	save.Resize(fyne.NewSize(min(860, size.Width-40), min(600, size.Height-40)))
	save.Show()
	u.chooser = save
}
