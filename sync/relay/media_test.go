package relay

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/wire"
)

func someContact(t *testing.T, r *Relay) inbox.ContactID {
	t.Helper()
	card, _, err := r.vault.Resolve(t.Context(), vault.Identity{Phone: "491515550001"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return card.ID
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// sealFile writes a sealed file and returns its path.
func sealFile(t *testing.T, r *Relay, key fileKey, plain []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &sealedWriter{ctx: t.Context(), vault: r.vault, key: key, to: file}
	for rest := plain; len(rest) > 0; {
		n := min(len(rest), 1+mrand.IntN(3*mediaChunk/2))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := errors.Join(w.close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func openAt(t *testing.T, r *Relay, key fileKey, path string, part bool) (*sealedFile, error) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return openSealed(t.Context(), r.vault, key, file, part)
}

func TestASealedFileIsReadFromAnyPlaceOn(t *testing.T) {
	r := newRelay(t, nil)
	key := fileKey{someContact(t, r), sealedMedia, "med-1"}
	for _, size := range []int{0, 1, mediaChunk - 1, mediaChunk, mediaChunk + 1, 3*mediaChunk - 1, 3 * mediaChunk, 3*mediaChunk + 7} {
		plain := noise(size)
		path := sealFile(t, r, key, plain)
		f, err := openAt(t, r, key, path, false)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if f.size != int64(size) {
			t.Errorf("%d bytes: size %d", size, f.size)
		}
		if err := iotest.TestReader(io.NewSectionReader(f, 0, f.size), plain); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		for range 30 {
			at := mrand.IntN(size + 1)
			got := make([]byte, mrand.IntN(size-at+1))
			if _, err := f.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, plain[at:at+len(got)]) {
				t.Errorf("%d bytes: %d at %d: %v", size, len(got), at, err)
			}
		}
		on := read(t, path)
		if size > 64 && bytes.Contains(on, plain[size/2:size/2+32]) {
			t.Errorf("%d bytes: plain on the disk", size)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAFileThatIsNotWhatWasWrittenIsRefused(t *testing.T) {
	r := newRelay(t, nil)
	key := fileKey{someContact(t, r), sealedMedia, "med-1"}
	path := sealFile(t, r, key, noise(3*mediaChunk+100))
	whole := read(t, path)
	f, err := openAt(t, r, key, path, false)
	if err != nil {
		t.Fatal(err)
	}
	each := int(f.each + f.extra)
	chunk := func(n int) []byte { return whole[n*each : min((n+1)*each, len(whole))] }
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"a head alone":          whole[:3],
		"cut within a chunk":    whole[:2*each+500],
		"cut between chunks":    whole[:2*each],
		"only the first chunk":  whole[:each],
		"two exchanged":         bytes.Join([][]byte{chunk(1), chunk(0), chunk(2), chunk(3)}, nil),
		"one left out":          bytes.Join([][]byte{chunk(0), chunk(2), chunk(3)}, nil),
		"one twice":             bytes.Join([][]byte{chunk(0), chunk(1), chunk(1), chunk(2), chunk(3)}, nil),
		"a length beyond it":    append([]byte{0xff, 0xff, 0xff, 0xff}, whole[4:]...),
		"a length of nothing":   append([]byte{0, 0, 0, 0}, whole[4:]...),
		"a bit within a chunk":  flipped(whole, each+each/2),
		"a bit of its last one": flipped(whole, len(whole)-1),
		"something behind it":   append(bytes.Clone(whole), 0),
	} {
		changed := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(changed, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openAt(t, r, key, changed, false)
		if err == nil {
			_, err = io.Copy(io.Discard, io.NewSectionReader(f, 0, f.size))
		}
		if !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := key
	other.use = sealedUpload
	if _, err := openAt(t, r, other, path, false); !errors.Is(err, errDamaged) {
		t.Errorf("a file in the place of another: %v", err)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestAHandedOverFileGoesOnFromWhatIsOnDisk cuts a file at random places, loses the end of what was written now and then,
// as a crash does, and goes on from where the relay says.
func TestAHandedOverFileGoesOnFromWhatIsOnDisk(t *testing.T) {
	r := newRelay(t, nil)
	row := uploadRow{Media: inbox.Media{ID: "med-1"}, Contact: someContact(t, r)}
	plain := noise(3*mediaChunk + 77)
	row.Size = int64(len(plain))
	for seed := range uint64(12) {
		src := mrand.New(mrand.NewPCG(seed, 0))
		os.Remove(r.partFile(row.Media.ID))
		for at, tries := int64(0), 0; ; tries++ {
			if tries > 200 {
				t.Fatalf("seed %d: it does not move beyond %d", seed, at)
			}
			p, err := r.openPart(t.Context(), row)
			if err != nil {
				t.Fatal(err)
			}
			if p.offset() > at {
				t.Fatalf("seed %d: there is more than came: %d, not %d", seed, p.offset(), at)
			}
			if at-p.offset() > 2*mediaChunk { // one that was not sealed yet, and one that was torn
				t.Fatalf("seed %d: %d bytes are lost", seed, at-p.offset())
			}
			if at = p.offset(); at == row.Size {
				p.close()
				break
			}
			n := min(1+src.Int64N(2*mediaChunk), row.Size-at)
			for rest := plain[at : at+n]; len(rest) > 0; {
				piece := min(len(rest), transferPiece)
				if _, err := p.Write(rest[:piece]); err != nil {
					t.Fatal(err)
				}
				rest = rest[piece:]
			}
			at += n
			if src.IntN(4) == 0 { // killed: what was not sealed is lost, what was is perhaps torn
				p.file.Close()
				info, err := os.Stat(r.partFile(row.Media.ID))
				if err != nil {
					t.Fatal(err)
				}
				at = int64(p.n)*mediaChunk + int64(len(p.chunk))
				os.Truncate(r.partFile(row.Media.ID), max(0, info.Size()-src.Int64N(100)))
				continue
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
		}
		file, err := os.Open(r.partFile(row.Media.ID))
		if err != nil {
			t.Fatal(err)
		}
		f, err := openSealed(t.Context(), r.vault, row.part(), file, true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(f, 0, f.size))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("seed %d: %d bytes are not those that came: %v", seed, len(got), err)
		}
		file.Close()
	}
}

func TestATicketIsGoodForOneRequestOfItsDeviceInItsTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ts := newTickets(t.Context(), func() time.Time { return now })
	give := func(k ticket) string {
		t.Helper()
		path, ok := ts.issue(k)
		if !ok {
			t.Fatal("no ticket")
		}
		return strings.TrimPrefix(path, wire.MediaPath)
	}
	take := func(name string, upload bool) error {
		_, _, done, err := ts.take(t.Context(), name, upload)
		if err == nil {
			done()
		}
		return err
	}
	k := ticket{device: "dev-1", media: "med-1"}
	name := give(k)
	if len(name) < 43 || bytes.Contains([]byte(give(k)), []byte(name)) {
		t.Error("a ticket can be guessed")
	}
	if err := take(name, true); err != errTicket {
		t.Errorf("to hand over what is to be fetched: %v", err)
	}
	if err := take(name, false); err != nil {
		t.Errorf("once: %v", err)
	}
	if err := take(name, false); err != errTicket {
		t.Errorf("twice: %v", err)
	}
	name = give(k)
	now = now.Add(wire.TicketLife)
	if err := take(name, false); err != errTicket {
		t.Errorf("too late: %v", err)
	}
	name = give(k)
	other := give(ticket{device: "dev-2"})
	_, running, done, err := ts.take(t.Context(), give(k), false)
	if err != nil {
		t.Fatal(err)
	}
	ts.revoke("dev-1")
	if running.Err() == nil {
		t.Error("a transfer of an excluded device goes on")
	}
	done()
	if take(name, false) != errTicket || take(other, false) != nil {
		t.Error("excluding a device concerns its tickets, and no other's")
	}
	for range ticketsPerDevice {
		give(k)
	}
	if _, ok := ts.issue(k); ok {
		t.Error("one device has all tickets")
	}
	give(ticket{device: "dev-2"})
	var running2 []func()
	for range transfersEach {
		_, _, done, err := ts.take(t.Context(), give(ticket{device: "dev-3"}), false)
		if err != nil {
			t.Fatal(err)
		}
		running2 = append(running2, done)
	}
	name = give(ticket{device: "dev-3"})
	if err := take(name, false); err != errCrowded {
		t.Errorf("one more at once: %v", err)
	}
	running2[0]()
	if err := take(name, false); err != nil {
		t.Errorf("the ticket was lost in the crowd: %v", err)
	}
	ts.stop()
	if err := take(give(k2()), false); err != errCrowded {
		t.Errorf("of a relay that stops: %v", err)
	}
}

func k2() ticket { return ticket{device: "dev-4"} }

func TestOnlyOneFormOfRangeIsServed(t *testing.T) {
	for s, want := range map[string]int64{"bytes=0-": 0, "bytes=77-": 77, "": -1, "bytes=-5": -1, "bytes=1-2": -1, "bytes=1-,3-": -1,
		"bytes=99999999999999999999-": -1, "bytes=+1-": -1, "bytes= 1-": -1, "bytes=-": -1, "lines=1-": -1} {
		from, ok := rangeFrom(s)
		if !ok {
			from = -1
		}
		if from != want {
			t.Errorf("%q: %d", s, from)
		}
	}
}

func TestWhatBecameOfAFileIsSaidInItsState(t *testing.T) {
	for name, x := range map[string]struct {
		err   error
		state inbox.MediaState
		tries int
	}{
		"too large":              {media.ErrTooLarge, inbox.MediaLarge, 1},
		"too large on its way":   {whatsapp.ErrMediaTooLarge, inbox.MediaLarge, 1},
		"a bomb":                 {media.ErrBomb, inbox.MediaLarge, 1},
		"something else":         {media.ErrMismatch, inbox.MediaFalse, 1},
		"not to be sent so":      {media.ErrUnsupported, inbox.MediaFalse, 1},
		"broken":                 {media.ErrBroken, inbox.MediaBroken, 1},
		"not the bytes promised": {whatsapp.ErrMediaDigest, inbox.MediaBroken, 1},
		"not there":              {&whatsapp.APIError{HTTPStatus: 404, Class: whatsapp.ClassUnknown}, inbox.MediaGone, 6},
		"WhatsApp has trouble":   {&whatsapp.APIError{HTTPStatus: 503, Class: whatsapp.ClassService}, inbox.MediaGone, maxMediaTries},
		"the token is wrong":     {&whatsapp.APIError{HTTPStatus: 401, Class: whatsapp.ClassAuth}, inbox.MediaGone, maxMediaTries},
		"no network":             {&whatsapp.TransportError{}, inbox.MediaGone, maxMediaTries},
		"no room":                {errStoreFull, inbox.MediaGone, maxMediaTries},
	} {
		if got := stateOf(x.err); got != x.state || mediaTries(x.err) != x.tries {
			t.Errorf("%s: state %d, %d tries", name, got, mediaTries(x.err))
		}
	}
}

func TestAnExtensionTellsATypeAndNothingElse(t *testing.T) {
	for name, want := range map[string]string{
		"Angebot.PDF": "x.pdf", "a.b.docx": "x.docx", "clip.3gp": "x.3gp", "none": "", "x.": "", "x.0151555": "", "x.verylongone": "",
		"x.p/f": "", "": "", ".pdf": "x.pdf", "x.pdf ": "",
	} {
		if got := extension(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestSizesAreWrittenAsPeopleDo(t *testing.T) {
	for s, want := range map[string]Bytes{"20GB": 20e9, "500 mb": 500e6, "2TB": 2e12, "0MB": 0} {
		var b Bytes
		if err := b.UnmarshalText([]byte(s)); err != nil || b != want {
			t.Errorf("%q: %d, %v", s, b, err)
		}
	}
	secret := func(string) string { return "secret" }
	text := read(t, filepath.Join(filepath.Dir(newConfig(t, nil).TLS.Certificate), "relay.toml"))
	if !bytes.Contains(text, []byte("\n# max_store = ")) {
		t.Fatal("the example says nothing of the room")
	}
	for line, want := range map[string]Bytes{"max_store = \"30GB\"": 30e9, "max_store = \"much\"": -1, "max_store = 5": -1} {
		cfg, err := parseConfig("relay.toml", strings.Replace(string(text), "# max_store = \"20GB\"", line, 1), secret)
		if (err == nil) != (want >= 0) || err == nil && cfg.Media.MaxStore != want {
			t.Errorf("%s: %d, %v", line, cfg.Media.MaxStore, err)
		}
	}
	for _, s := range []string{"", "20", "GB", "-1GB", "1.5GB", "20 apples"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is a size", s)
		}
	}
}
