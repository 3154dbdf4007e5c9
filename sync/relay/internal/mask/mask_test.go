package mask

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

func TestHints(t *testing.T) {
	for _, c := range []struct {
		rule string
		got  inbox.Masked
		want string
	}{
		{"a number shows its country", Policy{}.Phone("4915155501234"), "+49 ••• ••••"},
		{"a long calling code", Policy{}.Phone("393475550199"), "+39 ••• ••••"},
		{"one digit by policy", Policy{Digits: 1}.Phone("4915155501234"), "+49 ••• •••4"},
		{"two digits by policy", Policy{Digits: 2}.Phone("+49 151 55501234"), "+49 ••• ••34"},
		{"more than two are none", Policy{Digits: 3}.Phone("4915155501234"), "+49 ••• ••••"},
		{"no number", Policy{}.Phone(""), ""},
		{"not a calling code", Policy{}.Phone("999"), "••• ••••"},
		{"an address shows a letter and its top level", Policy{}.Email("kunde@firma.example"), "k•••@•••.example"},
		{"an address in another script", Policy{}.Email("анна@firma.example"), "а•••@•••.example"},
		{"no address", Policy{}.Email(""), ""},
		{"not an address", Policy{}.Email("kunde"), "k•••@•••"},
		{"a handle shows a letter", Policy{}.Handle("@sheena.n"), "@s•••"},
		{"no handle", Policy{}.Handle("@"), ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.got.Visible(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.want != "" && !c.got.Hides() {
				t.Error("a hint does not say that it hides something")
			}
			if again, _ := (Policy{}).Text(c.want, Known{}); again.Visible() != c.want {
				t.Errorf("a hint is masked again: %q", again.Visible())
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		rule, profile string
		policy        NamePolicy
		want          string
	}{
		{"first name and initial", "Erika Mustermann", FirstInitial, "Erika M."},
		{"middle names go", "Erika Maria von Mustermann", FirstInitial, "Erika M."},
		{"one name stays", "Erika", FirstInitial, "Erika"},
		{"titles go", "Dr. Erika Mustermann", FirstInitial, "Erika M."},
		{"ornaments go", "★ Erika 🌸 Mustermann ★", FirstInitial, "Erika M."},
		{"a name written in one word", "王小明", FirstInitial, "王••"},
		{"a name of two signs apart", "李 伟", FirstInitial, "李••"},
		{"a family of one syllable", "이 준호", FirstInitial, "이••"},
		{"a family name of one letter", "Erika O", FirstInitial, "Erika"},
		{"a family name of one sign behind", "Anna 李", FirstInitial, "Anna"},
		{"Arabic", "ليلى مثال", FirstInitial, "ليلى م."},
		{"full", "Erika Mustermann", Full, "Erika Mustermann"},
		{"alias only", "Erika Mustermann", AliasOnly, ""},
		{"a number is no name", "+49 151 55501234", Full, ""},
		{"a number in disguise is no name", "٠١٥١٥٥٥٠١٢٣٤", FirstInitial, ""},
		{"an address is no name", "erika@firma.example", FirstInitial, ""},
		{"a handle is no name", "@erika_m", Full, ""},
		{"digits are no name", "Erika 55501", FirstInitial, ""},
		{"ornaments alone are no name", "★🌸", FirstInitial, ""},
		{"nothing is no name", "", Full, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := (Policy{Name: c.policy}).PersonName(c.profile, Known{Region: "DE"}).Visible(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFileNames(t *testing.T) {
	for _, c := range []struct{ rule, name, want string }{
		{"a plain name stays", "Angebot Wärmepumpe.pdf", "Angebot Wärmepumpe.pdf"},
		{"a camera's name stays", "IMG-20250312-WA0007.jpg", "IMG-20250312-WA0007.jpg"},
		{"a camera's time stays", "IMG_20250312_154501.jpg", "IMG_20250312_154501.jpg"},
		{"a number goes", "Scan_+4915155501234.pdf", "Scan_+49 ••• ••••.pdf"},
		{"a national number goes", "Vollmacht 0151-55501234.pdf", "Vollmacht +49 ••• ••••.pdf"},
		{"folders go", "C:\\Users\\x\\brief.doc", "brief.doc"},
		{"what turns the name around goes", "brief\u202efdp.exe", "brieffdp.exe"},
		{"nothing", "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if m, _ := (Policy{}).FileName(c.name, Known{Region: "DE"}); m.Visible() != c.want {
				t.Errorf("got %q, want %q", m.Visible(), c.want)
			}
		})
	}
}

func TestFoundIsNormalised(t *testing.T) {
	for _, c := range []struct {
		rule, text, region string
		want               []Found
	}{
		{"national", "Tel 0151 55501234", "DE", []Found{{inbox.Phone, "4915155501234"}}},
		{"bracketed zero", "+49 (0)151 55501234", "", []Found{{inbox.Phone, "4915155501234"}}},
		{"an Italian zero belongs to the number", "+39 02 55501234", "", []Found{{inbox.Phone, "390255501234"}}},
		{"double zero", "0049 151 55501234", "", []Found{{inbox.Phone, "4915155501234"}}},
		{"other digits", "٠١٥١٥٥٥٠١٢٣٤", "DE", []Found{{inbox.Phone, "4915155501234"}}},
		{"address in capitals", "A.B@Firma.Example", "", []Found{{inbox.Email, "a.b@firma.example"}}},
		{"spelled address", "max punkt m (at) gmx punkt de", "", []Found{{inbox.Email, "max.m@gmx.de"}}},
		{"handle", "@Max_M", "", []Found{{inbox.Handle, "max_m"}}},
		{"each once", "a.b@firma.example A.B@firma.example", "", []Found{{inbox.Email, "a.b@firma.example"}}},
		{"cards are not kept", "4111 1111 1111 1111", "DE", nil},
		{"accounts are not kept", "DE89 3704 0044 0532 0130 00", "DE", nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, got := (Policy{}).Text(c.text, Known{Region: c.region}); !slices.Equal(got, c.want) {
				t.Errorf("found %d things, or others than expected", len(got))
			}
		})
	}
}

func TestTheCompanysOwnAreShown(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345", "info@firma.example", "@firma_shop"}}
	for _, c := range []struct{ rule, text, want string }{
		{"national stays", "unter 030 55512345 oder 030/555 123 45", "unter 030 55512345 oder 030/555 123 45"},
		{"international is shown nationally", "unter +49 30 55512345.", "unter 030 55512345."},
		{"an address loses its top level", "an info@firma.example bitte", "an info@firma bitte"},
		{"the handle stays", "bei @firma_shop", "bei @firma_shop"},
		{"others do not", "an info2@firma.example, +49 30 55512346", "an i•••@•••.example, +49 ••• ••••"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m, found := Policy{}.Text(c.text, k)
			if m.Visible() != c.want {
				t.Errorf("got %q, want %q", m.Visible(), c.want)
			}
			if again, _ := (Policy{}).Text(m.Visible(), k); again.Visible() != m.Visible() {
				t.Errorf("not idempotent: %q", again.Visible())
			}
			for _, f := range found {
				if strings.HasSuffix(f.Value, "55512345") || f.Value == "info@firma.example" {
					t.Error("the company's own was reported as found")
				}
			}
		})
	}
}

func TestCheckDigits(t *testing.T) {
	for digits, want := range map[string]bool{
		"4111111111111111": true, "4111111111111112": false, "378282246310005": true, "6011111111111117": true,
		"30569309025904": true, "3530111333300000": true, "2223003122003222": true, "411111111111": false,
		"0000000000000000": false, "1234567812345670": false,
	} {
		if paymentCard(digits) != want {
			t.Errorf("card ending in %s: got %v", digits[len(digits)-2:], !want)
		}
	}
	for iban, want := range map[string]bool{
		"de89370400440532013000": true, "de89370400440532013001": false, "gb82 west 1234 5698 7654 32": true,
		"no9386011117947": true, "mt84malt011000012345mtlcast001s": true, "xx89370400440532013000": false, "de8937040044": false,
	} {
		if got := ibanAt([]byte(iban), 0) == len(iban); got != want {
			t.Errorf("account %.4s…: got %v", iban, got)
		}
	}
}

// pieces are what the generator builds texts from: much that matters and much that does not.
var pieces = []string{
	"155501234", "55501234", "7", // the end of a known number, and one digit more

	" ", " ", ", ", ".", "-", "/", "(", ")", "\n", "+", "00", "0", "@", ":", "•", "•••", "€", "Uhr", "x", "#", "'", "_",
	"Tel", "Bestellung", "mail", "ab", " at ", " punkt ", "(at)", "[dot]", "gmail", "com", ".de", "wa.me/", "t.me/", "wamid.",
	"49", "151", "555", "0123", "4915155501234", "0151", "12.03.2025", "15:30", "1.299,00", "max", "insta", "١٥٥", "５", "①",
	"\u200b", "\ufe0f", "1️⃣", "ß", "王", "🙂", "@max_m", "k•••@•••.de", "+49 ••• ••••", "DE89370400440532013000",
	"4111 1111 1111 1111", "US.134912086553", "https://", "info@firma.example", "\xff", "¼", "㍿", "null", "eins", "double ", "twenty", "fünf", " und ", " then ", "O", "l",
	"⟦phone 1⟧", "⟦", "⟧", "七", "خمسة", "plus ", "insta ", "my ", " is ", "%40", "Karte",
}

func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
			return string(rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "bytes"))
		}
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 24).Draw(t, "pieces"), "")
	})
}

