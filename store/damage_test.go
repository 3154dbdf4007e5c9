package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealdesk/app/inbox"
)

const canary = "zanzibar"

// keyFor makes a key a child can make again. It is for tests that need the same key in two processes.
func keyFor(t testing.TB, name string) CacheKey {
	b := bytes.Repeat([]byte{7}, 32)
	copy(b, name)
	k := NewCacheKey()
	k.store = [16]byte{}
	copy(k.store[:], name)
	raw := cacheItem{Half: b}
	half, err := newHalf(raw.Half)
	if t != nil {
		try(t, err)
	}
	k.half = half
	return k
}

func childConfig(dir string) Config { return Config{Dir: dir, Key: keyFor(nil, "child"), Reader: me} }

// startChild runs this test program again as one of the children.
func startChild(t testing.TB, name string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	try(t, err)
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), childVar+"="+name)
	return c
}

// filled makes a closed store with some of everything in it.
func filled(t testing.TB, dir string) {
	ctx := context.Background()
	s, err := Open(ctx, childConfig(dir))
	try(t, err)
	try(t, s.Apply(ctx, stretch(inbox.CompanyLog, 0, inbox.PersonChanged{Person: inbox.Person{ID: me, Name: "Mia " + canary}})))
	at := uint64(0)
	for i := range 40 {
		conv := fmt.Sprint("conversation-", canary, i%7)
		b := stretch(numberA.Log(), at, opened(conv), from(inbox.FromContact, conv, fmt.Sprint("m", i), strings.Repeat(canary+" ", 1+i%40)),
			from(inbox.FromPerson, conv, fmt.Sprint("n", i), "answer "+canary))
		at = b.To
		try(t, s.Apply(ctx, b))
	}
	for i := range 9 {
		try(t, s.Submit(ctx, send(fmt.Sprint("intent-", canary, i), "conversation-"+canary+"1", "typed "+canary)))
		try(t, s.SetDraft(ctx, inbox.ConversationID(fmt.Sprint("conversation-", canary, i)), "draft "+canary))
	}
	try(t, s.Settle(ctx, inbox.Outcome{Intent: inbox.IntentID("intent-" + canary + "3"), Refusal: inbox.RefusedWindow}))
	try(t, s.Apply(ctx, stretch(numberA.Log(), at, inbox.TemplateChanged{Template: inbox.Template{ID: "template-" + canary, Name: canary, Body: canary}}),
		stretch(inbox.OversightLog, 0, inbox.IncidentChanged{Incident: inbox.Incident{ID: "incident-" + canary, Detail: canary}})))
	_, err = s.Attach(ctx, "conversation-"+canary, canary+".txt", "text/"+canary, strings.NewReader(strings.Repeat(canary+" ", 20_000)))
	try(t, err)
	try(t, s.Close())
}

// useAll opens a store, repairing it when it says so, reads everything, and writes. Its errors are ours or none.
func useAll(dir string) error {
	ctx := context.Background()
	cfg := childConfig(dir)
	for tries := 0; ; tries++ {
		err := useOnce(ctx, cfg)
		if err == nil || tries == 2 || !errors.Is(err, ErrDamaged) {
			return err
		}
		if err := Repair(ctx, cfg); err != nil {
			return fmt.Errorf("repair: %w", err)
		}
	}
}

func useOnce(ctx context.Context, cfg Config) error {
	s, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Head(ctx); err != nil {
		return err
	}
	rows, err := s.Inbox(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := s.Page(ctx, r.ID, PageCursor{}, 1000); err != nil {
			return err
		}
	}
	at := uint64(0)
	for _, c := range s.Cursors() {
		if c.Log == numberA.Log() {
			at = c.Seq
		}
	}
	if err := s.Apply(ctx, stretch(numberA.Log(), at, from(inbox.FromContact, "after", "after", "x"))); err != nil {
		return err
	}
	return s.Submit(ctx, send("after", "after", "x"))
}

func init() {
	// One child works through many damaged stores, so that a death is noticed and yet processes stay few.
	children["use"] = func(dirs []string) int {
		for _, dir := range dirs {
			if err := useAll(dir); err != nil {
				fmt.Printf("%s: %v\n", filepath.Base(dir), err)
			}
		}
		fmt.Println("all used")
		return 0
	}
}

