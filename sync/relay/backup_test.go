package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// TestABackupTakenAtWorkIsRestoredAndBringsNobodyBack takes a backup while messages come in, keys rotate and devices are lent
// halves; erases and wipes afterwards; and restores.
func TestABackupTakenAtWorkIsRestoredAndBringsNobodyBack(t *testing.T) {
	d := newIntakeDesk(t)
	ctx := context.Background()
	gone, stays := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}, object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	for i, number := range []string{testNumber, otherNumber} {
		d.feed(from(number, gone, fmt.Sprint("g", i), d.now.Unix(), "text", text("Kanarienkäfig")),
			from(number, stays, fmt.Sprint("s", i), d.now.Unix(), "text", text("Hundehütte")))
	}
	find := func(name string) inbox.Conversation {
		t.Helper()
		all := d.conversations(d.one)
		i := slices.IndexFunc(all, func(c inbox.Conversation) bool { return strings.HasPrefix(c.Contact.Name.Visible(), name) })
		if i < 0 {
			t.Fatalf("there is no conversation with %s", name)
		}
		return all[i]
	}
	contact := find("Wilhelmine").Contact.ID
	media := map[string]inbox.MediaID{"hers": inbox.NewID[inbox.MediaID](), "his": inbox.NewID[inbox.MediaID]()}
	if err := os.MkdirAll(d.mediaDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	for who, id := range media {
		if err := os.WriteFile(d.mediaFile(id), []byte("a sealed file"), 0o600); err != nil {
			t.Fatal(err)
		}
		of := map[string]inbox.ContactID{"hers": contact, "his": find("Otto").Contact.ID}[who]
		err := d.db.Update(ctx, eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error { return tx.Put(bucketMediaOf, []byte(id), []byte(of)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	lost, _ := admitted(t, d.Relay)
	if _, _, err := d.vault.Lend(ctx, lost); err != nil {
		t.Fatal(err)
	}
	for _, in := range d.intakes {
		if err := in.trim(ctx, 1, in.after); err != nil {
			t.Fatal(err)
		}
	}

	// The backup, while everything goes on.
	stop := make(chan struct{})
	var work sync.WaitGroup
	for _, do := range []func(i int) error{
		func(i int) error {
			return d.ingest(ctx, from(testNumber, stays, fmt.Sprint("more", i), d.now.Unix(), "text", text("Hundeleine")))
		},
		func(int) error { return d.vault.RotateEpoch(ctx) },
		func(i int) error {
			_, _, err := d.vault.Lend(ctx, inbox.NewID[inbox.DeviceID]())
			return err
		},
	} {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	config := filepath.Join(filepath.Dir(d.cfg.Data), "relay.toml")
	dir := filepath.Join(t.TempDir(), "backup")
	var seen int
	parts, err := TakeBackup(ctx, d.Relay, d.cfg, config, dir, "1.0.0", func(string, int64) { seen++ })
	close(stop)
	work.Wait()
	if err != nil || len(parts) != 2 || seen == 0 {
		t.Fatalf("%v %v, %d steps seen", parts, err, seen)
	}
	if r, err := CheckBackup(ctx, dir, &d.cfg); err != nil || len(r.Faults) > 0 || !r.Opened {
		t.Fatalf("%+v %v", r, err)
	}
	master, err := os.ReadFile(d.cfg.masterKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files(t, dir) {
		for _, secret := range []string{"4915155501234", "Kanarien", "Hundehütte", strings.TrimSpace(string(master)), "app-secret"} {
			if secret == "4915155501234" && filepath.Base(path) == "relay.toml" { // an example of its comments
				continue
			}
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds what nobody may read", filepath.Base(path))
			}
		}
	}

	// What happens after the backup must stay.
	d.now = d.now.Add(time.Hour)
	d.agreeToErase(gone, "del")
	if n, err := d.RunErasures(ctx); n != 1 || err != nil {
		t.Fatalf("%d erased, %v", n, err)
	}
	if _, err := d.WipeDevice(ctx, string(lost), inbox.WipeLost); err != nil {
		t.Fatal(err)
	}

	at, err := d.logs.Head(ctx, d.one.Log())
	if err != nil {
		t.Fatal(err)
	}
	d.again(func(cfg Config) {
		before := cfg.Data + ".broken"
		if err := os.Rename(cfg.Data, before); err != nil {
			t.Fatal(err)
		}
		out, err := Restore(ctx, RestoreWish{Backup: dir, Data: cfg.Data, Before: before})
		if err != nil || !out.Newer {
			t.Fatalf("%+v %v", out, err)
		}
		if err := os.WriteFile(cfg.masterKeyFile(), master, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if now, err := d.logs.Head(ctx, d.one.Log()); err != nil || now.Epoch == at.Epoch || now.Epoch == "" {
		t.Errorf("a device that saw more than the backup goes on in it: epoch %q, %v", now.Epoch, err)
	}
	rows := d.dump()
	for _, canary := range []string{"Kanarien", "Wilhelmine", "4915155501234"} {
		if at := where(rows, canary); len(at) > 0 {
			t.Errorf("a canary is in %d rows: %.60q", len(at), at)
		}
	}
	if _, err := d.vault.Identity(ctx, contact); !errors.Is(err, vault.ErrErased) {
		t.Errorf("the vault says of her: %v", err)
	}
	if _, err := d.vault.Identity(ctx, find("Otto").Contact.ID); err != nil {
		t.Errorf("the key of somebody else is lost: %v", err)
	}
	if len(where(rows, "Hundehütte")) == 0 {
		t.Error("another customer's words are gone")
	}
	if _, err := os.Stat(d.mediaFile(media["hers"])); !os.IsNotExist(err) {
		t.Errorf("her file is there: %v", err)
	}
	if _, err := os.Stat(d.mediaFile(media["his"])); err != nil {
		t.Errorf("another customer's file is gone: %v", err)
	}
	if _, _, err := d.people.Device(ctx, lost); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("the wiped device is back: %v", err)
	}
	if _, _, err := d.vault.Lend(ctx, lost); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("its half is back: %v", err)
	}
	d.feed(from(testNumber, stays, "after", d.now.Unix(), "text", text("Hundekorb")))
	if len(where(d.dump(), "Hundekorb")) == 0 {
		t.Error("the restored relay takes no message in")
	}
}

// TestHalvesOfTheBackupFitItsSafe restores backups taken while halves are destroyed: a device that kept its half still has it.
func TestHalvesOfTheBackupFitItsSafe(t *testing.T) {
	r := newRelay(t, nil)
	ctx := t.Context()
	half, generation, err := r.vault.Lend(ctx, "kept")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := inbox.DeviceID(fmt.Sprint("other", i))
			if _, _, err := r.vault.Lend(ctx, id); err != nil {
				t.Error(err)
				return
			}
			if _, err := r.vault.Destroy(ctx, id); err != nil {
				t.Error(err)
				return
			}
		}
	})
	dir := t.TempDir()
	for i := range 5 {
		if _, err := TakeBackup(ctx, r, r.cfg, filepath.Join(filepath.Dir(r.cfg.Data), "relay.toml"), filepath.Join(dir, fmt.Sprint(i)), "", nil); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	work.Wait()
	for i := range 5 {
		cfg := r.cfg
		cfg.Data = filepath.Join(dir, fmt.Sprint("data", i))
		if _, err := Restore(ctx, RestoreWish{Backup: filepath.Join(dir, fmt.Sprint(i)), Data: cfg.Data}); err != nil {
			t.Fatal(err)
		}
		master, err := os.ReadFile(r.cfg.masterKeyFile())
		if err == nil {
			err = os.WriteFile(cfg.masterKeyFile(), master, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := Open(ctx, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, n, err := back.vault.Lend(ctx, "kept"); err != nil || n != generation || !bytes.Equal(got.Bytes(), half.Bytes()) {
			t.Errorf("backup %d: another half, generation %d, %v", i, n, err)
		}
		if err := back.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABackupThroughTheSocketIsTheSame(t *testing.T) {
	bothWays(t, func(t *testing.T, r *Relay, a Admin) {
		dir := filepath.Join(t.TempDir(), "b")
		if _, err := TakeBackup(t.Context(), a, r.cfg, filepath.Join(filepath.Dir(r.cfg.Data), "relay.toml"), dir, "", nil); err != nil {
			t.Fatal(err)
		}
		if got, err := CheckBackup(t.Context(), dir, &r.cfg); err != nil || !got.Opened {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// brokenAdmin breaks off in the middle of a backup.
type brokenAdmin struct {
	Admin
	after int64
}

func (b brokenAdmin) Backup(ctx context.Context, to io.Writer) error {
	var whole bytes.Buffer
	if err := b.Admin.Backup(ctx, &whole); err != nil {
		return err
	}
	_, err := io.CopyN(to, &whole, b.after)
	return err
}

func TestABackupThatBreaksOffLeavesNoneBehind(t *testing.T) {
	r := newRelay(t, nil)
	for _, after := range []int64{0, 1, 20, 5000, 40000} {
		dir := filepath.Join(t.TempDir(), "b")
		_, err := TakeBackup(t.Context(), brokenAdmin{r, after}, r.cfg, filepath.Join(filepath.Dir(r.cfg.Data), "relay.toml"), dir, "", nil)
		if !errors.Is(err, ErrNoAnswer) {
			t.Errorf("after %d bytes: %v", after, err)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("after %d bytes something is there: %v", after, err)
		}
	}
	missing := r.cfg
	missing.TLS.Key = filepath.Join(t.TempDir(), "none")
	dir := t.TempDir()
	if _, err := TakeBackup(t.Context(), r, missing, filepath.Join(filepath.Dir(r.cfg.Data), "relay.toml"), dir, "", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the certificate's key: %v", err)
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Errorf("%d things are left in the folder", len(list))
	}
}

// What is packed comes out as it went in, and no part of it is taken for the whole.
func TestPackedFilesComeOutWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOfN(rapid.StringMatching(`(store|keys)/[a-z.]{1,12}`), rapid.SliceOfN(rapid.Byte(), 0, 2000), 0, 5).Draw(t, "files")
		var packed bytes.Buffer
		p := newPacker(&packed)
		for name, content := range want {
			step := rapid.IntRange(1, 700).Draw(t, "step")
			err := p.add(name, func(w io.Writer) error {
				for piece := range slices.Chunk(content, step) {
					if _, err := w.Write(piece); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		read := func(from []byte) (map[string][]byte, error) {
			got := map[string][]byte{}
			err := unpack(bytes.NewReader(from), func(name string, content io.Reader) error {
				b, err := io.ReadAll(content)
				got[name] = b
				return err
			})
			return got, err
		}
		got, err := read(packed.Bytes())
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d files, %v", len(got), err)
		}
		for name, content := range want {
			if !bytes.Equal(got[name], content) {
				t.Fatalf("%s is another", name)
			}
		}
		cut := rapid.IntRange(0, packed.Len()-1).Draw(t, "cut")
		if _, err := read(packed.Bytes()[:cut]); err == nil {
			t.Fatal("a part is taken for the whole")
		}
	})
}

func TestUnpackRefusesNamesThatLeaveTheFolder(t *testing.T) {
	for _, name := range []string{"../x", "/etc/x", "store/../../x", `store\x`} {
		if err := unpack(strings.NewReader(name+"\n"), func(string, io.Reader) error { return nil }); !errors.Is(err, errPack) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := backupWriter{dir: t.TempDir(), files: map[string][]BackupFile{}}
	for _, name := range []string{"other/x", "store", "store/", "store/manifest.json", "x"} {
		if err := b.write(name, strings.NewReader("")); !errors.Is(err, errPack) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