func known() *rapid.Generator[Known] {
	return rapid.Custom(func(t *rapid.T) Known {
		pick := func(label string, from ...string) []string {
			return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(t, label)
		}
		return Known{
			Phones: pick("phones", "4915155501234", "12025550143", "5550123"), Emails: pick("emails", "max@gmail.com", "k@firma.example"),
			Handles: pick("handles", "max_m", "gmail"), Region: rapid.SampledFrom([]string{"", "DE", "IT", "US", "ES", "DK", "ZZ"}).Draw(t, "region"),
			Company: pick("company", "493055512345", "info@firma.example", "39555501230"),
		}
	})
}

// check states what holds for every text.
func check(t interface{ Fatalf(string, ...any) }, p Policy, s string, k Known) {
	m, found := p.Text(s, k)
	seen := m.Visible()
	if n := strings.Count(strings.ToValidUTF8(s, "\uFFFD"), "\uFFFD"); !utf8.ValidString(seen) || strings.Count(seen, "\uFFFD") > n {
		t.Fatalf("a rune was cut in two")
	}
	if inbox.Identifying(seen) {
		t.Fatalf("an identifier is left: %q", seen)
	}
	again, _ := p.Text(seen, k)
	if again.Visible() != seen {
		t.Fatalf("masking twice differs:\n%q\n%q\n%q", s, seen, again.Visible())
	}
	raw, err := m.MarshalBinary()
	if err != nil {
		t.Fatalf("encoding: %v", err)
	}
	var back inbox.Masked
	if err := back.UnmarshalBinary(raw); err != nil || !back.Equal(m) {
		t.Fatalf("does not survive the wire: %v", err)
	}
	if whole := len(m.Spans()) == 1 && m.Spans()[0] == (inbox.Span{Kind: inbox.Digits, Text: hidden}); !whole {
		// What NewMasked refuses it replaces; then the spans would not be the ones that went in.
		if again := inbox.NewMasked(m.Spans()...); !again.Equal(m) {
			t.Fatalf("the floor had to step in")
		}
	}
	for _, f := range found {
		if f.Value == "" || f.Kind != inbox.Phone && f.Kind != inbox.Email && f.Kind != inbox.Handle {
			t.Fatalf("found something of kind %d and %d bytes", f.Kind, len(f.Value))
		}
	}
	// No run of the contact's number survives in one piece.
	digits := string(fold(plain(m)).b)
	for _, number := range k.Phones {
		if ours := slices.ContainsFunc(k.Company, func(c string) bool { return strings.HasSuffix(c, number[len(number)-7:]) }); ours {
			continue
		}
		if tail := number[max(0, len(number)-8):]; strings.Contains(digits, tail) {
			t.Fatalf("the contact's number can be seen")
		}
	}
}

func TestMaskingHoldsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, Policy{Digits: rapid.IntRange(-1, 3).Draw(t, "digits")}, text().Draw(t, "text"), known().Draw(t, "known"))
	})
}

// A known number is hidden whatever separators, scripts and invisible characters it is written with.
func TestAKnownNumberIsHiddenInAnyDisguise(t *testing.T) {
	const number = "4915155501234"
	scripts := []rune{'0', '٠', '۰', '०', '０', '𝟎', '𝟘', '০', '๐'}
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.SampledFrom([]string{number, "00" + number, "0" + number[2:], number[2:]}).Draw(t, "form")
		var b strings.Builder
		for i, d := range digits {
			if i > 0 && rapid.Bool().Draw(t, "apart") {
				b.WriteString(rapid.SampledFrom([]string{" ", "-", ".", " / ", "_", ",", "\u200b", "–", "\u00a0", "|", "\n", "🙂", "*", "\u0301", "\u20e3"}).Draw(t, "separator"))
			}
			b.WriteRune(rapid.SampledFrom(scripts).Draw(t, "script") + (d - '0'))
		}
		m, _ := Policy{}.Text("hier: "+b.String()+" ok", Known{Phones: []string{number}, Region: "DE"})
		if left := digitCount(plain(m)); left > 0 {
			t.Fatalf("%d digits of %q can be seen: %q", left, b.String(), m.Visible())
		}
		if !strings.HasPrefix(m.Visible(), "hier: ") || !strings.HasSuffix(m.Visible(), " ok") {
			t.Fatalf("words around it were lost: %q", m.Visible())
		}
	})
}