func copyStore(t testing.TB, from, to string) {
	try(t, os.MkdirAll(to, 0o700))
	for _, name := range []string{cacheFile, outboxFile, cleanFile} {
		b, err := os.ReadFile(filepath.Join(from, name))
		try(t, err)
		try(t, os.WriteFile(filepath.Join(to, name), b, 0o600))
		info, err := os.Stat(filepath.Join(from, name))
		try(t, err)
		try(t, os.Chtimes(filepath.Join(to, name), info.ModTime(), info.ModTime()))
	}
}

// T6: in both files together 64 truncations and 500 flips, and some harm that is neither.
func TestADamagedStoreIsRebuiltAndNeverKillsTheApp(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	base := t.TempDir()
	good := filepath.Join(base, "good")
	filled(t, good)
	random := rand.New(rand.NewPCG(1, 2))
	var dirs []string
	circles := map[string]int{}
	// damage makes one copy with a change. unseen keeps the file's time, as rot on the disk does: then the mark of a
	// clean end is still there and nothing is checked in advance.
	damage := func(file string, unseen bool, change func([]byte) []byte) {
		dir := filepath.Join(base, fmt.Sprintf("%03d-%s-%v", len(dirs), file, unseen))
		copyStore(t, good, dir)
		path := filepath.Join(dir, file)
		info, err := os.Stat(path)
		try(t, err)
		b, err := os.ReadFile(path)
		try(t, err)
		try(t, os.WriteFile(path, change(b), 0o600))
		if unseen {
			try(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}
		dirs = append(dirs, dir)
	}
	for _, file := range []string{cacheFile, outboxFile} {
		for _, size := range []int{0, 1, 100, 4095, 4096, 8192, 16384, 20000} {
			damage(file, false, func(b []byte) []byte { return b[:min(size, len(b))] })
		}
		for i := range 24 {
			damage(file, false, func(b []byte) []byte { return b[:len(b)*i/24] })
		}
		for i := range 250 {
			damage(file, i%2 == 1, func(b []byte) []byte {
				for range 1 + i%3 {
					b[random.IntN(len(b))] ^= 1 << random.IntN(8)
				}
				return b
			})
		}
		for i := range 8 { // page heads and tables of rows, where pointers are
			damage(file, i%2 == 1, func(b []byte) []byte {
				for page := 2; page < len(b)/4096; page++ {
					b[page*4096+8+random.IntN(40)] ^= byte(1 + random.IntN(255))
				}
				return b
			})
		}
		circle := func(b []byte) []byte { // branches that lead back to themselves: bbolt would go round for ever
			for page := 2; page < len(b)/4096; page++ {
				if p := b[page*4096:]; native.Uint16(p[8:]) == pageBranch && native.Uint64(p) == uint64(page) {
					native.PutUint64(p[pageHead+8:], uint64(page))
					circles[file]++
				}
			}
			return b
		}
		damage(file, true, circle)
		damage(file, false, circle)
		damage(file, false, func(b []byte) []byte { clear(b[:4096]); return b })
		damage(file, false, func(b []byte) []byte { clear(b[:8192]); return b })
		damage(file, true, func(b []byte) []byte { clear(b); return b })
		damage(file, false, func(b []byte) []byte { return bytes.Repeat([]byte("not a database "), 3000) })
	}
	var workers []*exec.Cmd
	var outs []*bytes.Buffer
	for w := range 2 {
		c := startChild(t, "use", dirs[len(dirs)*w/2:len(dirs)*(w+1)/2]...)
		out := new(bytes.Buffer)
		c.Stdout, c.Stderr = out, out
		try(t, c.Start())
		workers, outs = append(workers, c), append(outs, out)
	}
	for i, c := range workers {
		if err := c.Wait(); err != nil {
			t.Errorf("the app died: %v\n%.2000s", err, outs[i])
		} else if got := outs[i].String(); got != "all used\n" {
			t.Errorf("not every store was rebuilt:\n%.2000s", got)
		}
	}
	for _, dir := range dirs {
		noCanary(t, dir)
	}
	if len(circles) == 0 {
		t.Error("there was no branch to damage")
	}
	t.Logf("%d damaged stores, circles in %v", len(dirs), circles)
}

func TestTheOutboxOutlivesALostCache(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"cache emptied": func(t *testing.T, dir string) { try(t, os.Truncate(filepath.Join(dir, cacheFile), 0)) },
		"cache gone":    func(t *testing.T, dir string) { try(t, os.Remove(filepath.Join(dir, cacheFile))) },
		"cache of another store": func(t *testing.T, dir string) {
			other := config(t)
			try(t, mustOpen(t, other).Close())
			b, err := os.ReadFile(filepath.Join(other.Dir, cacheFile))
			try(t, err)
			try(t, os.WriteFile(filepath.Join(dir, cacheFile), b, 0o600))
		},
		"a row of the outbox garbled": func(t *testing.T, dir string) {
			path := filepath.Join(dir, outboxFile)
			b, err := os.ReadFile(path)
			try(t, err)
			cfg := childConfig(dir)
			s := mustOpen(t, cfg)
			name := rowName(s.post, inbox.IntentID("intent-"+canary+"3"))
			try(t, s.Close())
			for at := bytes.Index(b, name); at >= 0; { // in every page that has it, old ones too
				b[at+len(name)+30] ^= 1
				next := bytes.Index(b[at+1:], name)
				if next < 0 {
					break
				}
				at += 1 + next
			}
			try(t, os.WriteFile(path, b, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "s")
			filled(t, dir)
			harm(t, dir)
			try(t, useAll(dir))
			s := mustOpen(t, childConfig(dir))
			got := pending(t, s)
			var want []string
			for i := range 9 {
				if i != 3 {
					want = append(want, fmt.Sprint("intent-", canary, i))
				}
			}
			if !slices.Equal(got, append(want, "after")) {
				t.Errorf("pending: %v", got)
			}
			for i := range 9 {
				if s.Draft(inbox.ConversationID(fmt.Sprint("conversation-", canary, i))) == "" && i != 1 {
					t.Errorf("draft %d is lost", i)
				}
			}
		})
	}
}

