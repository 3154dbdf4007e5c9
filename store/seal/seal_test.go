package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// The vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1, and test case 16 of the GCM specification: what stands
// behind a suite byte is what the specifications say.
func TestSuitesAreTheOnesOfTheSpecifications(t *testing.T) {
	tests := []struct {
		name                       string
		suite                      Suite
		key, nonce, ad, plain, out string
	}{
		{
			"XChaCha20-Poly1305", XChaCha20Poly1305,
			"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
			"404142434445464748494a4b4c4d4e4f5051525354555657",
			"50515253c0c1c2c3c4c5c6c7",
			hex.EncodeToString([]byte("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.")),
			`bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
			 731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
			 2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
			 21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49`,
		},
		{
			"AES-256-GCM", AES256GCM,
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
			"cafebabefacedbaddecaf888",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			`d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
			 1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39`,
			`522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
			 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b`,
		},
	}
	for _, test := range tests {
		aead := newAEAD(test.suite, unhex(t, test.key))
		got := aead.Seal(nil, unhex(t, test.nonce), unhex(t, test.plain), unhex(t, test.ad))
		if !bytes.Equal(got, unhex(t, test.out)) {
			t.Errorf("%s: got %x", test.name, got)
		}
	}
}

// The envelope is written down in files, so its bytes must never change: these were sealed when the format was fixed.
func TestOldEnvelopesStillOpen(t *testing.T) {
	s := mustSealer(t, XChaCha20Poly1305)
	for name, sealed := range goldens {
		got, err := s.Open(nil, "bucket", []byte("key"), unhex(t, sealed))
		if err != nil || string(got) != "a value from long ago" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if n := s.Name("bucket", []byte("name")); hex.EncodeToString(n[:]) != goldenName {
		t.Errorf("name: %x", n)
	}
	if c := s.Check(); hex.EncodeToString(c[:]) != goldenCheck {
		t.Errorf("check: %x", c)
	}
	if k := testKey(t, 1).Derive("purpose"); hex.EncodeToString(k.Bytes()) != goldenDerived {
		t.Errorf("derived: %x", k.Bytes())
	}
	if k := Join([]byte("salt"), "root/v1", testKey(t, 1), testKey(t, 2)); hex.EncodeToString(k.Bytes()) != goldenJoined {
		t.Errorf("joined: %x", k.Bytes())
	}
}

// place is everything a value is bound to.
type place struct {
	keyFill byte
	store   string
	schema  uint32
	bucket  string
	key     string
}

func (p place) sealer(tb testing.TB, suite Suite) *Sealer {
	s, err := New(testKey(tb, p.keyFill), Scope{Store: []byte(p.store), Schema: p.schema, Suite: suite})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// T18: a value opens in its own place only, whatever is swapped. Some places would look alike if their parts were just
// strung together.
func TestEverySwapIsRefused(t *testing.T) {
	var places []place
	for _, keyFill := range []byte{1, 2} {
		for _, store := range []string{"store", "stor", ""} {
			for _, schema := range []uint32{0, 1} {
				for _, at := range [][2]string{{"bucket", "key"}, {"bucke", "tkey"}, {"bucketk", "ey"}, {"bucket", "key2"}, {"", "bucketkey"}, {"bucketkey", ""}, {"ebucket", "key"}} {
					places = append(places, place{keyFill, store, schema, at[0], at[1]})
				}
			}
		}
	}
	plain := []byte("the value")
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		for _, home := range places {
			sealed := home.sealer(t, suite).Seal(nil, home.bucket, []byte(home.key), plain)
			for _, there := range places {
				got, err := there.sealer(t, suite).Open(nil, there.bucket, []byte(there.key), sealed)
				if there == home {
					if err != nil || !bytes.Equal(got, plain) {
						t.Fatalf("suite %d: %+v does not open at home: %v", suite, home, err)
					}
				} else if !errors.Is(err, ErrForged) || got != nil {
					t.Fatalf("suite %d: sealed at %+v, opens at %+v", suite, home, there)
				}
			}
			for other := range 256 {
				if Suite(other) == suite {
					continue
				}
				claimed := append([]byte{byte(other)}, sealed[1:]...)
				if _, err := home.sealer(t, suite).Open(nil, home.bucket, []byte(home.key), claimed); err == nil {
					t.Fatalf("suite %d opens as suite %d", suite, other)
				}
			}
		}
	}
}

func TestEitherSuiteOpensWhatTheOtherSealed(t *testing.T) {
	x, g := mustSealer(t, XChaCha20Poly1305), mustSealer(t, AES256GCM)
	for _, pair := range [][2]*Sealer{{x, g}, {g, x}} {
		sealed := pair[0].Seal(nil, "b", []byte("k"), []byte("v"))
		if got, err := pair[1].Open(nil, "b", []byte("k"), sealed); err != nil || string(got) != "v" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestEveryChangedBitIsRefused(t *testing.T) {
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		s := mustSealer(t, suite)
		sealed := s.Seal(nil, "b", []byte("k"), []byte("some value"))
		for i := range len(sealed) * 8 {
			sealed[i/8] ^= 1 << (i % 8)
			if got, err := s.Open(nil, "b", []byte("k"), sealed); err == nil || got != nil {
				t.Fatalf("suite %d: bit %d may change", suite, i)
			}
			sealed[i/8] ^= 1 << (i % 8)
		}
		for n := range sealed {
			if _, err := s.Open(nil, "b", []byte("k"), sealed[:n]); !errors.Is(err, ErrForged) {
				t.Fatalf("suite %d: cut to %d bytes: %v", suite, n, err)
			}
		}
		if _, err := s.Open(nil, "b", []byte("k"), append(sealed, 0)); !errors.Is(err, ErrForged) {
			t.Fatalf("suite %d: a byte more: %v", suite, err)
		}
	}
}

func TestUnknownSuiteIsSaidSo(t *testing.T) {
	s := mustSealer(t, XChaCha20Poly1305)
	for _, b := range []byte{0, 3, 255} {
		if _, err := s.Open(nil, "b", nil, append([]byte{b}, make([]byte, 60)...)); !errors.Is(err, ErrSuite) {
			t.Errorf("suite %d: %v", b, err)
		}
	}
	if _, err := New(testKey(t, 1), Scope{Suite: 9}); !errors.Is(err, ErrSuite) {
		t.Errorf("new: %v", err)
	}
	if _, err := New(Key{}, Scope{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
}

func TestWhatIsSealedOpensAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		suite := rapid.SampledFrom([]Suite{XChaCha20Poly1305, AES256GCM}).Draw(t, "suite")
		s, err := New(RandomKey(), Scope{Store: []byte("s"), Suite: suite})
		if err != nil {
			t.Fatal(err)
		}
		bucket, key := rapid.String().Draw(t, "bucket"), rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		plain, before := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		sealed := s.Seal(bytes.Clone(before), bucket, key, plain)
		if !bytes.HasPrefix(sealed, before) || len(sealed) != len(before)+len(plain)+s.Bucket(bucket).Overhead() {
			t.Fatalf("seal appends wrongly")
		}
		got, err := s.Open(bytes.Clone(before), bucket, key, sealed[len(before):])
		if err != nil || !bytes.Equal(got, append(bytes.Clone(before), plain...)) {
			t.Fatalf("open: %v", err)
		}
		if got, err := s.Open(nil, bucket, key, sealed[len(before):]); err != nil || got == nil {
			t.Fatalf("an empty value came back as an absent one: %v", err)
		}
	})
}

func TestNoncesNeverRepeat(t *testing.T) {
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		s := mustSealer(t, suite)
		const workers, each = 4, 50_000
		seen := make([]map[string]bool, workers)
		var all sync.WaitGroup
		for w := range workers {
			seen[w] = make(map[string]bool, each)
			all.Go(func() {
				var buf []byte
				size := s.Bucket("b").aead[suite].NonceSize()
				for range each {
					buf = s.Seal(buf[:0], "b", []byte("k"), nil)
					seen[w][string(buf[1:1+size])] = true
				}
			})
		}
		all.Wait()
		union := map[string]bool{}
		for _, m := range seen {
			for n := range m {
				union[n] = true
			}
		}
		if len(union) != workers*each {
			t.Errorf("suite %d: %d nonces in %d seals", suite, len(union), workers*each)
		}
	}
}

