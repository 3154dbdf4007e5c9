package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/mask"
)

// bench is a vault over a real ledger file and a real key file.
type bench struct {
	*Vault
	db      ledger.DB
	master  Master
	dir     string
	keyFile string // "": keys are kept in the ledger
	log     *bytes.Buffer
}

func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	dir := t.TempDir()
	return newBenchAt(t, cfg, dir, filepath.Join(dir, "vault.keys"))
}

// newRowBench is a vault without a key file.
func newRowBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	return newBenchAt(t, cfg, t.TempDir(), "")
}

func newBenchAt(t testing.TB, cfg Config, dir, keyFile string) *bench {
	t.Helper()
	master, err := CreateMasterFile(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledger.Open(filepath.Join(dir, "relay.db"), ledger.Config{Key: master.LedgerKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &bench{db: db, master: master, dir: dir, keyFile: keyFile, log: &bytes.Buffer{}}
	cfg.Log = slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.reopen(t, cfg)
	return b
}

// reopen starts with an empty memory, as after a restart.
func (b *bench) reopen(t testing.TB, cfg Config) {
	t.Helper()
	cfg.KeyFile = b.keyFile
	v, err := Open(t.Context(), b.db, b.master, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Vault = v
}

func (b *bench) resolve(t testing.TB, id Identity, at inbox.Moment) (inbox.Contact, bool) {
	t.Helper()
	card, changed, err := b.Resolve(t.Context(), id, at)
	if err != nil {
		t.Fatal(err)
	}
	return card, changed
}

var anna = Identity{
	Phone: "4915155501234", UserID: "DE.13491208655302741918", ParentUserID: "DE.ENT.118001", Username: "anna.b55",
	ProfileName: "Anna Beispiel",
}

func TestACardShowsNoIdentifier(t *testing.T) {
	b := newBench(t, Config{})
	card, changed := b.resolve(t, anna, 1000)
	if !changed {
		t.Error("a new contact's card is not reported as changed")
	}
	want := map[string]string{
		"name": "Anna B.", "phone": "+49 ••• ••••", "username": "@a•••", "country": "DE", "email": "",
	}
	got := map[string]string{
		"name": card.Name.Visible(), "phone": card.Phone.Visible(), "username": card.Username.Visible(),
		"country": card.Country, "email": card.Email.Visible(),
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%s: got %q, want %q", k, got[k], want[k])
		}
	}
	if !regexp.MustCompile(`^[B-Z][2-9]-[B-Z2-9]{4}$`).MatchString(card.Alias) {
		t.Errorf("alias has another form: %q", card.Alias)
	}
	if card.Since != 1000 || len(card.ID) != 26 {
		t.Errorf("since %d, id of %d characters", card.Since, len(card.ID))
	}
}

func TestAnyIdentifierFindsTheContact(t *testing.T) {
	for _, warm := range []bool{true, false} {
		t.Run(fmt.Sprintf("memory %v", warm), func(t *testing.T) {
			b := newBench(t, Config{})
			card, _ := b.resolve(t, anna, 1000)
			for name, id := range map[string]Identity{
				"phone": {Phone: anna.Phone}, "phone with plus": {Phone: "+" + anna.Phone}, "user": {UserID: anna.UserID},
				"parent": {ParentUserID: anna.ParentUserID}, "username": {Username: "@Anna.B55"},
				"user in place of phone": {Phone: anna.UserID}, "all": anna,
			} {
				if !warm {
					b.reopen(t, Config{})
				}
				got, changed := b.resolve(t, id, 2000)
				if got.ID != card.ID || got.Alias != card.Alias || got.Since != 1000 {
					t.Errorf("%s leads to another contact", name)
				}
				if changed {
					t.Errorf("%s: card reported as changed", name)
				}
			}
		})
	}
}

func TestANewIdentifierIsLinked(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1000)
	got, changed := b.resolve(t, Identity{Phone: anna.Phone, UserID: anna.UserID}, 2000)
	if got.ID != card.ID || changed {
		t.Errorf("same contact %v, changed %v: a user id is not on the card", got.ID == card.ID, changed)
	}
	got, changed = b.resolve(t, Identity{UserID: anna.UserID, Username: anna.Username, ProfileName: "Anna Beispiel"}, 3000)
	if got.ID != card.ID || !changed || got.Name.Visible() != "Anna B." {
		t.Error("the contact's name was not taken over")
	}
	b.reopen(t, Config{})
	id, err := b.Identity(t.Context(), card.ID)
	if err != nil || id != (Identity{Phone: anna.Phone, UserID: anna.UserID, Username: anna.Username, ProfileName: anna.ProfileName}) {
		t.Errorf("identity is not what was heard (error %v)", err)
	}
}

func TestAnOldUsernameOfAnotherDoesNotLink(t *testing.T) {
	b := newBench(t, Config{})
	old, _ := b.resolve(t, anna, 1000)
	other, _ := b.resolve(t, Identity{UserID: "DE.777", Username: anna.Username}, 2000)
	if other.ID == old.ID {
		t.Fatal("a username that changed hands joined two people")
	}
	now, _ := b.resolve(t, Identity{Username: anna.Username}, 3000)
	if now.ID != other.ID {
		t.Error("a username leads to who had it before")
	}
}

func TestTwoContactsThatAreOneLeadToTheOlder(t *testing.T) {
	b := newBench(t, Config{})
	older, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1000)
	younger, _ := b.resolve(t, Identity{UserID: anna.UserID}, 2000)
	if older.ID == younger.ID {
		t.Fatal("strangers were joined")
	}
	for range 2 {
		got, _ := b.resolve(t, Identity{Phone: anna.Phone, UserID: anna.UserID}, 3000)
		if got.ID != older.ID {
			t.Fatal("the younger contact won")
		}
	}
	if got, _ := b.resolve(t, Identity{UserID: anna.UserID}, 4000); got.ID != older.ID {
		t.Error("the user id still leads to the younger contact")
	}
	if _, err := b.Identity(t.Context(), younger.ID); err != nil {
		t.Errorf("what was written under the younger contact cannot be answered: %v", err)
	}
	if n := strings.Count(b.log.String(), "two contacts are one"); n != 1 {
		t.Errorf("reported %d times, want once", n)
	}
}

func TestAnEmptyIdentityIsNobody(t *testing.T) {
	b := newBench(t, Config{})
	for _, id := range []Identity{{}, {ProfileName: "Anna"}, {Phone: " - "}} {
		if _, _, err := b.Resolve(t.Context(), id, 1); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v, want ErrNobody", err)
		}
	}
}

