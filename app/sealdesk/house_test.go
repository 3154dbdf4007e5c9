package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

func TestTheAppIDIsTheOneInFyneAppToml(t *testing.T) {
	var file struct{ Details struct{ ID string } }
	if _, err := toml.DecodeFile(filepath.Join("..", "..", "FyneApp.toml"), &file); err != nil {
		t.Fatal(err)
	}
	if file.Details.ID != AppID {
		t.Errorf("FyneApp.toml says %q, the code %q", file.Details.ID, AppID)
	}
}

func TestEveryErrorBelowIsATroubleAbove(t *testing.T) {
	for _, err := range []error{
		store.ErrNotFound, store.ErrKeyringUnavailable, store.ErrKeyLost, store.ErrAlreadyRunning, store.ErrDamaged, store.ErrWrongKey,
		store.ErrOtherPerson, store.ErrNewerStore, store.ErrFull,
		wire.ErrEnrolment, wire.ErrCodeUnknown, wire.ErrCodeExpired, wire.ErrCodeUsed, wire.ErrRequest, wire.ErrBusy,
		engine.ErrAnswer, engine.ErrUnreachable, engine.ErrClock,
	} {
		var got ui.Trouble
		if !errors.As(trouble(fmt.Errorf("trying: %w", err)), &got) || got == ui.TroubleUnknown {
			t.Errorf("%v has no words", err)
		}
	}
	if trouble(nil) != nil {
		t.Error("no error is no trouble")
	}
}

func TestAWrongCertificateIsShownWithBothFingerprints(t *testing.T) {
	err := trouble(fmt.Errorf("enrolling: %w", &engine.WrongRelay{Want: wire.Pin{1}, Got: wire.Pin{2}}))
	var m ui.Mismatch
	if !errors.As(err, &m) || m.Want == m.Got || m.Want == "" || !errors.Is(err, ui.TroubleCertificate) {
		t.Errorf("%v", err)
	}
}

func TestEveryStateOfTheEngineIsAStateOfTheLink(t *testing.T) {
	for s := engine.Connecting; s <= engine.Left; s++ {
		if _, ok := states[s]; !ok && s != engine.Offline {
			t.Errorf("state %d is not shown", s)
		}
	}
	for r := engine.NoReason; r <= engine.CacheTrouble; r++ {
		if _, ok := reasons[r]; !ok {
			t.Errorf("reason %d is not shown", r)
		}
	}
}

func TestRecordedFramesCanBeSearched(t *testing.T) {
	word := "wood and paper"
	frame, err := wire.EncodeBatch(inbox.Batch{Log: "inbox/sales", Epoch: "e", To: 40, Events: events(word, 40)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	h := &house{}
	record := h.recorder(&out)
	record(engine.Received, frame)
	if !bytes.Contains(out.Bytes(), frame) {
		t.Error("the frame itself is missing")
	}
	if n := bytes.Count(out.Bytes(), []byte(word)); n < 40 {
		t.Errorf("found %d of 40 texts", n)
	}
	record(engine.Sent, []byte{0xff, 1, 2})
	if !bytes.HasSuffix(out.Bytes(), []byte{byte(engine.Sent), 0, 0, 0, 3, 0xff, 1, 2}) {
		t.Error("a frame of an unknown type is recorded as it is")
	}
}

func events(word string, n int) []inbox.Event {
	var list []inbox.Event
	for i := range n {
		list = append(list, inbox.Event{Seq: uint64(i + 1), Body: inbox.MessageAdded{Message: inbox.Message{
			ID: "m", Conversation: "c", Seq: uint64(i + 1), Side: inbox.FromContact, Kind: inbox.Text, Body: inbox.PlainText(word)}}})
	}
	return list
}

func TestTheWindowsSizeIsWrittenAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string][2]float32{"": {0, 0}, "1440x900": {1440, 900}, "820x560": {820, 560}} {
		w, h, err := windowSize(text)
		if err != nil || w != want[0] || h != want[1] {
			t.Errorf("%q: %v %v %v", text, w, h, err)
		}
	}
	for _, bad := range []string{"big", "1440", "0x0", "-1x5"} {
		if _, _, err := windowSize(bad); err == nil {
			t.Errorf("%q is no size", bad)
		}
	}
}

