package main

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"
)

func TestTraceReadsWhatIsAddedAndOnlyWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	tr := &trace{path: path}
	if err := tr.read(); err != nil {
		t.Fatalf("a trace that is not there yet: %v", err)
	}
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := tr.read(); err != nil {
			t.Fatal(err)
		}
	}
	add("window shown\n12.5 inbox sh")
	if tr.find("window shown") != 0 || tr.find("inbox shown") != -1 {
		t.Error("half a line counts, or a whole one does not")
	}
	add("own\nreceipt read c-7f\n")
	if tr.find("inbox shown") != 1 {
		t.Error("a time stamp hides the milestone")
	}
	if tr.find("receipt read") != 2 || tr.find("receipt rea") != -1 || tr.find("receipt read c-7f") != 2 {
		t.Error("a milestone is whole words, with or without its id")
	}
	tr.at = 3
	if tr.find("receipt read") != -1 {
		t.Error("a milestone before the place reached counts again")
	}
}

func TestJourneysAwaitSomethingAndNameTheirPicturesOnce(t *testing.T) {
	a := newAccount()
	for name, journey := range map[string][]move{"agent": agentJourney(), "dark": darkJourney(), "shots": shotJourney(lexicon{}, variant{w: 1440}), "guard": guardMoves(), "task": taskMoves(""), "first work": firstWork(), "oversight": oversightMoves(lexicon{}), "organise": organiseMoves(), "tags": tagMoves(), "first sign-in": firstSignIn(a, true),
		"without a second factor": firstSignIn(a, false), "sign-in": signIn(a), "lock": lockMoves(a), "devices": toDevice(2), "enrol": {enrolMove("")}} {
		seen := map[string]bool{}
		for i, m := range journey {
			if len(m.await) == 0 && (!m.rest || i+1 == len(journey) || len(journey[i+1].await) == 0) {
				t.Errorf("%s, %q awaits nothing: it would pass on a dead window", name, m.name)
			}
			if m.shot != "" && seen[m.shot] {
				t.Errorf("%s: picture %q twice", name, m.shot)
			}
			seen[m.shot] = true
		}
	}
}

func TestBlankPicturesAreTold(t *testing.T) {
	blank := image.NewNRGBA(image.Rect(0, 0, 50, 50))
	if colours(blank, 64) != 1 {
		t.Error("a blank picture has one colour")
	}
	full := image.NewNRGBA(image.Rect(0, 0, 50, 50))
	for i := range 50 {
		full.Set(i, i, color.NRGBA{uint8(i), 0, 0, 255})
	}
	if colours(full, 16) != 16 || samePixels(blank, full) || !samePixels(full, full) {
		t.Error("colours or pixels are miscounted")
	}
}

func TestEnrolmentStringIsFoundInWhatTheRelayPrints(t *testing.T) {
	got, err := enrolmentIn("Paste this into the client:\n\n    sealdesk:abc.DEF-123\n\n█▀▀▀█\n")
	if err != nil || got != "sealdesk:abc.DEF-123" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := enrolmentIn("nothing"); err == nil {
		t.Error("no string passed")
	}
}

func TestCompanyStateSurvivesARun(t *testing.T) {
	dir := t.TempDir()
	first, err := openCompany(dir)
	if err != nil {
		t.Fatal(err)
	}
	first.Founded = true
	if err := first.save(); err != nil {
		t.Fatal(err)
	}
	again, err := openCompany(dir)
	if err != nil || *again != *first {
		t.Errorf("%+v, %v", again, err)
	}
	if first.AppSecret == first.VerifyToken || len(first.AppSecret) < 20 || first.Webhooks == first.Graph || first.Devices == first.Webhooks {
		t.Error("secrets or ports are not distinct")
	}
	if err := os.WriteFile(filepath.Join(dir, "company.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openCompany(dir); err == nil {
		t.Error("damaged state passed")
	}
}