func TestAnUnknownContactIsRefused(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	for _, id := range []inbox.ContactID{"", inbox.NewID[inbox.ContactID]()} {
		_, err1 := b.Identity(ctx, id)
		_, err2 := b.Card(ctx, id)
		_, _, err3 := b.Mask(ctx, id, "x")
		_, err4 := b.Seal(ctx, id, "b", nil, nil)
		_, err5 := b.Open(ctx, id, "b", nil, nil)
		_, err6 := b.MaskOurs(ctx, id, "x")
		for i, err := range []error{err1, err2, err3, err4, err5, err6} {
			if !errors.Is(err, ErrUnknownContact) {
				t.Errorf("call %d: got %v", i, err)
			}
		}
	}
}

func TestConcurrentMessagesOfANewNumberMakeOneContact(t *testing.T) {
	b := newBench(t, Config{Cache: 4})
	const workers, people = 16, 12
	ids := make([][]inbox.ContactID, workers)
	var all sync.WaitGroup
	for w := range workers {
		ids[w] = make([]inbox.ContactID, people)
		all.Go(func() {
			for p := range people {
				id := Identity{Phone: fmt.Sprintf("49151555%05d", p)}
				if w%2 == 0 {
					id.UserID = fmt.Sprintf("DE.%d", p)
				}
				card, _, err := b.Resolve(context.Background(), id, inbox.Moment(1+w))
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := b.Mask(context.Background(), card.ID, fmt.Sprintf("mail w%d@firma-%d.example", w, p)); err != nil {
					t.Error(err)
				}
				ids[w][p] = card.ID
			}
		})
	}
	all.Wait()
	seen := map[inbox.ContactID]bool{}
	for p := range people {
		for w := range workers {
			if ids[w][p] != ids[0][p] {
				t.Fatalf("person %d became two contacts", p)
			}
		}
		seen[ids[0][p]] = true
	}
	if len(seen) != people {
		t.Fatalf("%d people became %d contacts", people, len(seen))
	}
	b.reopen(t, Config{})
	for id := range seen { // no update was lost to another
		c, err := b.get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.rec.Emails) != workers || len(c.rec.UserIDs) != 1 {
			t.Errorf("%d addresses and %d user ids were kept, want %d and 1", len(c.rec.Emails), len(c.rec.UserIDs), workers)
		}
	}
}

