package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealdesk/app/inbox"
)

// The canary is written nowhere as it is, so that only what the store has read has it. It is counted in capitals, too.
const hiddenCanary, hiddenWith = "\x2f\x3a\x27\x20\x27\x37\x3c\x21\x3d\x20\x38\x39\x3c\x27\x20\x37\x3c", 0x55

// countCanaries counts copies of the canary in this program's memory: in the areas of the arena, and in all others. It
// reads through skip, which must not lie in the heap.
func countCanaries(skip []byte, isArena func(from, to uint64) bool) (arenas, heap int, err error) {
	areas, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, 0, err
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		return 0, 0, err
	}
	defer mem.Close()
	for _, line := range strings.Split(string(areas), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "rw") {
			continue
		}
		a, b, _ := strings.Cut(fields[0], "-")
		from, _ := strconv.ParseUint(a, 16, 64)
		to, _ := strconv.ParseUint(b, 16, 64)
		for at := from; at < to; at += uint64(len(skip)) - 64 { // pieces overlap: a copy on the border counts once, or twice
			n, err := mem.ReadAt(skip[:min(uint64(len(skip)), to-at)], int64(at))
			if err != nil && n == 0 {
				break
			}
			found := countIn(skip[:n])
			clear(skip[:n])
			if isArena(from, to) {
				arenas += found
			} else {
				heap += found
			}
		}
	}
	return arenas, heap, nil
}

func countIn(b []byte) (n int) {
	for _, first := range []byte{hiddenCanary[0] ^ hiddenWith, hiddenCanary[0] ^ hiddenWith ^ 0x20} {
		for at := 0; ; at++ {
			i := bytes.IndexByte(b[at:], first)
			if i < 0 || at+i+len(hiddenCanary) > len(b) {
				break
			}
			at += i
			same := 1
			for same < len(hiddenCanary) && b[at+same]|0x20 == hiddenCanary[same]^hiddenWith {
				same++
			}
			if same == len(hiddenCanary) {
				n++
			}
		}
	}
	return n
}

func init() {
	// "search" opens a store, waits until all can be found, and counts copies of the canary before and after clearing.
	children["search"] = func(args []string) int {
		fail := func(err error) int { fmt.Println("error", err); return 1 }
		ctx := context.Background()
		// What is read from memory goes where it is not counted itself: it is overwritten piece by piece, and copied nowhere.
		skip, err := unix.Mmap(-1, 0, 1<<20+4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return fail(err)
		}
		mapped := func() map[string]bool {
			out := map[string]bool{}
			b, _ := os.ReadFile("/proc/self/smaps")
			name := ""
			for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
				f := strings.Fields(s.Text())
				if len(f) > 1 && strings.Contains(f[0], "-") {
					if name = ""; strings.HasPrefix(f[1], "rw") {
						name = f[0]
					}
				} else if name == "" {
					continue
				} else if len(f) > 1 && f[0] == "VmFlags:" {
					// "do not include area into core dump" (proc(5)): an arena asks for that, and the kernel for its random state, which
					// is also wiped on fork.
					out[name] = slices.Contains(f, "dd") && !slices.Contains(f, "wf")
				}
			}
			maps.DeleteFunc(out, func(_ string, arena bool) bool { return !arena })
			return out
		}
		s, err := Open(ctx, childConfig(args[0]))
		if err != nil {
			return fail(err)
		}
		if _, err := s.Inbox(ctx); err != nil {
			return fail(err)
		}
		<-s.search.filled
		stats := s.search.texts.Stats()
		areas := mapped()
		isArena := func(from, to uint64) bool { return areas[fmt.Sprintf("%08x-%08x", from, to)] }
		arenas, heap, err := countCanaries(skip, isArena)
		if err != nil {
			return fail(err)
		}
		// What a screen does leaves copies, in the heap: shown here so that the count is known to see them.
		for i := range 20 {
			if _, err := s.Page(ctx, inbox.ConversationID(fmt.Sprint("c", i)), PageCursor{}, 50); err != nil {
				return fail(err)
			}
		}
		if r, err := s.Search(ctx, Query{Words: []string{"nachricht"}}); err != nil || r.Total == 0 {
			return fail(err)
		}
		_, shown, err := countCanaries(skip, isArena)
		if err != nil {
			return fail(err)
		}
		if err := s.ClearSearch(); err != nil {
			return fail(err)
		}
		for range 2 {
			runtime.GC()
			debug.FreeOSMemory()
		}
		left := len(mapped())
		_, after, err := countCanaries(skip, func(uint64, uint64) bool { return false })
		if err != nil {
			return fail(err)
		}
		fmt.Println(arenas, heap, shown, left, after, stats.Records, stats.Locked)
		return 0
	}
}

// T9, the arena's part: what is read from the cache lies in the arena and nowhere else, and is gone with it.
func TestT9AfterAClearTheMemoryHoldsNoTextOfTheArena(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "s")
	s, err := Open(ctx, childConfig(dir))
	try(t, err)
	word := make([]byte, len(hiddenCanary))
	for i := range word {
		word[i] = hiddenCanary[i] ^ hiddenWith
	}
	const messages = 3000
	var bodies []inbox.EventBody
	for i := range messages {
		bodies = append(bodies, from(inbox.FromContact, fmt.Sprint("c", i%20), fmt.Sprint("m", i), fmt.Sprintf("Nachricht %d mit %s darin", i, word)))
		if i%10 == 0 {
			bodies = append(bodies, inbox.MessageChanged{Conversation: inbox.ConversationID(fmt.Sprint("c", i%20)), Message: inbox.MessageID(fmt.Sprint("m", i)),
				Body: inbox.PlainText(fmt.Sprintf("Geändert: %s", bytes.ToUpper(word))), At: start.Add(1e12)})
		}
	}
	for i := 0; i < 20; i++ { // the row of each conversation shows its last message: not what is asked here
		bodies = append(bodies, from(inbox.FromContact, fmt.Sprint("c", i), fmt.Sprint("z", i), "Ende"))
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, bodies...)))
	try(t, s.Close())
	out, err := startChild(t, "search", dir).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var arenas, heap, shown, left, after, records, locked int
	if _, err := fmt.Sscan(string(out), &arenas, &heap, &shown, &left, &after, &records, &locked); err != nil {
		t.Fatalf("%s", out)
	}
	t.Logf("%d messages with the canary: %d copies in the arena and %d elsewhere; %d elsewhere once 20 pages and 50 hits were read; after clearing and "+
		"collecting %d areas of the arena, and %d copies elsewhere, which go with the process; %d KiB were locked", messages, arenas, heap, shown, left, after, locked>>10)
	if arenas < messages || records != messages+20 || shown < 100 {
		t.Errorf("%d copies in the arena, %d records, %d copies shown: nothing was measured", arenas, records, shown)
	}
	if heap > messages/100 {
		t.Errorf("%d copies outside the arena: the heap has become a second one", heap)
	}
	if left != 0 {
		t.Errorf("%d areas of the arena are left", left)
	}
}