func TestFilesThatAreNotForUsAreLeftAlone(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "s")
	filled(t, dir)
	before := snapshotOf(t, dir)
	wrong, other, newerFile := childConfig(dir), childConfig(dir), childConfig(dir)
	wrong.Key = NewCacheKey()
	other.Reader = "somebody else"
	if _, err := Open(ctx, wrong); !errors.Is(err, ErrWrongKey) {
		t.Errorf("wrong key: %v", err)
	}
	half := childConfig(dir)
	half.RelayHalf = keyFor(t, "relay half").half
	if _, err := Open(ctx, half); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another relay half: %v", err)
	}
	if err := Repair(ctx, wrong); !errors.Is(err, ErrWrongKey) {
		t.Errorf("repair with a wrong key: %v", err)
	}
	if _, err := Open(ctx, other); !errors.Is(err, ErrOtherPerson) {
		t.Errorf("another person: %v", err)
	}
	if !bytes.Equal(before, snapshotOf(t, dir)) {
		t.Error("a file changed")
	}
	s := mustOpen(t, newerFile)
	try(t, s.update("test", s.cache, func(tx *boltTx) error { return tx.Bucket(s.meta.name).Put(keyFormat, []byte{format + 1}) }))
	try(t, s.Close())
	if _, err := Open(ctx, newerFile); !errors.Is(err, ErrNewerStore) {
		t.Errorf("newer store: %v", err)
	}
	try(t, Quarantine(dir))
	left, err := os.ReadDir(dir)
	try(t, err)
	if len(left) != 1 || left[0].Name() != lockFile {
		t.Errorf("%d files left", len(left))
	}
}

func snapshotOf(t testing.TB, dir string) []byte {
	var all []byte
	for _, name := range []string{cacheFile, outboxFile, cleanFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		try(t, err)
		all = append(all, b...)
	}
	return all
}

// noCanary looks for the canary, as text and as other programs would write it, in every file of a folder.
func noCanary(t testing.TB, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	try(t, err)
	utf16 := []byte{}
	for _, c := range []byte(canary) {
		utf16 = append(utf16, c, 0)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		try(t, err)
		b = bytes.ToLower(b)
		for _, form := range [][]byte{[]byte(canary), utf16, []byte(hex.EncodeToString([]byte(canary))),
			bytes.ToLower([]byte(base64.RawStdEncoding.EncodeToString([]byte(canary)[:6])))} {
			if bytes.Contains(b, form) || bytes.Contains([]byte(f.Name()), form) {
				t.Errorf("%s shows what it should seal", f.Name())
			}
		}
	}
}

func TestNothingIsReadableInAnyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	filled(t, dir)
	noCanary(t, dir)
	// And the test can fail: a file with the canary in it is noticed.
	probe := &probeTB{TB: t}
	try(t, os.WriteFile(filepath.Join(dir, "probe"), []byte("x"+canary), 0o600))
	noCanary(probe, dir)
	if !probe.failed {
		t.Error("the search finds nothing")
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is open to others: %v", err)
	}
}

type probeTB struct {
	testing.TB
	failed bool
}

func (p *probeTB) Errorf(string, ...any) { p.failed = true }
func (p *probeTB) Helper()               {}