func TestFlagsThatPrintStartNothing(t *testing.T) {
	for _, flag := range []string{"--version", "--help"} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{flag}, &out, io.Discard); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v, %q", flag, err, out.String())
		}
	}
	if err := run(t.Context(), []string{"--theme", "pink"}, io.Discard, io.Discard); err == nil {
		t.Error("there is no pink theme")
	}
}

func TestTheDataFolderIsPrivateAndHoldsTheLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h, err := newHouse(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.observe(filepath.Join(dir, "trace"), filepath.Join(dir, "frames")); err != nil {
		t.Fatal(err)
	}
	h.trace("window shown")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "sealdesk.log"))
	trace, _ := os.ReadFile(filepath.Join(dir, "trace"))
	if !strings.Contains(string(log), "started") || !strings.HasSuffix(string(trace), "ms window shown\n") {
		t.Errorf("log %q, trace %q", log, trace)
	}
}

func TestALongLogStartsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealdesk.log")
	if err := os.WriteFile(path, make([]byte, maxLog+1), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, _ := f.Stat(); info.Size() != 0 {
		t.Error("the new log is not empty")
	}
	if _, err := os.Stat(path + ".old"); err != nil {
		t.Error(err)
	}
}

func TestRowsOfTheStoreAreRowsOfTheScreens(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Key: store.NewCacheKey(), Reader: "me"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batch := inbox.Batch{Log: "inbox/sales", Epoch: "e", To: 2, Events: append([]inbox.Event{{Seq: 1, Body: inbox.ConversationOpened{Conversation: "c", Inbox: "sales",
		Contact: inbox.Contact{ID: "x", Alias: "K7-MX4Q"}}}}, inbox.Event{Seq: 2, At: 5, Body: inbox.MessageAdded{Message: inbox.Message{
		ID: "m", Conversation: "c", Seq: 2, At: 5, Side: inbox.FromContact, Kind: inbox.Text, Body: inbox.PlainText("hello")}}})}
	if err := s.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	m := model{s}
	if err := m.SetDraft(t.Context(), "c", "half"); err != nil {
		t.Fatal(err)
	}
	list, err := m.Rows(t.Context())
	if err != nil || len(list) != 1 || list[0].Draft != "half" || list[0].Unread != 1 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	page, err := m.Page(t.Context(), "c", nil, 50)
	if err != nil || len(page.Messages) != 1 || page.More {
		t.Fatalf("%+v, %v", page, err)
	}
	if again, err := m.Page(t.Context(), "c", page.Older, 50); err != nil || len(again.Messages) > 1 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestTheEnginesWordForNoConnectionIsTheScreens(t *testing.T) {
	if err := offline(fmt.Errorf("asking: %w", engine.ErrOffline)); !errors.Is(err, ui.ErrOffline) {
		t.Errorf("%v", err)
	}
	if err := offline(inbox.RefusedRight); !errors.Is(err, inbox.RefusedRight) || errors.Is(err, ui.ErrOffline) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsAttachedAndOnItsWayKeepsItsFields(t *testing.T) {
	a := store.Attachment{ID: "a", Conversation: "c", Name: "n", Type: "t", Size: 4, Kind: inbox.Image, At: 7}
	if got := ui.Attachment(a); got.ID != a.ID || got.Conversation != a.Conversation || got.Name != a.Name || got.Type != a.Type || got.Size != a.Size || got.Kind != a.Kind || got.At != a.At {
		t.Errorf("%+v", got)
	}
	if got := ui.Upload(engine.Upload{Intent: "i", Done: 1, Total: 2}); got != (ui.Upload{Intent: "i", Done: 1, Total: 2}) {
		t.Errorf("%+v", got)
	}
}