// T18: 10 million seals; with SEALDESK_LONG=1 only.
func TestNoncesDoNotRepeatInTenMillionSeals(t *testing.T) {
	if os.Getenv("SEALDESK_LONG") == "" {
		t.Skip("SEALDESK_LONG is not set")
	}
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		b := mustSealer(t, suite).Bucket("b")
		size := b.aead[suite].NonceSize()
		nonces := make([][24]byte, 10_000_000)
		var buf []byte
		for i := range nonces {
			buf = b.Seal(buf[:0], []byte("k"), nil)
			copy(nonces[i][:], buf[1:1+size])
		}
		slices.SortFunc(nonces, func(a, b [24]byte) int { return bytes.Compare(a[:], b[:]) })
		for i := 1; i < len(nonces); i++ {
			if nonces[i] == nonces[i-1] {
				t.Fatalf("suite %d: a nonce came twice", suite)
			}
		}
	}
}

func TestCheckTellsAnotherKey(t *testing.T) {
	a := place{keyFill: 1, store: "s"}.sealer(t, 1)
	check := a.Check()
	if err := a.Verify(check[:]); err != nil {
		t.Error(err)
	}
	again := place{keyFill: 1, store: "s", schema: 7}.sealer(t, 2)
	if err := again.Verify(check[:]); err != nil {
		t.Errorf("the same key and store under another suite and schema: %v", err)
	}
	for name, other := range map[string]*Sealer{
		"another key":   place{keyFill: 2, store: "s"}.sealer(t, 1),
		"another store": place{keyFill: 1, store: "t"}.sealer(t, 1),
	} {
		if err := other.Verify(check[:]); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tag := range [][]byte{nil, check[:15], append(check[:], 0)} {
		if err := a.Verify(tag); !errors.Is(err, ErrWrongKey) {
			t.Errorf("a tag of %d bytes: %v", len(tag), err)
		}
	}
}

func TestNamesAreKeyedAndApart(t *testing.T) {
	names := map[[NameSize]byte]string{}
	for _, p := range []place{{1, "s", 0, "b", "n"}, {2, "s", 0, "b", "n"}, {1, "t", 0, "b", "n"}, {1, "s", 0, "c", "n"}, {1, "s", 0, "b", "m"}, {1, "s", 0, "b", ""}} {
		s := p.sealer(t, 1)
		n := s.Name(p.bucket, []byte(p.key))
		if other, taken := names[n]; taken {
			t.Errorf("%+v has the name of %s", p, other)
		}
		names[n] = fmt.Sprintf("%+v", p)
		if n != s.Name(p.bucket, []byte(p.key)) {
			t.Errorf("%+v has two names", p)
		}
	}
}

func TestKeysNeverShowThemselves(t *testing.T) {
	k, err := NewKey([]byte("ABCDEFGHABCDEFGHABCDEFGHABCDEFGH"))
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		Name   string
		hidden Key
		Shown  Key
		Ptr    *Key
	}
	h := holder{"holder", k, k, &k}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%p", "%c", "%08b"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", k, &k, h, []Key{k})
	}
	fmt.Fprintln(&out, k, h, fmt.Errorf("%v", k), k.String())
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "k", k, "h", h, "p", &k)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "k", k, "h", h, "p", &k)
	for _, v := range []any{k, h, &k, map[string]Key{"k": k}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(b)
	}
	for _, leak := range []string{"ABCD", "4142", "65 66", "0x41", "QUJD"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the key shows as %q", leak)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was redacted: nothing was tested")
	}
}