// The first look may let nothing pass that the scanners would find.
func TestTheFirstLookMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, k := strings.ToValidUTF8(text().Draw(t, "text"), "?"), known().Draw(t, "known")
		where := firstLook(s, &k)
		all := scanner{known: &k, folded: fold(s)}
		some := scanner{known: &k, folded: fold(s)}
		if want, got := all.scan(lookEverywhere), some.scan(where); !slices.Equal(got, want) {
			t.Fatalf("in %q the scanners find %d things, %d where the first look points", s, len(want), len(got))
		}
	})
}

func TestFoldingKeepsItsPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(text().Draw(t, "text"), "?")
		f := fold(s)
		if f.at == nil {
			if len(f.b) != len(s) {
				t.Fatalf("%d bytes became %d without a map", len(s), len(f.b))
			}
			return
		}
		if len(f.at) != len(f.b)+1 || f.at[len(f.b)] != len(s) || !slices.IsSorted(f.at) {
			t.Fatal("the map has another length, end or order")
		}
		for i, at := range f.at[:len(f.b)] {
			if utf8.RuneStart(f.b[i]) && !utf8.RuneStart(s[at]) {
				t.Fatal("a place is inside a rune")
			}
		}
	})
}

func TestKnownAndFoundPrintRedacted(t *testing.T) {
	k := Known{Phones: []string{"4915155501234"}}
	out := fmt.Sprintf("%v %+v %#v %s %q %x", k, k, k, k, k, k)
	f := Found{inbox.Phone, "4915155501234"}
	out += fmt.Sprintf("%v %+v %#v %s %q %x %v", f, f, f, f, f, f, []Found{f})
	j, err := json.Marshal([]any{k, f, &f})
	if err != nil {
		t.Fatal(err)
	}
	if out += string(j); strings.Contains(out, "5550") || strings.Contains(out, "3535") || !strings.Contains(out, redacted) {
		t.Error("a number is printed")
	}
}

// What people say aloud or dictate is hidden like digits, in every language the company's customers write.
func TestSpokenNumbersAreHidden(t *testing.T) {
	for _, c := range []struct{ rule, text, region, want string }{
		{"digits in words", "nine one two five five five zero one four three", "US", "+1 ••• ••••"},
		{"oh and double", "oh one seven one double five five oh one two three", "DE", "+49 ••• ••••"},
		{"pairs in one word", "null eins einundsiebzig fünfundfünfzig fünfzig zwölf drei", "DE", "+49 ••• ••••"},
		{"pairs in English", "plus forty-nine one seventy-one fifty-five fifty twelve", "DE", "+49 ••• ••••"},
		{"hundreds in Russian", "восемь девятьсот двадцать шесть пятьсот пятьдесят пять ноль один двадцать три", "RU", "+7 ••• ••••"},
		{"glued together", "nulleinssiebeneinsfünffünffünf", "DE", "•••"},
		{"mixed", "null 1 sieben 1 fünf 5 fünf 0 eins 23", "DE", "+49 ••• ••••"},
		{"Chinese", "我的电话一三八零零一三八零零零", "CN", "我的电话+86 ••• ••••"},
		{"letters for digits", "O171 555 OI 23", "DE", "+49 ••• ••••"},
		{"counting a few", "one two three testing", "US", "one two three testing"},
		{"prices in words", "zwei für zwanzig, drei für dreißig Euro", "DE", "zwei für zwanzig, drei für dreißig Euro"},
		{"litres", "5l, 10l und 20l Kanister", "DE", "5l, 10l und 20l Kanister"},
		{"a part number", "BS1759935 in 85O W", "ES", "BS1759935 in 85O W"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if m, _ := (Policy{}).Text(c.text, Known{Region: c.region}); m.Visible() != c.want {
				t.Errorf("got %q, want %q", m.Visible(), c.want)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	for _, s := range corpus(f) {
		f.Add(s.Text, "4915155501998", s.Region)
	}
	f.Fuzz(func(t *testing.T, s, phone, region string) {
		if len(s) > 4<<10 {
			return
		}
		k := Known{Region: region}
		if n := digitsOf(phone); len(n) >= 7 && len(n) <= maxE164 {
			k.Phones = []string{n}
		}
		check(t, Policy{}, s, k)
	})
}

// A text that begins to say a known number and goes on as another one must not be looked at for ever.
func TestDigitsLikeAKnownNumbersEnd(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
	for _, text := range []string{
		"1555012347", "Bestellung 1555012347 bitte", "51555012341555012347", "155501234 1555012347", "05551234512 30555123459", "155501234155501234155501234",
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			Policy{}.Text(text, k)
			Policy{}.Joined([]Piece{{Text: text[:4]}}, text[4:], k, nil)
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%d digits are never done with", digitCount(text))
		}
	}
}
