package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// This file reads bbolt's format (go.etcd.io/bbolt v1.5.0, internal/common: page, meta, inode and bucket layouts) with
// nothing but ReadAt. bbolt trusts the pages it maps: a truncated or garbled file can make it fault in a goroutine of
// its own, which no recover reaches. Whatever passes here, bbolt can walk.

const (
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	pageHead       = 16 // id 8, flags 2, count 2, overflow 4
	elementSize    = 16 // branch: pos 4, ksize 4, page 8; leaf: flags 4, pos 4, ksize 4, vsize 4
	bucketHead     = 16 // root 8, sequence 8
	metaSize       = 64
	pageBranch     = 0x01
	pageLeaf       = 0x02
	pageMeta       = 0x04
	pageFree       = 0x10
	leafBucket     = 0x01
	noFreelist     = ^uint64(0)
	maxDepth       = 64
	maxPageOrBlock = 1 << 30
)

// walker reads one file. It goes on after the first fault, so that what can still be read is visited.
type walker struct {
	file     io.ReaderAt
	pageSize uint64
	pages    uint64 // high-water mark: ids are below it
	seen     []uint64
	visit    func(bucket string, key, value []byte)
	fault    error

	bones  bool     // leave the leaves of buckets alone
	leaves int      // the depth they are at in this bucket
	rooms  [][]byte // the page that is looked at in each depth; only bones, of which nobody keeps a row
}

// walk checks the structure of a bbolt file and calls visit, if not nil, for every row of every top bucket it can
// reach. It returns nil if the whole structure is sound, an error wrapping ErrDamaged if not, and the error of the
// system if the file could not be read.
func walk(path string, visit func(bucket string, key, value []byte)) error {
	return (&walker{visit: visit}).walk(path)
}

// walkBones checks only what leads to the rows: one page in a hundred. What it lets through bbolt may stumble over, which
// guard catches; but it never walks in a circle, which nothing would catch.
func walkBones(path string) error { return (&walker{bones: true}).walk(path) }

func (w *walker) walk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("checking the store: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("checking the store: %w", err)
	}
	w.file = f
	w.run(uint64(info.Size()))
	if w.fault == nil || errors.Is(w.fault, ErrDamaged) {
		return w.fault
	}
	return fmt.Errorf("checking the store: %w", w.fault)
}

func (w *walker) bad(what string) {
	if w.fault == nil {
		w.fault = fmt.Errorf("checking the store: %s: %w", what, ErrDamaged)
	}
}

var native = binary.NativeEndian

func (w *walker) run(size uint64) {
	root, free, ok := w.meta(size)
	if !ok {
		return
	}
	w.seen = make([]uint64, (w.pages+63)/64)
	w.mark(0, 2)
	w.tree("", root, nil, nil, 0)
	if free != noFreelist {
		w.freelist(free)
	}
}

// meta picks the meta page bbolt would pick: the valid one of the later transaction.
func (w *walker) meta(size uint64) (root, free uint64, ok bool) {
	var head [pageHead + metaSize]byte
	try := func(at uint64) (m []byte, pageSize uint64) {
		if at+uint64(len(head)) > size {
			return nil, 0
		}
		if _, err := w.file.ReadAt(head[:], int64(at)); err != nil {
			return nil, 0
		}
		m = bytes.Clone(head[pageHead:])
		sum := fnv.New64a()
		sum.Write(m[:metaSize-8])
		if native.Uint32(m) != boltMagic || native.Uint32(m[4:]) != boltVersion || native.Uint64(m[56:]) != sum.Sum64() {
			return nil, 0
		}
		return m, uint64(native.Uint32(m[8:]))
	}
	first, pageSize := try(0)
	var second []byte
	if first != nil {
		second, _ = try(pageSize)
	} else { // bbolt, too, looks for the second page where any page size would put it
		for at := uint64(1024); at <= 64<<10 && second == nil; at *= 2 {
			if m, ps := try(at); m != nil && ps == at {
				second, pageSize = m, ps
			}
		}
	}
	if first == nil && second == nil {
		w.bad("no valid meta page")
		return 0, 0, false
	}
	m := first
	if first == nil || second != nil && native.Uint64(second[48:]) > native.Uint64(first[48:]) {
		m = second
	}
	if pageSize < 1024 || pageSize > 64<<10 || pageSize&(pageSize-1) != 0 {
		w.bad("page size")
		return 0, 0, false
	}
	w.pageSize, w.pages = pageSize, native.Uint64(m[40:])
	root, free = native.Uint64(m[16:]), native.Uint64(m[32:])
	if w.pages < 4 || w.pages > maxPageOrBlock || w.pages*w.pageSize > size || size < 4*pageSize {
		w.bad("file is cut short")
		return 0, 0, false
	}
	return root, free, true
}

