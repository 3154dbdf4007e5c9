package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// shipping makes a relay ship to two folders of its own.
func (d *intakeDesk) shipping() (b BackupConfig, id *age.X25519Identity) {
	d.t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		d.t.Fatal(err)
	}
	dir := d.t.TempDir()
	b = BackupConfig{Recipients: []string{id.Recipient().String()}, Store: filepath.Join(dir, "there", "store"), Keys: filepath.Join(dir, "elsewhere", "keys")}
	d.cfg.Backup = b
	d.again(func(Config) {})
	return b, id
}

// round lets the relay ship once, and waits for a copy under way.
func (d *intakeDesk) round() {
	d.t.Helper()
	d.ship.tend(context.Background())
	d.copying.Wait()
	if s, err := d.BackupState(context.Background()); err != nil || s.Failing != "" {
		d.t.Fatalf("%+v %v", s, err)
	}
}

// back opens what was restored as the desk's relay.
func (d *intakeDesk) back(w RestoreWish) Restored {
	d.t.Helper()
	var out Restored
	d.again(func(cfg Config) {
		before := cfg.Data + ".broken"
		if err := os.Rename(cfg.Data, before); err != nil {
			d.t.Fatal(err)
		}
		w.Data = cfg.Data
		var err error
		if out, err = Restore(context.Background(), w); err != nil {
			d.t.Fatal(err)
		}
		master, err := os.ReadFile(filepath.Join(before, "master.key"))
		if err == nil {
			err = os.WriteFile(cfg.masterKeyFile(), master, 0o600)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	})
	return out
}

// TestWhatWasShippedIsRestoredAndBringsNobodyBack ships while messages come in and keys rotate, erases and wipes, loses the disk,
// and restores from what was shipped alone.
func TestWhatWasShippedIsRestoredAndBringsNobodyBack(t *testing.T) {
	d := newIntakeDesk(t)
	b, id := d.shipping()
	ctx := context.Background()
	gone, stays := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}, object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	d.feed(from(testNumber, gone, "g", d.now.Unix(), "text", text("Kanarienkäfig")), from(testNumber, stays, "s", d.now.Unix(), "text", text("Hundehütte")))
	d.round() // begins the copy
	d.round() // finds it whole
	find := func(name string) inbox.ContactID {
		t.Helper()
		all := d.conversations(d.one)
		i := slices.IndexFunc(all, func(c inbox.Conversation) bool { return strings.HasPrefix(c.Contact.Name.Visible(), name) })
		if i < 0 {
			t.Fatalf("there is no conversation with %s", name)
		}
		return all[i].Contact.ID
	}
	contact := find("Wilhelmine")
	media := map[inbox.ContactID]inbox.MediaID{contact: inbox.NewID[inbox.MediaID](), find("Otto"): inbox.NewID[inbox.MediaID]()}
	if err := os.MkdirAll(d.mediaDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	for of, id := range media {
		if err := os.WriteFile(d.mediaFile(id), []byte("a sealed file"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := d.db.Update(ctx, eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error { return tx.Put(bucketMediaOf, []byte(id), []byte(of)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	lost, _ := admitted(t, d.Relay)
	if _, _, err := d.vault.Lend(ctx, lost); err != nil {
		t.Fatal(err)
	}
	d.round()
	for i := range 5 {
		d.feed(from(testNumber, stays, fmt.Sprint("more", i), d.now.Unix(), "text", text(fmt.Sprint("Hundeleine ", i))))
		if err := d.vault.RotateEpoch(ctx); err != nil {
			t.Fatal(err)
		}
		d.round()
	}
	d.now = d.now.Add(time.Hour)
	d.agreeToErase(gone, "del")
	if n, err := d.RunErasures(ctx); n != 1 || err != nil {
		t.Fatalf("%d erased, %v", n, err)
	}
	if _, err := d.WipeDevice(ctx, string(lost), inbox.WipeLost); err != nil {
		t.Fatal(err)
	}
	d.feed(from(testNumber, stays, "last", d.now.Unix(), "text", text("Hundekorb")))
	d.round()
	for path, content := range files(t, filepath.Dir(filepath.Dir(b.Store))) {
		if strings.HasSuffix(path, sealedSuffix) && !strings.HasPrefix(string(content), "age-encryption.org/v1\n") {
			t.Errorf("%s is not sealed", filepath.Base(path))
		}
	}
	if got := keyVersions(b.Keys); len(got) != 1 || !slices.Equal(got, keyVersions(b.Store)) {
		t.Errorf("older keys are kept: %v", got)
	}
	if _, err := os.Stat(filepath.Join(b.Store, mediaFolder, string(media[contact])+sealedSuffix)); !os.IsNotExist(err) {
		t.Errorf("the file of who was erased is in the backup: %v", err)
	}
	want := d.dump()
	d.feed(from(testNumber, stays, "late", d.now.Unix(), "text", text("Hundezeile"))) // and Close must ship it
	out := d.back(RestoreWish{Backup: b.Store, Keys: b.Keys, Identities: []age.Identity{id}})
	if out.Sealed == nil || out.Sealed.Increments < 7 || len(out.Sealed.Lags) != out.Sealed.Increments {
		t.Errorf("%+v", out.Sealed)
	}
	for _, f := range []string{filepath.Join(out.Config, "relay.toml"), filepath.Join(out.Config, "relay.crt"), filepath.Join(out.TLSKey, "relay.key")} {
		if _, err := os.Stat(f); err != nil {
			t.Error(err)
		}
	}
	rows := d.dump()
	if len(rows) < len(want)-len(want)/10 {
		t.Errorf("%d rows, and there were %d", len(rows), len(want))
	}
	for _, canary := range []string{"Kanarien", "Wilhelmine", "4915155501234"} {
		if at := where(rows, canary); len(at) > 0 {
			t.Errorf("a canary is in %d rows: %.60q", len(at), at)
		}
	}
	for _, words := range []string{"Hundehütte", "Hundeleine 4", "Hundekorb", "Hundezeile"} {
		if len(where(rows, words)) == 0 {
			t.Errorf("%s is lost", words)
		}
	}
	if _, err := d.vault.Identity(ctx, contact); !errors.Is(err, vault.ErrErased) {
		t.Errorf("the vault says of her: %v", err)
	}
	for of, id := range media {
		if _, err := os.Stat(d.mediaFile(id)); os.IsNotExist(err) != (of == contact) {
			t.Errorf("a file: %v", err)
		}
	}
	if _, _, err := d.vault.Lend(ctx, lost); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("the half of the wiped device is back: %v", err)
	}
	// The restored relay ships on into the same folders.
	d.round()
	d.round()
	if s, err := d.BackupState(ctx); err != nil || s.Chain == "" || s.Chain == out.Sealed.Chain {
		t.Errorf("%+v %v", s, err)
	}
}

// An older copy is opened with today's keys: who was erased since it was made is in neither.
func TestAnOlderCopyDoesNotBringBackWhoWasErasedSince(t *testing.T) {
	d := newIntakeDesk(t)
	b, id := d.shipping()
	ctx := context.Background()
	gone := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}
	d.feed(from(testNumber, gone, "g", d.now.Unix(), "text", text("Kanarienkäfig")))
	d.round()
	d.round()
	contact := d.conversations(d.one)[0].Contact.ID
	for _, in := range d.intakes { // webhooks that are facts go
		if err := in.trim(ctx, 1, in.after); err != nil {
			t.Fatal(err)
		}
	}
	d.again(func(Config) {})
	d.round()
	d.round()
	old, _ := d.BackupState(ctx)
	d.now = d.now.Add(time.Hour)
	d.agreeToErase(gone, "del")
	if n, err := d.RunErasures(ctx); n != 1 || err != nil {
		t.Fatalf("%d erased, %v", n, err)
	}
	d.again(func(Config) {}) // a new chain
	d.round()
	d.round()
	for _, name := range increments(t, b.Store, old.Chain) { // the old copy as it was
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	d.back(RestoreWish{Backup: b.Store, Keys: b.Keys, Identities: []age.Identity{id}, Chain: old.Chain})
	if at := where(d.dump(), "Kanarien"); len(at) > 0 {
		t.Errorf("she is in %d rows", len(at))
	}
	if _, err := d.vault.Identity(ctx, contact); !errors.Is(err, vault.ErrErased) {
		t.Errorf("the vault says of her: %v", err)
	}
}

func increments(t *testing.T, store, chain string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(store, chain, "0*"+sealedSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestARestoreOfWhatIsNotWholeChangesNothing damages what was shipped in every way a disk, a copy or a person does.
func TestARestoreOfWhatIsNotWholeChangesNothing(t *testing.T) {
	d := newIntakeDesk(t)
	b, id := d.shipping()
	stays := object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	d.round()
	for i := range 4 {
		d.feed(from(testNumber, stays, fmt.Sprint("m", i), d.now.Unix(), "text", text(fmt.Sprint("Hundeleine ", i))))
		d.round()
	}
	if err := d.Relay.Close(); err != nil {
		t.Fatal(err)
	}
	state, _ := d.BackupState(context.Background())
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	ids := []age.Identity{id}
	incs := increments(t, b.Store, state.Chain)
	base := filepath.Join(b.Store, state.Chain, baseName)
	keys := filepath.Join(b.Keys, keysName(keyVersions(b.Keys)[0]))
	cut := func(file string, keep int) func() {
		return func() {
			content, err := os.ReadFile(file)
			if keep < 0 {
				keep += len(content)
			}
			if err = errors.Join(err, os.WriteFile(file, content[:keep], 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap := func(a, b string) func() {
		return func() {
			if err := errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(file string) func() { return func() { os.Remove(file) } }
	for _, c := range []struct {
		what string
		do   func()
		with []age.Identity
		want error
		gap  bool // what came before it can be restored
	}{
		{"nothing", func() {}, ids, nil, true},
		{"another identity", func() {}, []age.Identity{other}, ErrIdentity, false},
		{"no identity", func() {}, nil, ErrBackup, false},
		{"an increment is missing", remove(incs[1]), ids, ErrGap, true},
		{"the first increment is missing", remove(incs[0]), ids, ErrGap, true},
		{"the last increment is cut short", cut(incs[len(incs)-1], -1), ids, ErrBackup, true},
		{"an increment is empty", cut(incs[1], 0), ids, ErrBackup, true},
		{"two increments have changed places", swap(incs[0], incs[1]), ids, ErrBackup, false},
		{"the copy is cut short", cut(base, -1), ids, ErrBackup, false},
		{"the copy is cut at half", cut(base, 30_000), ids, ErrBackup, false},
		{"the copy is missing", remove(base), ids, ErrBackup, false},
		{"the keys are missing", remove(keys), ids, ErrBackup, false},
		{"the keys are cut short", cut(keys, -20), ids, ErrBackup, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			work := t.TempDir()
			if err := os.CopyFS(filepath.Join(work, "kept"), os.DirFS(filepath.Dir(filepath.Dir(b.Store)))); err != nil {
				t.Fatal(err)
			}
			defer func() { // as it was
				top := filepath.Dir(filepath.Dir(b.Store))
				if err := errors.Join(os.RemoveAll(top), os.CopyFS(top, os.DirFS(filepath.Join(work, "kept")))); err != nil {
					t.Fatal(err)
				}
			}()
			c.do()
			w := RestoreWish{Backup: b.Store, Keys: b.Keys, Identities: c.with, Data: filepath.Join(work, "data")}
			_, err := Restore(t.Context(), w)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v", err)
			}
			if list, _ := filepath.Glob(w.Data + "*"); err != nil && len(list) > 0 {
				t.Errorf("something is left: %v", len(list))
			}
			if c.want == nil {
				return
			}
			w.BeforeGap = true
			if _, err := Restore(t.Context(), w); (err == nil) != c.gap {
				t.Errorf("up to the gap: %v", err)
			}
		})
	}
}

// A folder that is away, full or somebody else's harms no message; when it is back, the backup goes on without a gap.
func TestAFolderThatIsAwayCostsNothing(t *testing.T) {
	d := newIntakeDesk(t)
	b, id := d.shipping()
	ctx := context.Background()
	stays := object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	say := func(words string) {
		d.feed(from(testNumber, stays, words, d.now.Unix(), "text", text(words)))
	}
	fails := func(what string, want error) {
		t.Helper()
		d.ship.tend(ctx)
		d.copying.Wait()
		s, err := d.BackupState(ctx)
		if err != nil || want != nil && !strings.Contains(s.Failing, want.Error()) || s.Failing == "" {
			t.Errorf("%s: %+v %v", what, s, err)
		}
		if s.Lag <= 0 {
			t.Errorf("%s: nothing waits", what)
		}
	}
	say("Hundehütte")
	d.round()
	d.round()
	chain, _ := d.BackupState(ctx)

	away := b.Store + ".away"
	if err := errors.Join(os.Rename(b.Store, away), os.WriteFile(b.Store, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	say("Hundeleine")
	fails("the folder is away", nil)
	if err := errors.Join(os.Remove(b.Store), os.Rename(away, b.Store)); err != nil {
		t.Fatal(err)
	}

	if runtime.GOOS == "linux" {
		full := filepath.Join(b.Store, chain.Chain, fmt.Sprintf("%06d", d.ship.chains[0].number+1)+sealedSuffix+halfSuffix)
		if err := os.Symlink("/dev/full", full); err != nil {
			t.Fatal(err)
		}
		say("Hundekorb")
		fails("the disk is full", ErrNoRoom) // and the half of a file is gone with that
	}

	mark := filepath.Join(b.Keys, ownerName)
	own, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mark, []byte("0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	say("Hundenapf")
	fails("it is another relay's", ErrOtherRelay)
	if err := os.WriteFile(mark, own, 0o600); err != nil {
		t.Fatal(err)
	}

	d.round()
	if now, _ := d.BackupState(ctx); now.Chain != chain.Chain {
		t.Error("another chain was begun")
	}
	d.back(RestoreWish{Backup: b.Store, Keys: b.Keys, Identities: []age.Identity{id}})
	for _, words := range []string{"Hundehütte", "Hundeleine", "Hundekorb", "Hundenapf"} {
		if len(where(d.dump(), words)) == 0 && (words != "Hundekorb" || runtime.GOOS == "linux") {
			t.Errorf("%s is lost", words)
		}
	}
}

func TestAFolderWithSomethingInItIsNotTaken(t *testing.T) {
	d := newIntakeDesk(t)
	b, _ := d.shipping()
	if err := errors.Join(os.MkdirAll(b.Store, 0o700), os.WriteFile(filepath.Join(b.Store, "thesis.txt"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d.ship.tend(t.Context())
	if s, _ := d.BackupState(t.Context()); !strings.Contains(s.Failing, ErrBackupThere.Error()) {
		t.Errorf("%+v", s)
	}
	if list := files(t, b.Store); len(list) != 1 {
		t.Errorf("%d files", len(list))
	}
}

func TestOldCopiesGoByTheDay(t *testing.T) {
	d := newIntakeDesk(t)
	b, _ := d.shipping()
	d.round()
	d.round()
	newest, _ := d.BackupState(t.Context())
	day := func(ago int, clock string) string {
		return time.Now().AddDate(0, 0, -ago).UTC().Format("20060102T") + clock + "Z-abcd"
	}
	keep := []string{day(1, "230000"), day(2, "230000"), day(5, "010000")}
	lose := []string{day(1, "010000"), day(2, "220000"), day(30, "010000"), day(400, "010000")}
	for _, name := range append(slices.Clone(keep), lose...) {
		if err := errors.Join(os.Mkdir(filepath.Join(b.Store, name), 0o700), os.WriteFile(filepath.Join(b.Store, name, baseName), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(b.Store, day(3, "010000")), 0o700); err != nil { // never finished
		t.Fatal(err)
	}
	if err := d.ship.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := chainsIn(b.Store)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, c.name)
	}
	want := append(keep, newest.Chain)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v are kept, and not %v", got, want)
	}
}

func TestADrillSaysWhetherItCanBeRestored(t *testing.T) {
	d := newIntakeDesk(t)
	b, id := d.shipping()
	ctx := t.Context()
	if _, err := d.AuditKey(ctx); err != nil {
		t.Fatal(err)
	}
	stays := object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	d.feed(from(testNumber, stays, "a", d.now.Unix(), "text", text("Hundehütte")))
	d.round()
	d.round()
	w := DrillWish{Config: d.cfg, RestoreWish: RestoreWish{Backup: b.Store, Keys: b.Keys, Identities: []age.Identity{id}, Data: filepath.Join(t.TempDir(), "drill")}}
	report, err := Drill(ctx, w)
	if err != nil || len(report.Faults) > 0 || report.RTO <= 0 || report.Entries == 0 || report.Chains == 0 {
		t.Fatalf("%+v %v", report, err)
	}
	if left, _ := filepath.Glob(w.Data + "*"); len(left) > 0 {
		t.Errorf("%d things are left of it", len(left))
	}
	if _, err := CheckBackup(ctx, b.Store, &d.cfg); !errors.Is(err, ErrBackup) || !strings.Contains(err.Error(), "backup drill") {
		t.Errorf("a sealed backup is looked at as an open one: %v", err)
	}
	key, _ := d.AuditKey(ctx)
	if text, err := audit.OpenText(report.Signed, key); err != nil || text != report.Text() || !strings.Contains(text, "facts of ") {
		t.Errorf("%v: %s", err, report.Signed)
	}
	if _, err := audit.OpenText(strings.Replace(report.Signed, "well", "fine", 1), key); err == nil {
		t.Error("a changed report verifies")
	}
	if err := d.NoteDrill(ctx, DrillNote{RPO: time.Second, RTO: time.Minute}); err != nil {
		t.Fatal(err)
	}
	at, err := d.LastDrill(ctx)
	if err != nil || at == 0 {
		t.Errorf("%v %v", at, err)
	}
	d.now = d.now.Add(time.Hour)
	if err := d.NoteDrill(ctx, DrillNote{Faults: 2}); err != nil {
		t.Fatal(err)
	}
	if now, err := d.LastDrill(ctx); err != nil || now != at {
		t.Errorf("a drill that failed counts: %v %v", now, err)
	}
	w.Data = t.TempDir()
	if _, err := Drill(ctx, w); !errors.Is(err, ErrBackupThere) {
		t.Errorf("into a folder that is there: %v", err)
	}
}

func TestASealedBackupOfOneMomentIsTheSame(t *testing.T) {
	bothWays(t, func(t *testing.T, r *Relay, a Admin) {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(r.mediaDir(), 0o700), os.WriteFile(filepath.Join(r.mediaDir(), "abc"), []byte("a sealed file"), 0o600)); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "b")
		parts, err := TakeSealedBackup(t.Context(), a, r.cfg, dir, "1.0.0", []age.Recipient{id.Recipient()}, nil)
		if err != nil || len(parts) != 2 || parts[0].Bytes() == 0 || parts[1].Bytes() == 0 {
			t.Fatalf("%+v %v", parts, err)
		}
		for path, content := range files(t, dir) {
			if !strings.HasPrefix(string(content), "age-encryption.org/v1\n") {
				t.Errorf("%s is not sealed", filepath.Base(path))
			}
		}
		w := DrillWish{Config: r.cfg, RestoreWish: RestoreWish{Backup: dir, Identities: []age.Identity{id}, Data: filepath.Join(t.TempDir(), "drill")}}
		if report, err := Drill(t.Context(), w); err != nil || len(report.Faults) > 0 {
			t.Errorf("%+v %v", report, err)
		}
		data := filepath.Join(t.TempDir(), "data")
		if _, err := Restore(t.Context(), RestoreWish{Backup: dir, Identities: []age.Identity{id}, Data: data}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(data, "media", "abc")); err != nil || string(got) != "a sealed file" {
			t.Errorf("a file: %v", err)
		}
		if s, err := a.BackupState(t.Context()); err != nil || s.Shipping {
			t.Errorf("%+v %v", s, err)
		}
		if err := a.NoteDrill(t.Context(), DrillNote{}); err != nil {
			t.Error(err)
		}
		if at, err := a.LastDrill(t.Context()); err != nil || at == 0 {
			t.Errorf("%v %v", at, err)
		}
	})
}

// Whatever is cut or changed in a sealed file, it does not open.
func FuzzOpenSealedFile(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(f.TempDir(), "a")
	if _, _, err := sealToFile(context.Background(), file, []age.Recipient{id.Recipient()}, shipHead{}, func(p *packer) error { return p.addBytes("x", []byte("y")) }); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(len(whole)-1, byte(0))
	f.Add(0, byte(1))
	f.Fuzz(func(t *testing.T, at int, flip byte) {
		damaged := slices.Clone(whole)
		if at = max(at, 0) % len(damaged); flip == 0 {
			damaged = damaged[:at]
		} else {
			damaged[at] ^= flip
		}
		file := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := openSealedFile(context.Background(), file, []age.Identity{id}, func(_ string, content io.Reader) error {
			_, err := io.Copy(io.Discard, content)
			return err
		})
		if err == nil {
			t.Error("what was damaged opens")
		}
	})
}
