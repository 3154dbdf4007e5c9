package relay

import (
	"bytes"
	"slices"
	"sync"

	"sealdesk/app/inbox"
)

// A twice notices a device key that is used by two installations. Every run of the app names itself. A run that is followed by
// another is over: one of them, for only one runs at a time on a machine. When the earlier one comes back, both live, and so
// there are two.
type twice struct {
	mu   sync.Mutex
	runs map[inbox.DeviceID][][]byte // the newest last
}

const runsKept = 8

// seen notes a run of a device and reports whether it was thought to be over.
func (t *twice) seen(id inbox.DeviceID, boot []byte) bool {
	boot = boot[:min(len(boot), 64)] // a run without a name is one, too: no copy escapes by having none
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runs == nil {
		t.runs = map[inbox.DeviceID][][]byte{}
	}
	runs := t.runs[id]
	if len(runs) > 0 && bytes.Equal(runs[len(runs)-1], boot) {
		return false
	}
	again := slices.ContainsFunc(runs, func(b []byte) bool { return bytes.Equal(b, boot) })
	runs = append(runs, bytes.Clone(boot))
	t.runs[id] = runs[max(0, len(runs)-runsKept):]
	return again
}