// mark notes that n pages from id are in use and reports false when one of them is out of range or in use already.
func (w *walker) mark(id, n uint64) bool {
	if id >= w.pages || n == 0 || n > w.pages-id {
		w.bad("page out of range")
		return false
	}
	for i := id; i < id+n; i++ {
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			w.bad("page in use twice")
			return false
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	return true
}

// page reads a page with its overflow. It is good until the next one of that depth.
func (w *walker) page(id uint64, depth int) []byte {
	if id < 2 || id >= w.pages {
		w.bad("page out of range")
		return nil
	}
	b := w.room(depth)
	if !w.read(b, id*w.pageSize) {
		return nil
	}
	n := uint64(native.Uint32(b[12:])) + 1
	if native.Uint64(b) != id {
		w.bad("page has another name")
		return nil
	}
	if !w.mark(id, n) {
		return nil
	}
	if n == 1 {
		return b
	}
	b = make([]byte, n*w.pageSize)
	if !w.read(b, id*w.pageSize) {
		return nil
	}
	return b
}

// room is where a page of that depth is read to.
func (w *walker) room(depth int) []byte {
	if !w.bones {
		return make([]byte, w.pageSize)
	}
	for len(w.rooms) <= depth {
		w.rooms = append(w.rooms, make([]byte, w.pageSize))
	}
	return w.rooms[depth]
}

func (w *walker) read(b []byte, at uint64) bool {
	if _, err := w.file.ReadAt(b, int64(at)); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		w.bad("file is cut short")
		return false
	} else if err != nil {
		if w.fault == nil {
			w.fault = err
		}
		return false
	}
	return true
}

// tree walks one bucket's pages. Keys must lie in [low, high): a key outside is lost to whoever looks for it.
func (w *walker) tree(bucket string, id uint64, low, high []byte, depth int) {
	if depth > maxDepth {
		w.bad("tree is too deep")
		return
	}
	if w.bones && bucket != "" && depth == w.leaves {
		w.mark(id, 1)
		return
	}
	p := w.page(id, depth)
	if p == nil {
		return
	}
	switch native.Uint16(p[8:]) {
	case pageLeaf:
		if w.bones && bucket != "" {
			w.bad("tree is lopsided")
			return
		}
		w.leaf(bucket, p, low, high, depth)
	case pageBranch:
		w.branch(bucket, p, low, high, depth)
	default:
		w.bad("page kind")
	}
}

func (w *walker) branch(bucket string, p []byte, low, high []byte, depth int) {
	count := int(native.Uint16(p[10:]))
	if count == 0 || pageHead+count*elementSize > len(p) {
		w.bad("branch count")
		return
	}
	key := func(i int) []byte {
		at := pageHead + i*elementSize
		return w.cut(p, at, native.Uint32(p[at:]), native.Uint32(p[at+4:]))
	}
	next := key(0)
	for i := range count {
		l, h := next, high
		if i+1 < count {
			next = key(i + 1)
			h = next
		}
		if l == nil || i+1 < count && h == nil {
			return
		}
		if h != nil && bytes.Compare(l, h) >= 0 || low != nil && bytes.Compare(l, low) < 0 {
			w.bad("keys out of order")
		}
		if i == 0 {
			l = low // the first key of a branch may be staler than its page: bbolt looks there for anything smaller
		}
		w.tree(bucket, native.Uint64(p[pageHead+i*elementSize+8:]), l, h, depth+1)
	}
}