func TestKeysAreCopiedDerivedJoinedAndDestroyed(t *testing.T) {
	b := bytes.Repeat([]byte{1}, KeySize)
	k, err := NewKey(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if k.Bytes()[0] != 1 {
		t.Error("the key shares the caller's memory")
	}
	if _, err := NewKey(b[:31]); !errors.Is(err, ErrKeySize) {
		t.Errorf("31 bytes: %v", err)
	}
	seen := map[string]bool{}
	o := testKey(t, 9)
	for _, d := range []Key{k, k.Derive("a"), k.Derive("b"), k.Derive(""), o.Derive("a"), Join(nil, "a", k), Join(nil, "a", k, o), Join(nil, "a", o, k),
		Join([]byte("salt"), "a", k, o), Join(nil, "b", k, o), RandomKey(), RandomKey()} {
		if seen[string(d.Bytes())] {
			t.Error("two keys are the same")
		}
		seen[string(d.Bytes())] = true
	}
	if !bytes.Equal(k.Derive("a").Bytes(), k.Derive("a").Bytes()) {
		t.Error("deriving is not repeatable")
	}
	for name, f := range map[string]func(){"derive": func() { Key{}.Derive("a") }, "join": func() { Join(nil, "a", k, Key{}) }, "join none": func() { Join(nil, "a") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s from nothing gives a key", name)
				}
			}()
			f()
		}()
	}
	twin := k
	k.Destroy()
	if !bytes.Equal(twin.Bytes(), make([]byte, KeySize)) {
		t.Error("a copy survives Destroy")
	}
	if (Key{}).Bytes() != nil || !(Key{}).IsZero() || k.IsZero() {
		t.Error("zero keys")
	}
}