func TestAliasesAreUnique(t *testing.T) {
	b := newBench(t, Config{})
	seen := map[string]bool{}
	for i := range 60 {
		card, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("49151555%05d", i)}, 1)
		if seen[card.Alias] {
			t.Fatal("an alias was given twice")
		}
		seen[card.Alias] = true
		if inbox.Identifying(card.Alias) {
			t.Fatal("an alias reads as an identifier")
		}
	}
}

func TestMaskingRemembersWhatItFinds(t *testing.T) {
	b := newBench(t, Config{Company: []string{"493055512345"}})
	card, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1000)
	ctx := t.Context()

	m, changed, err := b.Mask(ctx, card.ID, "Schreiben Sie an Anna@Firma.example")
	if err != nil || !changed || m.Visible() != "Schreiben Sie an ⟦email 1⟧" {
		t.Fatalf("changed %v, error %v, shown %q", changed, err, m.Visible())
	}
	if _, changed, err = b.Mask(ctx, card.ID, "oder anna.zwei@firma.example"); err != nil || changed {
		t.Errorf("a second address changed the card (error %v)", err)
	}
	b.reopen(t, Config{})
	now, err := b.Card(ctx, card.ID)
	if err != nil || now.Email.Visible() != "a•••@•••.example" {
		t.Errorf("the card's address is %q after a restart (error %v)", now.Email.Visible(), err)
	}
	if _, _, err = b.Mask(ctx, card.ID, "Handy +49 171 5550199"); err != nil {
		t.Fatal(err)
	}
	m, _, err = b.Mask(ctx, card.ID, "nochmal: 1-7-1_5 5 5_0 1 9 9")
	if err != nil || m.Visible() != "nochmal: ⟦phone 1⟧" {
		t.Errorf("a number learnt before shows in disguise (error %v): %q", err, m.Visible())
	}
}

func TestAColleaguesAddressIsNotTheContacts(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, Identity{Phone: anna.Phone}, 1000)
	m, err := b.MaskOurs(t.Context(), card.ID, "Frag kollege@firma.example, Rückruf an 0151 55501234")
	if err != nil || inbox.Identifying(m.Visible()) || strings.Contains(m.Visible(), "5550") {
		t.Errorf("shown %q, error %v", m.Visible(), err)
	}
	if now, _ := b.Card(t.Context(), card.ID); !now.Email.IsZero() {
		t.Error("the address was taken for the contact's")
	}
}

