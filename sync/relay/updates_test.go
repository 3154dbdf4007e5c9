package relay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/relaytest"
	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
	"sealdesk/sync/wire"
)

// desk is a release engineer with keys for tests.
func desk(t *testing.T, versions ...string) *signing.Desk {
	t.Helper()
	d := signing.Open(t.TempDir(), func(string, bool) ([]byte, error) { return nil, nil }, time.Now)
	if err := d.Init(t.Context(), signing.Life); err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		releaseOf(t, d, v, signing.Life)
	}
	return d
}

func releaseOf(t *testing.T, d *signing.Desk, version string, life time.Duration) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sealdesk-client_"+version+"_amd64.deb")
	err := os.WriteFile(file, bytes.Repeat([]byte(version+"\n"), 20_000), 0o600)
	if err == nil {
		notes := map[string]string{"en": "Faster.", "de": "Schneller.", "it": "Più veloce."}
		err = d.Sign(t.Context(), signing.Wish{Version: version, Ring: updates.Broad, Notes: notes}, []string{file}, life)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func anchorOf(t *testing.T, d *signing.Desk) []byte {
	t.Helper()
	raw, err := d.Anchor()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// admin is the way in of the command line, through the socket of the running relay.
func admin(t *testing.T, c *relaytest.Company) relay.Admin {
	t.Helper()
	a, done, err := relay.OpenAdmin(t.Context(), c.Config, nil)
	for errors.Is(err, ledger.ErrLocked) { // it runs, and opens its socket last
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
		}
		a, done, err = relay.OpenAdmin(t.Context(), c.Config, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// laptop reads a company's feed as a device does: under the pinned key.
func laptop(t *testing.T, c *relaytest.Company) (updates.Source, *http.Client) {
	client := engine.FeedClient([]wire.Pin{c.Relay().Pin()}, nil)
	t.Cleanup(client.CloseIdleConnections)
	return updates.Web(client, "https://"+c.Address+"/updates/"), client
}

func TestAnImportedFeedReachesALaptopAndIsInTheAuditLog(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	a := admin(t, c)
	if _, err := a.Updates(t.Context()); !errors.Is(err, relay.ErrNoFeed) {
		t.Fatalf("before an import: %v", err)
	}
	d := desk(t, "1.3.0", "1.4.0")
	if _, err := relay.SendUpdates(t.Context(), a, d.Feed(), nil); !errors.Is(err, updates.ErrNoAnchor) {
		t.Fatalf("without an anchor: %v", err)
	}
	u, err := relay.SendUpdates(t.Context(), a, d.Feed(), anchorOf(t, d))
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Feed.Files) != 2 || u.Feed.Files[0].Version != "1.4.0" {
		t.Fatalf("imported: %+v", u)
	}
	read := func() updates.Feed {
		t.Helper()
		from, _ := laptop(t, c)
		f, err := updates.Verify(t.Context(), updates.Config{Root: anchorOf(t, d), From: from, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := f.Fetch(t.Context(), from, f.Files[0], &got); err != nil || !strings.HasPrefix(got.String(), f.Files[0].Version) {
			t.Fatalf("fetching: %v", err)
		}
		return f
	}
	before := read().Files[0]
	page, err := a.AuditSearch(t.Context(), relay.AuditSearchWish{Act: "updates.imported"})
	if err != nil || len(page.Found) != 1 || !strings.Contains(page.Found[0].Detail, "1.4.0 broad") {
		t.Errorf("the audit log has %+v, %v", page.Found, err)
	}
	// The next one needs no anchor, survives a restart, and leaves what somebody may be in the middle of.
	releaseOf(t, d, "1.5.0", signing.Life)
	if err := d.Withdraw(t.Context(), "1.4.0", signing.Life); err != nil {
		t.Fatal(err)
	}
	if _, err := relay.SendUpdates(t.Context(), a, d.Feed(), nil); err != nil {
		t.Fatal(err)
	}
	c.Down()
	c.Up()
	if got := read().Files[0].Version; got != "1.5.0" {
		t.Errorf("after a restart %s is served", got)
	}
	from, _ := laptop(t, c)
	r, err := from.Open(t.Context(), before.Place())
	if err != nil {
		t.Fatalf("a file of the feed before: %v", err)
	}
	r.Close()
}

// Whatever is refused, what was served before is served on, and the relay's disk holds nothing of it.
func TestAnImportIsRefusedThat(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	a := admin(t, c)
	d := desk(t, "1.3.0")
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(d.Feed())); err != nil {
		t.Fatal(err)
	}
	releaseOf(t, d, "1.4.0", signing.Life)
	if _, err := relay.SendUpdates(t.Context(), a, d.Feed(), anchorOf(t, d)); err != nil {
		t.Fatal(err)
	}
	spoil := func(pattern string, how func([]byte) []byte) string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(d.Feed())); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err == nil {
				err = os.WriteFile(name, how(raw), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for is, try := range map[string]struct {
		dir  string
		want error
	}{
		"is older":                   {old, updates.ErrRollback},
		"has a changed installer":    {spoil("targets/*", flip), updates.ErrTampered},
		"has a truncated installer":  {spoil("targets/*", func(b []byte) []byte { return b[:100] }), updates.ErrTampered},
		"has other targets":          {spoil("3.targets.json", func(b []byte) []byte { return bytes.Replace(b, []byte("broad"), []byte("early"), 1) }), updates.ErrTampered},
		"is a stranger's":            {desk(t, "9.9.9").Feed(), updates.ErrSignature},
		"is an empty folder":         {t.TempDir(), updates.ErrIncomplete},
		"lacks what timestamp names": {lack(t, d, "3.snapshot.json"), updates.ErrIncomplete},
	} {
		t.Run(is, func(t *testing.T) {
			_, err := relay.SendUpdates(t.Context(), a, try.dir, nil)
			if !errors.Is(err, try.want) {
				t.Errorf("got %v", err)
			}
			if u, err := a.Updates(t.Context()); err != nil || u.Feed.Files[0].Version != "1.4.0" {
				t.Errorf("what is served changed: %v", err)
			}
			if _, err := os.Stat(filepath.Join(c.Config.Data, "updates", "incoming")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was left: %v", err)
			}
		})
	}
}

func lack(t *testing.T, d *signing.Desk, name string) string {
	dir := t.TempDir()
	if err := errors.Join(os.CopyFS(dir, os.DirFS(d.Feed())), os.Remove(filepath.Join(dir, name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAnImportLooksForRoomBeforeAnythingIsSent(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	touched := false
	_, err := admin(t, c).ImportUpdates(t.Context(), 1<<60, readerFunc(func([]byte) (int, error) { touched = true; return 0, io.EOF }))
	if !errors.Is(err, relay.ErrNoRoom) || !strings.Contains(err.Error(), "MB are needed") {
		t.Errorf("got %v", err)
	}
	if touched {
		t.Error("something was sent")
	}
	d := desk(t, "1.4.0")
	if _, err := relay.SendUpdates(t.Context(), sized{admin(t, c), 100}, d.Feed(), anchorOf(t, d)); !errors.Is(err, updates.ErrTooLarge) {
		t.Errorf("more came than was announced: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// sized announces another size.
type sized struct {
	relay.UpdatesAdmin
	bytes int64
}

func (s sized) ImportUpdates(ctx context.Context, _ int64, from io.Reader) (relay.UpdatesReport, error) {
	return s.UpdatesAdmin.ImportUpdates(ctx, s.bytes, from)
}

func TestUpdatesAreServedInRangesAndOnlyByTheirNames(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	d := desk(t, "1.4.0")
	u, err := relay.SendUpdates(t.Context(), admin(t, c), d.Feed(), anchorOf(t, d))
	if err != nil {
		t.Fatal(err)
	}
	file := u.Feed.Files[0]
	_, client := laptop(t, c)
	get := func(name string, header ...string) (*http.Response, string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.Address+"/updates/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			q.Header.Set(header[i], header[i+1])
		}
		a, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a, string(body)
	}
	whole, body := get(file.Place())
	if whole.StatusCode != http.StatusOK || int64(len(body)) != file.Size {
		t.Fatalf("status %d, %d bytes", whole.StatusCode, len(body))
	}
	tag := whole.Header.Get("ETag")
	if part, got := get(file.Place(), "Range", "bytes=10-19", "If-Range", tag); part.StatusCode != http.StatusPartialContent || got != body[10:20] {
		t.Errorf("a range: status %d, %q", part.StatusCode, got)
	}
	if again, _ := get(file.Place(), "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
		t.Errorf("once more: status %d", again.StatusCode)
	}
	if stamp, _ := get("timestamp.json"); stamp.Header.Get("Cache-Control") != "no-cache" {
		t.Error("the timestamp may be kept by somebody in between")
	}
	for _, name := range []string{"", "report.json", "current", "anchor.json", "9.root.json", "targets/", "targets/" + file.Name, "..%2f..%2fmaster.key", "%2e%2e/current", "seen/root.json"} {
		if a, _ := get(name); a.StatusCode != http.StatusNotFound {
			t.Errorf("%q: status %d", name, a.StatusCode)
		}
	}
	if a, err := client.Post("https://"+c.Address+"/updates/timestamp.json", "", nil); err != nil || a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("written to: %v", err)
	} else {
		a.Body.Close()
	}
}

func TestNobodyElseThanTheRelayCanServeTheFeed(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	client := engine.FeedClient([]wire.Pin{{1, 2, 3}}, nil)
	defer client.CloseIdleConnections()
	_, err := updates.Web(client, "https://"+c.Address+"/updates/").Open(t.Context(), "timestamp.json")
	if !errors.Is(err, updates.ErrUnreachable) || !errors.Is(err, engine.ErrWrongRelay) {
		t.Errorf("got %v", err)
	}
}

func TestDoctorSaysInTimeThatTheFeedRunsOut(t *testing.T) {
	c := relaytest.Start(t, relaytest.Options{})
	said := func() (relay.FindingState, string) {
		t.Helper()
		for _, f := range relay.Doctor(t.Context(), c.Path) {
			if f.What == "updates" {
				return f.State, f.Detail
			}
		}
		t.Fatal("nothing is said of updates")
		return 0, ""
	}
	if state, detail := said(); state != relay.Well || !strings.Contains(detail, "none are served") {
		t.Errorf("without a feed: %v %s", state, detail)
	}
	d := desk(t, "1.4.0")
	for _, next := range []struct {
		life time.Duration
		want relay.FindingState
	}{{signing.Life, relay.Well}, {7 * 24 * time.Hour, relay.Watch}} {
		releaseOf(t, d, "1.4.1", next.life)
		if _, err := relay.SendUpdates(t.Context(), admin(t, c), d.Feed(), anchorOf(t, d)); err != nil {
			t.Fatal(err)
		}
		if state, detail := said(); state != next.want {
			t.Errorf("good for %v: %v %s", next.life, state, detail)
		}
	}
}