func TestPaddingRoundsUpAndComesOff(t *testing.T) {
	for n := range 3 * Block {
		plain := bytes.Repeat([]byte{0x80}, n)
		padded := Pad([]byte("before"), plain)[6:]
		if len(padded)%Block != 0 || len(padded) <= n || len(padded) > n+Block {
			t.Fatalf("%d bytes become %d", n, len(padded))
		}
		got, err := Unpad(padded)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, Block), bytes.Repeat([]byte{1}, Block), append(bytes.Repeat([]byte{0}, Block-1), 0x80, 0), append([]byte{0x80}, make([]byte, 2*Block-1)...)} {
		if _, err := Unpad(bad); !errors.Is(err, ErrPadding) {
			t.Errorf("%d bytes without padding: %v", len(bad), err)
		}
	}
}

func TestSealingDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	s := mustSealer(t, XChaCha20Poly1305)
	b, key, plain := s.Bucket("log"), []byte("key"), make([]byte, 500)
	dst, out := make([]byte, 0, 1000), make([]byte, 0, 1000)
	n := testing.AllocsPerRun(200, func() {
		dst = b.Seal(dst[:0], key, plain)
		if _, err := b.Open(out[:0], key, dst); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0.5 {
		t.Errorf("%v allocations for sealing and opening a value into room that is there", n)
	}
}

// FuzzOpen feeds bytes of any kind: opening never panics, and shows only what was sealed for the row, from no other bytes
// than those it was sealed as.
func FuzzOpen(f *testing.F) {
	s := mustSealer(f, XChaCha20Poly1305)
	real := map[string]bool{}
	for _, g := range goldens { // fixed, because the fuzzer's workers are processes of their own
		sealed := unhex(f, g)
		real[string(sealed)] = true
		f.Add(sealed)
		f.Add(sealed[:10])
	}
	f.Add([]byte{})
	f.Add([]byte{2})
	f.Add(bytes.Repeat([]byte{1}, 41))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := s.Open(nil, "bucket", []byte("key"), sealed)
		if (err == nil) != real[string(sealed)] {
			t.Fatalf("%x: %v", sealed, err)
		}
		if err != nil && (plain != nil || !errors.Is(err, ErrForged) && !errors.Is(err, ErrSuite)) {
			t.Fatalf("%q, %v", plain, err)
		}
		if unpadded, err := Unpad(sealed); err == nil && !bytes.Equal(Pad(nil, unpadded), sealed) {
			t.Fatal("padding is malleable")
		}
	})
}