func (w *walker) leaf(bucket string, p []byte, low, high []byte, depth int) {
	count := int(native.Uint16(p[10:]))
	if pageHead+count*elementSize > len(p) {
		w.bad("leaf count")
		return
	}
	last := low
	for i := range count {
		at := pageHead + i*elementSize
		flags, pos, ksize, vsize := native.Uint32(p[at:]), native.Uint32(p[at+4:]), native.Uint32(p[at+8:]), native.Uint32(p[at+12:])
		key := w.cut(p, at, pos, ksize)
		if key == nil {
			continue
		}
		value := w.cutSized(p, at, uint64(pos)+uint64(ksize), vsize)
		if value == nil {
			continue
		}
		if last != nil && (bytes.Compare(key, last) < 0 || i > 0 && bytes.Equal(key, last)) || high != nil && bytes.Compare(key, high) >= 0 {
			w.bad("keys out of order")
		}
		last = key
		switch {
		case flags == 0 && bucket != "":
			if w.visit != nil {
				w.visit(bucket, key, value)
			}
		case flags == leafBucket && bucket == "":
			w.bucket(string(key), value, depth)
		default:
			w.bad("row kind")
		}
	}
}

// bucket follows the head of a top bucket: to its root page, or into the page that lies inside the value.
func (w *walker) bucket(name string, value []byte, depth int) {
	if len(value) < bucketHead {
		w.bad("bucket head")
		return
	}
	if root := native.Uint64(value); root != 0 {
		if w.bones {
			w.leaves = depth + 1 + w.height(root)
		}
		w.tree(name, root, nil, nil, depth+1)
		return
	}
	p := value[bucketHead:]
	if len(p) < pageHead || native.Uint16(p[8:]) != pageLeaf || native.Uint32(p[12:]) != 0 {
		w.bad("inline bucket")
		return
	}
	w.leaf(name, p, nil, nil, depth)
}

// height returns how many branches lie above the leaves of a tree, along its first ones: bbolt keeps all of them alike.
func (w *walker) height(id uint64) int {
	var head [pageHead + elementSize]byte
	for n := range maxDepth {
		if id < 2 || id >= w.pages || !w.read(head[:], id*w.pageSize) || native.Uint16(head[8:]) != pageBranch {
			return n // what is wrong with it, the walk will say
		}
		id = native.Uint64(head[pageHead+8:])
	}
	return maxDepth + 1
}

// cut returns the key that an element at p[at:] points to; nil and a fault when it leaves the page or is empty.
func (w *walker) cut(p []byte, at int, pos, size uint32) []byte {
	if size == 0 {
		w.bad("empty key")
		return nil
	}
	return w.cutSized(p, at, uint64(pos), size)
}

func (w *walker) cutSized(p []byte, at int, pos uint64, size uint32) []byte {
	from := uint64(at) + pos
	if to := from + uint64(size); from < pageHead || to > uint64(len(p)) {
		w.bad("row outside its page")
		return nil
	}
	return p[from : from+uint64(size) : from+uint64(size)]
}

// freelist checks that free pages are in range, ascending, and used by nobody.
func (w *walker) freelist(id uint64) {
	p := w.page(id, 0)
	if p == nil {
		return
	}
	count, at := uint64(native.Uint16(p[10:])), uint64(pageHead)
	if native.Uint16(p[8:]) != pageFree {
		w.bad("freelist kind")
		return
	}
	if count == 0xFFFF { // too many for the field: the first entry counts
		count, at = native.Uint64(p[at:]), at+8
	}
	if count > (uint64(len(p))-at)/8 {
		w.bad("freelist count")
		return
	}
	last := uint64(1)
	for i := range count {
		free := native.Uint64(p[at+8*i:])
		if free <= last || !w.mark(free, 1) {
			w.bad("free page")
			return
		}
		last = free
	}
}