func TestSealedValuesOpenOnlyWhereTheyBelong(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	one, _ := b.resolve(t, Identity{Phone: "4915155500001"}, 1)
	two, _ := b.resolve(t, Identity{Phone: "4915155500002"}, 1)
	rapid.Check(t, func(t *rapid.T) {
		bucket, key := rapid.String().Draw(t, "bucket"), rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := b.Seal(ctx, one.ID, bucket, key, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Open(ctx, one.ID, bucket, key, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("does not open: %v", err)
		}
		flipped := bytes.Clone(sealed)
		flipped[rapid.IntRange(0, len(flipped)-1).Draw(t, "at")] ^= 1
		for name, f := range map[string]func() ([]byte, error){
			"another contact": func() ([]byte, error) { return b.Open(ctx, two.ID, bucket, key, sealed) },
			"another bucket":  func() ([]byte, error) { return b.Open(ctx, one.ID, bucket+"x", key, sealed) },
			"another key":     func() ([]byte, error) { return b.Open(ctx, one.ID, bucket, append(bytes.Clone(key), 1), sealed) },
			"shifted border":  func() ([]byte, error) { return b.Open(ctx, one.ID, bucket+"\x01", key[:0], sealed) },
			"a flipped bit":   func() ([]byte, error) { return b.Open(ctx, one.ID, bucket, key, flipped) },
		} {
			if got, err := f(); !errors.Is(err, ErrSealed) || got != nil {
				t.Fatalf("%s: got %d bytes, %v", name, len(got), err)
			}
		}
	})
}

func TestWithoutItsKeyAContactIsGone(t *testing.T) {
	b := newRowBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	err := b.db.Update(t.Context(), Shard, func(tx ledger.Tx) error { return tx.Delete(bucketKey, []byte(card.ID)) })
	if err != nil {
		t.Fatal(err)
	}
	b.reopen(t, Config{})
	if _, err := b.Identity(t.Context(), card.ID); !errors.Is(err, ErrUnknownContact) {
		t.Errorf("got %v, want ErrUnknownContact", err)
	}
}

func TestRowsHoldNoIdentifierInTheClear(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	if _, _, err := b.Mask(t.Context(), card.ID, "anna@firma.example"); err != nil {
		t.Fatal(err)
	}
	rows := 0
	err := b.db.View(t.Context(), Shard, func(tx ledger.Tx) error {
		buckets, err := tx.Buckets("")
		if err != nil {
			return err
		}
		for _, bucket := range buckets {
			for k, val := range tx.Scan(bucket, nil, nil) {
				rows++
				for _, secret := range []string{anna.Phone, anna.UserID, anna.Username, "Beispiel", "firma.example", anna.ParentUserID} {
					if bytes.Contains(k, []byte(secret)) || bytes.Contains(val, []byte(secret)) {
						t.Errorf("bucket %s shows an identifier", bucket)
					}
				}
			}
		}
		return nil
	})
	if err != nil || rows < 7 {
		t.Fatalf("looked at %d rows, error %v", rows, err)
	}
}

func TestHashesOfKindsAndKeysDiffer(t *testing.T) {
	one, two := newBench(t, Config{}), newBench(t, Config{})
	if first := one.Hash("wamid", "x"); first != one.Hash("wamid", "x") {
		t.Error("a hash is not stable")
	}
	if one.Hash("wamid", "x") == one.Hash("phone", "x") || one.Hash("wamid", "x") == two.Hash("wamid", "x") {
		t.Error("hashes of different kinds or keys are equal")
	}
	before := one.Hash("wamid", "x")
	one.reopen(t, Config{})
	if one.Hash("wamid", "x") != before {
		t.Error("a hash does not survive a restart")
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	b := newBench(t, Config{Cache: 3})
	var cards []inbox.Contact
	for i := range 8 {
		card, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("49151555%05d", i)}, 1)
		cards = append(cards, card)
	}
	if n := len(b.cache.byID); n > 3 || n != len(b.cache.byName) {
		t.Errorf("%d contacts and %d names in a memory for 3", n, len(b.cache.byName))
	}
	for _, want := range cards {
		if got, err := b.Card(t.Context(), want.ID); err != nil || !sameCard(got, want) {
			t.Errorf("a contact that left the memory came back different (error %v)", err)
		}
	}
}

