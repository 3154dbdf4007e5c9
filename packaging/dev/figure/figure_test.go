package figure

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestEmitAppendsOneLinePerFigure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures")
	t.Setenv(Out, path)
	want := Figure{ID: "B2", Case: "100 writers", Ours: 50, Peer: "raw file + fdatasync", PeerValue: 100,
		Unit: "rows/s", Ratio: 0.5, Spread: 0.1, Target: "≥0.40", Better: Higher}
	const many = 50
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if err := Emit(want); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var got Figure
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	if n != many {
		t.Fatalf("%d lines, want %d", n, many)
	}
}

func TestEmitFormIsTheAgreedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures")
	t.Setenv(Out, path)
	if err := Emit(Figure{ID: "B2", Case: "1 writer", Ours: 1, Peer: "p", PeerValue: 4, Unit: "rows/s", Better: Higher}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"B2","case":"1 writer","ours":1,"peer":"p","peer_value":4,"unit":"rows/s","ratio":0.25,"spread":0,"better":"higher"}` + "\n"
	if string(got) != want {
		t.Fatalf("got  %swant %s", got, want)
	}
}

func TestEmitWithoutAFileWritesNothing(t *testing.T) {
	t.Setenv(Out, "")
	t.Chdir(t.TempDir())
	if err := Emit(Figure{ID: "B2"}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(".")
	if err != nil || len(left) != 0 {
		t.Fatalf("%v %v", left, err)
	}
}

func TestEmitReportsAFileItCannotWrite(t *testing.T) {
	t.Setenv(Out, filepath.Join(t.TempDir(), "no", "such", "folder"))
	if Emit(Figure{}) == nil {
		t.Fatal("no error")
	}
}

func TestCompareTakesTheMedianOfTheRoundsRatios(t *testing.T) {
	f := Compare([]float64{10, 40, 60}, []float64{100, 100, 100})
	if f.Ours != 40 || f.PeerValue != 100 || f.Ratio != 0.4 || f.Spread != 1.25 {
		t.Fatalf("%+v", f)
	}
	if m := Median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Fatal(m)
	}
	if Median(nil) != 0 || Spread(nil) != 0 {
		t.Fatal("nothing is zero")
	}
}
