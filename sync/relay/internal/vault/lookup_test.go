package vault

import (
	"maps"
	"testing"

	"sealdesk/app/inbox"
)

func TestLookingUpIsByTheWholeNumberOnly(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1000)
	b.resolve(t, Identity{Phone: "4915155501235"}, 2000)
	b.resolve(t, Identity{Phone: "4915155501235", UserID: anna.UserID}, 3000) // is Anna too
	mover, _ := b.resolve(t, Identity{Phone: "4915155501300"}, 1000)
	if _, err := b.Moved(ctx, Identity{Phone: "4915155501300"}, Identity{Phone: "4915155501301"}, 2000); err != nil {
		t.Fatal(err)
	}
	gone, _ := b.resolve(t, Identity{Phone: "4915155501400"}, 1000)
	if err := b.Erase(ctx, gone.ID); err != nil {
		t.Fatal(err)
	}
	want := map[string]inbox.ContactID{
		"4915155501234": card.ID, "+49 151 555-01234": card.ID, "004915155501234": card.ID, " +4915155501234 ": card.ID,
		"4915155501235": card.ID, "4915155501301": mover.ID,
		"4915155501300": "", // given up
		"4915155501400": "", // erased
		"":              "", "+": "", "49": "", "0": "", "x": "", anna.UserID: "", anna.Username: "",
	}
	for n := 1; n < len(anna.Phone); n++ {
		want[anna.Phone[:n]], want[anna.Phone[n:]], want[anna.Phone[:n]+"0"+anna.Phone[n:]] = "", "", ""
	}
	want[anna.Phone+"0"], want["0"+anna.Phone] = "", ""
	for range 2 {
		for number, id := range want {
			got, ok, err := b.Lookup(ctx, number)
			if err != nil || got != id || ok != (id != "") {
				t.Errorf("a number of %d digits: found %v, error %v", len(number), ok, err)
			}
		}
		b.reopen(t, Config{})
	}
}

func TestOwnersAreFoundByWholeIdentifiersOnly(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1000)
	other, _ := b.resolve(t, Identity{Phone: "4915155501235"}, 1000)
	for id, text := range map[inbox.ContactID]string{card.ID: "Mail an Anna@Firma.example", other.ID: "bert@firma.example"} {
		if _, _, err := b.Mask(ctx, id, text); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.Mask(ctx, other.ID, "oder anna@firma.example"); err != nil { // hers since she named it first
		t.Fatal(err)
	}
	candidates := []string{
		"+49 151 55501234", "4915155501235", "ANNA@firma.example", "bert@firma.example", "@Anna.B55",
		"@anna.b5", "nna@firma.example", "firma.example", "@firma.example", "4915155501", "", "@", anna.UserID,
	}
	want := map[string]inbox.ContactID{
		"+49 151 55501234": card.ID, "4915155501235": other.ID, "ANNA@firma.example": card.ID, "bert@firma.example": other.ID,
		"@Anna.B55": card.ID,
	}
	got, err := b.Owners(ctx, candidates)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%d owners, want %d (error %v)", len(got), len(want), err)
	}
	if err := b.Erase(ctx, card.ID); err != nil {
		t.Fatal(err)
	}
	got, err = b.Owners(ctx, candidates)
	if err != nil || !maps.Equal(got, map[string]inbox.ContactID{"4915155501235": other.ID, "bert@firma.example": other.ID}) {
		t.Errorf("after erasing: %d owners (error %v)", len(got), err)
	}
	if c, _ := b.resolve(t, Identity{Phone: "4915155509999"}, 1); c.ID == other.ID {
		t.Error("an address led a message to a contact")
	}
}

// BenchmarkLookup's two figures are each other's peer: they should be about the same.
func BenchmarkLookup(b *testing.B) {
	v := newBench(b, Config{})
	v.resolve(b, anna, 1)
	for name, number := range map[string]string{"hit": anna.Phone, "miss": "4915155509999"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := v.Lookup(b.Context(), number); err != nil || ok != (name == "hit") {
					b.Fatal(err)
				}
			}
		})
	}
}