func TestAKnownContactCostsNoTransaction(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	got, changed := b.resolve(t, anna, 2)
	if got.ID != card.ID || changed {
		t.Error("the memory answers differently")
	}
	if _, _, err := b.Mask(t.Context(), card.ID, "Guten Tag"); err != nil {
		t.Error(err)
	}
	if _, _, err := b.Resolve(t.Context(), Identity{Phone: "4915155509999"}, 3); err == nil {
		t.Error("a new contact was made without a ledger")
	}
}

func TestSecretsPrintRedacted(t *testing.T) {
	master, err := NewMaster(bytes.Repeat([]byte("M"), seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	found := mask.Found{Kind: inbox.Phone, Value: anna.Phone}
	known := mask.Known{Phones: []string{anna.Phone}, Emails: []string{"anna@firma.example"}}
	type wrapper struct {
		A any
		B Identity
		C []Identity
		D map[string]Identity
		E Master
		F *Identity
	}
	w := wrapper{anna, anna, []Identity{anna}, map[string]Identity{"x": anna}, master, &anna}
	for _, v := range []any{anna, &anna, master, found, known, w, &w, []any{anna, master, found, known}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb, v)
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(j)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		for _, secret := range []string{anna.Phone, anna.UserID, anna.Username, "Anna", "firma.example", "MMMM", "4d4d", "77 77", "TU1N"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T shows a secret", v)
			}
		}
		if !strings.Contains(out.String(), redacted) {
			t.Errorf("%T does not say that it is redacted", v)
		}
	}
}

func TestTheLogHoldsNoIdentifier(t *testing.T) {
	b := newBench(t, Config{})
	b.resolve(t, Identity{Phone: anna.Phone}, 1)
	b.resolve(t, Identity{UserID: anna.UserID}, 2)
	b.resolve(t, anna, 3)
	if b.log.Len() == 0 {
		t.Fatal("nothing was logged: the test proves nothing")
	}
	for _, secret := range []string{anna.Phone, anna.UserID, anna.Username, "Anna"} {
		if strings.Contains(b.log.String(), secret) {
			t.Error("the log holds an identifier")
		}
	}
}

func TestTheMasterKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	made, err := CreateMasterFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := MasterFromFile(path)
	if err != nil || !bytes.Equal(read.secret, made.secret) || len(read.secret) != 32 {
		t.Fatalf("reads back differently: %v", err)
	}
	if _, err := CreateMasterFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
	if _, err := MasterFromFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	text, _ := os.ReadFile(path)
	t.Setenv("SEALDESK_TEST_MASTER", string(text))
	if m, err := MasterFromEnv("SEALDESK_TEST_MASTER"); err != nil || !bytes.Equal(m.secret, made.secret) {
		t.Errorf("environment: %v", err)
	}
	if _, err := MasterFromEnv("SEALDESK_TEST_NO_SUCH"); !errors.Is(err, ErrMaster) {
		t.Errorf("unset variable: %v", err)
	}
	for name, content := range map[string]string{"short": "AAAA", "not base64": "§§§", "empty": "", "long": strings.Repeat("A", 64)} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := MasterFromFile(p); !errors.Is(err, ErrMaster) {
			t.Errorf("%s: got %v, want ErrMaster", name, err)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := MasterFromFile(path); !errors.Is(err, ErrMaster) {
			t.Errorf("a key others can read was taken: %v", err)
		}
	}
}

