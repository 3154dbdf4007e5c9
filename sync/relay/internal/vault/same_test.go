package vault

import (
	"slices"
	"testing"

	"sealdesk/app/inbox"
)

func (b *bench) standing(t *testing.T, id inbox.ContactID) Standing {
	t.Helper()
	s, err := b.Standing(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) identity(t *testing.T, id inbox.ContactID) Identity {
	t.Helper()
	i, err := b.Identity(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTwinsAreOneForLookingUpOpeningAndErasing(t *testing.T) {
	b := newBench(t, Config{})
	number, _ := b.resolve(t, Identity{Phone: "4915155501234"}, 1000)
	user, _ := b.resolve(t, Identity{UserID: "DE.1", Username: "anna.b55"}, 2000)
	if b.standing(t, number.ID).Pending {
		t.Error("a contact nobody has heard of is news")
	}
	if _, _, err := b.Mask(t.Context(), user.ID, "my mail is anna@example.com"); err != nil {
		t.Fatal(err)
	}
	sealed, err := b.Seal(t.Context(), user.ID, "x", []byte("k"), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	both, _ := b.resolve(t, Identity{Phone: "4915155501234", UserID: "DE.1"}, 3000)
	if both.ID != number.ID {
		t.Fatal("the younger contact stayed")
	}
	for range 2 {
		s := b.standing(t, user.ID)
		if s.Card.ID != number.ID || !s.Pending || !slices.Equal(s.Twins, []inbox.ContactID{user.ID}) {
			t.Errorf("standing %+v", s)
		}
		if s.Card.Email.IsZero() || s.Card.Username.IsZero() {
			t.Error("what was known of the younger is lost")
		}
		if plain, err := b.Open(t.Context(), number.ID, "x", []byte("k"), sealed); err != nil || string(plain) != "hello" {
			t.Error("what was sealed for the younger cannot be read for the older")
		}
		if plain, err := b.Open(t.Context(), user.ID, "x", []byte("k"), sealed); err != nil || string(plain) != "hello" {
			t.Error("what was sealed for the younger cannot be read any more")
		}
		for _, id := range []inbox.ContactID{number.ID, user.ID} {
			if same, err := b.Same(t.Context(), id); err != nil || !slices.Equal(same, []inbox.ContactID{number.ID, user.ID}) {
				t.Errorf("%d contacts are the same", len(same))
			}
		}
		for _, i := range []Identity{{UserID: "DE.1"}, {Phone: "4915155501234"}} {
			if c, _ := b.resolve(t, i, 4000); c.ID != number.ID {
				t.Error("an identifier leads to the younger")
			}
		}
		b.reopen(t, Config{})
	}
	s := b.standing(t, number.ID)
	if err := b.Told(t.Context(), number.ID, s.Version-1); err != nil || !b.standing(t, number.ID).Pending {
		t.Error("telling an old version settled the newest", err)
	}
	if err := b.Told(t.Context(), number.ID, s.Version); err != nil || b.standing(t, number.ID).Pending {
		t.Error("what was told stays news", err)
	}
}

func TestThreeContactsCanTurnOutToBeOne(t *testing.T) {
	b := newBench(t, Config{})
	x, _ := b.resolve(t, Identity{Phone: "4915155501234"}, 3000)
	y, _ := b.resolve(t, Identity{UserID: "DE.1"}, 2000)
	z, _ := b.resolve(t, Identity{UserID: "DE.2"}, 1000)
	b.resolve(t, Identity{Phone: "4915155501234", UserID: "DE.1"}, 4000)
	b.resolve(t, Identity{Phone: "4915155501234", UserID: "DE.2"}, 5000)
	same, err := b.Same(t.Context(), x.ID)
	if err != nil || len(same) != 3 || same[0] != z.ID || !slices.Contains(same, y.ID) {
		t.Errorf("%v, %v", same, err)
	}
}

func TestWhoMovesStaysTheSameAndLeavesHisNumberToOthers(t *testing.T) {
	const old, fresh = "4915155501234", "4915155501235"
	for name, x := range map[string]struct{ before, now Identity }{
		"number only":      {Identity{Phone: old}, Identity{Phone: fresh}},
		"number and user":  {Identity{Phone: old, UserID: "DE.1"}, Identity{Phone: fresh, UserID: "DE.2"}},
		"new user id only": {Identity{Phone: old, UserID: "DE.1"}, Identity{UserID: "DE.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			anna, _ := b.resolve(t, x.before, 1000)
			for range 2 { // Meta tells it twice
				if c, err := b.Moved(t.Context(), x.before, x.now, 5000); err != nil || c.ID != anna.ID {
					t.Fatal("another contact", err)
				}
			}
			if i := b.identity(t, anna.ID); x.now.Phone != "" && i.Phone != fresh || x.now.UserID != i.UserID {
				t.Error("she would be written to where she is no more")
			}
			if c, _ := b.resolve(t, x.before, 4000); c.ID != anna.ID {
				t.Error("a message from before, delivered late, is somebody else's")
			}
			if c, _ := b.resolve(t, x.now, 6000); c.ID != anna.ID {
				t.Error("she is not known by what she is now")
			}
			if i := b.identity(t, anna.ID); x.now.Phone != "" && i.Phone != fresh || x.now.UserID != i.UserID {
				t.Error("a late message turned her back")
			}
			if x.now.Phone == "" {
				return
			}
			other, _ := b.resolve(t, Identity{Phone: old, UserID: "DE.9"}, 7000)
			if other.ID == anna.ID {
				t.Fatal("the new owner of a number is shown the old one's conversation")
			}
			if c, _ := b.resolve(t, Identity{Phone: old}, 8000); c.ID != other.ID {
				t.Error("the number does not lead to its new owner")
			}
			if m, _, err := b.Mask(t.Context(), anna.ID, "my old one was 0151 55501234"); err != nil || !m.Hides() {
				t.Error("the number she gave up is shown", err)
			}
		})
	}
}

func TestANewNumberThatWroteAlreadyJoinsTheOldOne(t *testing.T) {
	b := newBench(t, Config{})
	anna, _ := b.resolve(t, Identity{Phone: "4915155501234"}, 1000)
	fresh, _ := b.resolve(t, Identity{Phone: "4915155501235"}, 2000)
	if c, err := b.Moved(t.Context(), Identity{Phone: "4915155501234"}, Identity{Phone: "4915155501235"}, 1500); err != nil || c.ID != anna.ID {
		t.Fatal("the younger stayed", err)
	}
	if same, _ := b.Same(t.Context(), fresh.ID); len(same) != 2 || b.identity(t, anna.ID).Phone != "4915155501235" {
		t.Error("two contacts, or the old number")
	}
}

func TestTeachingOnlyAdds(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, Identity{Phone: "4915155501234", ProfileName: "Anna Beispiel"}, 1000)
	if err := b.Teach(t.Context(), card.ID, Identity{Phone: "4915155509999", UserID: "DE.1", ProfileName: "Somebody"}, 2000); err != nil {
		t.Fatal(err)
	}
	if i := b.identity(t, card.ID); i.Phone != "4915155501234" || i.UserID != "DE.1" || i.ProfileName != "Anna Beispiel" {
		t.Error("teaching changed what was known")
	}
	if c, _ := b.resolve(t, Identity{UserID: "DE.1"}, 3000); c.ID != card.ID {
		t.Error("what was taught does not find the contact")
	}
	if _, ok, err := b.Find(t.Context(), Identity{UserID: "DE.7"}, 1); ok || err != nil {
		t.Error("somebody unknown is found", err)
	}
	if id, ok, err := b.Find(t.Context(), Identity{UserID: "DE.1"}, 1); !ok || err != nil || id != card.ID {
		t.Error("looking does not find", err)
	}
}

func TestVariablesSayWhatIsKnownAndNothingElse(t *testing.T) {
	b := newBench(t, Config{})
	full, _ := b.resolve(t, anna, 1000)
	if _, _, err := b.Mask(t.Context(), full.ID, "anna@example.com"); err != nil {
		t.Fatal(err)
	}
	bare, _ := b.resolve(t, Identity{UserID: "DE.7", ProfileName: "•😀•"}, 1000)
	for name, want := range map[inbox.Variable]string{
		inbox.VarContactName: "Anna Beispiel", inbox.VarContactFirst: "Anna", inbox.VarContactPhone: "+4915155501234",
		inbox.VarContactEmail: "anna@example.com", inbox.VarAgentName: "", inbox.VarInboxName: "", "contact.iban": "",
	} {
		if got, ok, err := b.Variable(t.Context(), full.ID, name); err != nil || got != want || ok != (want != "") {
			t.Errorf("%s: known %v, %v", name, ok, err)
		}
		if got, ok, err := b.Variable(t.Context(), bare.ID, name); err != nil || ok || got != "" {
			t.Errorf("%s of somebody unknown: known %v, %v", name, ok, err)
		}
	}
}
