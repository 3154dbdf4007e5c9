package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"testing"
)

var errPower = errors.New("the power is out")

// powerDisk is a disk whose power goes at a chosen call. What was not synced by then is there, or not, or in part: the
// sectors of the write under way in any choice, and the changes of names up to any one of them.
type powerDisk struct {
	names   map[string]*inode // as the program sees it
	durable map[string]*inode
	pending []map[string]*inode // the names after each change that was not synced
	left    int                 // calls until the power goes; negative: never
	calls   int
	rng     *rand.Rand
	hold    func(call string) // if set, called before each call
}

type inode struct{ now, kept []byte }

func newPowerDisk() *powerDisk {
	return &powerDisk{names: map[string]*inode{}, durable: map[string]*inode{}, left: -1, rng: rand.New(rand.NewPCG(1, 2))}
}

func (d *powerDisk) step(call string) bool {
	if d.hold != nil {
		d.hold(call)
	}
	d.calls++
	if d.left > 0 {
		d.left--
	}
	return d.left != 0
}

func (d *powerDisk) renamed() { d.pending = append(d.pending, maps.Clone(d.names)) }

func (d *powerDisk) Read(name string) ([]byte, error) {
	if d.left == 0 {
		return nil, errPower
	}
	if i := d.names[name]; i != nil {
		return bytes.Clone(i.now), nil
	}
	return nil, fs.ErrNotExist
}

func (d *powerDisk) Write(name string, b []byte) error {
	if d.left == 0 {
		return errPower
	}
	i := d.names[name]
	if i == nil {
		i = &inode{}
		d.names[name] = i
		d.renamed()
	}
	if !d.step("write") {
		i.kept = nil
		d.tear(i, b, 0)
		return errPower
	}
	i.now = bytes.Clone(b)
	i.kept = bytes.Clone(b)
	return nil
}

func (d *powerDisk) WriteAt(name string, b []byte, off int64) error {
	if d.left == 0 {
		return errPower
	}
	i := d.names[name]
	if i == nil {
		return fs.ErrNotExist
	}
	if !d.step("write at") {
		d.tear(i, b, int(off))
		return errPower
	}
	i.now = patch(i.now, b, int(off))
	i.kept = bytes.Clone(i.now)
	return nil
}

func (d *powerDisk) tear(i *inode, b []byte, off int) {
	const sector = 512
	mode := d.rng.IntN(3)
	for at := 0; at < len(b); at += sector {
		if mode == 0 || mode == 1 && d.rng.IntN(2) == 0 {
			i.kept = patch(i.kept, b[at:min(len(b), at+sector)], off+at)
		}
	}
}

func patch(have, b []byte, off int) []byte {
	out := make([]byte, max(len(have), off+len(b)))
	copy(out, have)
	copy(out[off:], b)
	return out
}

func (d *powerDisk) Link(name, second string) error {
	if d.left == 0 || !d.step("link") {
		return errPower
	}
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	if d.names[second] != nil {
		return fs.ErrExist
	}
	d.names[second] = d.names[name]
	d.renamed()
	return nil
}

func (d *powerDisk) Rename(from, to string) error {
	if d.left == 0 || !d.step("rename") {
		return errPower
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	d.renamed()
	return nil
}

func (d *powerDisk) Remove(name string) error {
	if d.left == 0 {
		return errPower
	}
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	if !d.step("remove") {
		return errPower
	}
	delete(d.names, name)
	d.renamed()
	return nil
}

func (d *powerDisk) Sync() error {
	if d.left == 0 || !d.step("sync") {
		return errPower
	}
	d.durable, d.pending = maps.Clone(d.names), nil
	return nil
}

// restart returns the disk as it is found when the power is back; seed chooses what survived.
func (d *powerDisk) restart(seed uint64) *powerDisk {
	names := d.durable
	if n := len(d.pending); n > 0 {
		if k := int(seed % uint64(n+1)); k > 0 {
			names = d.pending[k-1]
		}
	}
	next := newPowerDisk()
	next.rng = rand.New(rand.NewPCG(seed, 3))
	twins := map[*inode]*inode{}
	for name, i := range names {
		if twins[i] == nil {
			twins[i] = &inode{now: bytes.Clone(i.kept), kept: bytes.Clone(i.kept)}
		}
		next.names[name] = twins[i]
	}
	next.durable = maps.Clone(next.names)
	return next
}

func TestReplacingAFileSurvivesEveryPowerCut(t *testing.T) {
	before, after := bytes.Repeat([]byte("before"), 400), bytes.Repeat([]byte("after!"), 500)
	for cut := 1; ; cut++ {
		done := false
		for seed := range uint64(40) {
			d := newPowerDisk()
			if _, err := replace(d, "f", before); err != nil {
				t.Fatal(err)
			}
			d.left, d.rng = cut, rand.New(rand.NewPCG(seed, 1))
			_, err := replace(d, "f", after)
			done = d.left > 0
			for again := range 12 { // and the power goes while the start tidies up
				if again > 0 || seed%2 == 0 {
					d = d.restart(seed)
				} else {
					d.left = -1 // only the program died: it finds names the power can still take back
				}
				if again < 11 {
					d.left = again + 1
				}
				if tidy(d, "f") == nil {
					break
				}
			}
			got, rerr := d.Read("f")
			if rerr != nil || !bytes.Equal(got, before) && !bytes.Equal(got, after) {
				t.Fatalf("cut %d, seed %d: neither the old file nor the new one (%v)", cut, seed, rerr)
			}
			if err == nil && !bytes.Equal(got, after) {
				t.Fatalf("cut %d, seed %d: a durable file is gone", cut, seed)
			}
			if len(d.names) != 1 {
				t.Fatalf("cut %d, seed %d: %d files are left", cut, seed, len(d.names))
			}
		}
		if done {
			return
		}
	}
}