func TestAPassphraseGivesTheSameKeyAgain(t *testing.T) {
	salt := filepath.Join(t.TempDir(), "master.salt")
	one, err := MasterFromPassphrase("correct horse battery", salt)
	if err != nil {
		t.Fatal(err)
	}
	two, err := MasterFromPassphrase("correct horse battery", salt)
	if err != nil || !bytes.Equal(one.secret, two.secret) {
		t.Errorf("another key (error %v)", err)
	}
	if _, err := MasterFromPassphrase("short", salt); !errors.Is(err, ErrMaster) {
		t.Errorf("a short passphrase: %v", err)
	}
	if other, err := MasterFromPassphrase("correct horse batterz", salt); err != nil || bytes.Equal(one.secret, other.secret) {
		t.Errorf("another passphrase gives the same key (error %v)", err)
	}
	elsewhere, err := MasterFromPassphrase("correct horse battery", filepath.Join(t.TempDir(), "master.salt"))
	if err != nil || bytes.Equal(one.secret, elsewhere.secret) {
		t.Errorf("another salt gives the same key (error %v)", err)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(salt)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the salt's file has another mode (error %v)", err)
		}
	}
	for name, content := range map[string]string{"empty": "", "short": "AAAA", "not base64": "§§§§"} {
		if err := os.WriteFile(salt, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := MasterFromPassphrase("correct horse battery", salt); !errors.Is(err, ErrMaster) {
			t.Errorf("a salt that is %s: got %v, want ErrMaster", name, err)
		}
	}
	if _, err := MasterFromPassphrase("correct horse battery", filepath.Join(t.TempDir(), "no such folder", "salt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder for the salt: %v", err)
	}
}

func TestAMasterKeyKeepsItsOwnCopy(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, seal.KeySize)
	m, err := NewMaster(secret)
	if err != nil {
		t.Fatal(err)
	}
	clear(secret)
	if !bytes.Equal(m.secret, testMaster(7).secret) || m.IsZero() || !(Master{}).IsZero() {
		t.Error("the key changed with the caller's bytes")
	}
	for _, n := range []int{0, 1, seal.KeySize - 1, seal.KeySize + 1} {
		if _, err := NewMaster(make([]byte, n)); !errors.Is(err, ErrMaster) {
			t.Errorf("%d bytes: got %v, want ErrMaster", n, err)
		}
	}
	t.Setenv("SEALDESK_TEST_MASTER", " \n")
	if _, err := MasterFromEnv("SEALDESK_TEST_MASTER"); !errors.Is(err, ErrMaster) {
		t.Errorf("an empty variable: got %v, want ErrMaster", err)
	}
	t.Setenv("SEALDESK_TEST_MASTER", "AAAAsecretAAAA§")
	if _, err := MasterFromEnv("SEALDESK_TEST_MASTER"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an error quotes what it could not read: %v", err)
	}
}

func TestAnotherMasterKeyIsRefused(t *testing.T) {
	for name, b := range map[string]*bench{"key file": newBench(t, Config{}), "rows": newRowBench(t, Config{})} {
		for _, file := range []string{b.keyFile, filepath.Join(b.dir, "vault.keys")} { // the second would be a new one for the rows
			if _, err := Open(t.Context(), b.db, testMaster(0), Config{KeyFile: file}); !errors.Is(err, ErrMaster) {
				t.Errorf("%s: got %v, want ErrMaster", name, err)
			}
		}
		if _, err := Open(t.Context(), b.db, Master{}, Config{KeyFile: b.keyFile}); !errors.Is(err, ErrMaster) {
			t.Errorf("%s, no key: got %v, want ErrMaster", name, err)
		}
		b.reopen(t, Config{}) // nothing was changed by trying
	}
}

func TestKeysOfLabelsDiffer(t *testing.T) {
	m, _ := NewMaster(bytes.Repeat([]byte{7}, seal.KeySize))
	seen := map[[seal.CheckSize]byte]bool{}
	for _, label := range []string{"kek", "lookup", "ledger"} {
		s, err := seal.New(m.derive(label), seal.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		seen[s.Check()] = true
	}
	if len(seen) != 3 {
		t.Error("two labels share a key")
	}
}

func BenchmarkResolveKnown(b *testing.B) {
	v := newBench(b, Config{})
	v.resolve(b, anna, 1)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := v.Resolve(ctx, anna, 2); err != nil {
			b.Fatal(err)
		}
	}
}
