package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealdesk/packaging/dev/figure"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		rule string
		f    figure.Figure
		want string
	}{
		{"more is better: at the target", figure.Figure{Ratio: 0.40, Target: "≥0.40", Better: figure.Higher}, reached},
		{"more is better: below by less than half the range", figure.Figure{Ratio: 0.38, Spread: 0.12, Target: ">= 0.40x", Better: figure.Higher}, nearly},
		{"more is better: below by more", figure.Figure{Ratio: 0.30, Spread: 0.12, Target: "≥0.40", Better: figure.Higher}, missed},
		{"less is better: under the target", figure.Figure{Ratio: 1.2, Target: "≤1.25", Better: figure.Lower}, reached},
		{"less is better: over by less than half the range", figure.Figure{Ratio: 1.30, Spread: 0.10, Target: "≤1.25", Better: figure.Lower}, nearly},
		{"less is better: over", figure.Figure{Ratio: 1.40, Spread: 0.10, Target: "<=1.25x", Better: figure.Lower}, missed},
		{"a bare number follows the direction", figure.Figure{Ratio: 1.40, Target: "1.25", Better: figure.Lower}, missed},
		{"no target, no verdict", figure.Figure{Ratio: 0.01, Better: figure.Higher}, noGoal},
		{"a target that is no ratio is never judged", figure.Figure{Ratio: 9, Target: "p99 <= 50 ms", Better: figure.Lower}, noGoal},
		{"a wild spread cannot excuse everything", figure.Figure{Ratio: 0.45, Spread: 40, Target: "≥1", Better: figure.Higher}, missed},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := judge(c.f); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAttained(t *testing.T) {
	if got := attained(figure.Figure{Ratio: 2, Target: "≥1", Better: figure.Higher}); got != 2 {
		t.Errorf("twice as fast: %v", got)
	}
	if got := attained(figure.Figure{Ratio: 2, Target: "≤1", Better: figure.Lower}); got != 0.5 {
		t.Errorf("twice as slow: %v", got)
	}
	if got := attained(figure.Figure{Ratio: 2}); !math.IsNaN(got) {
		t.Errorf("without a target: %v", got)
	}
}

func TestMergeTakesTheMedianRunAndTheWidestSpread(t *testing.T) {
	got := merge([]figure.Figure{
		{ID: "B2", Case: "10", Ratio: 0.5, Ours: 5, Spread: 0.1, Target: "≥0.4", Better: figure.Higher},
		{ID: "B7", Case: "", Ratio: 1.5, Better: figure.Lower},
		{ID: "B2", Case: "10", Ratio: 0.6, Ours: 6, Spread: 0.1, Target: "≥0.4", Better: figure.Higher},
		{ID: "B2", Case: "10", Ratio: 0.3, Ours: 3, Spread: 0.1, Target: "≥0.4", Better: figure.Higher},
	})
	if len(got) != 2 || got[0].ID != "B2" || got[1].ID != "B7" {
		t.Fatalf("%+v", got)
	}
	if b := got[0]; b.Ratio != 0.5 || b.Ours != 5 || b.Runs != 3 || math.Abs(b.Spread-0.6) > 1e-9 || b.Verdict != reached {
		t.Errorf("%+v", b)
	}
}

func TestReadFiguresRefusesNonsense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	t.Setenv(figure.Out, path)
	if all, err := readFigures(path); err != nil || len(all) != 0 {
		t.Fatalf("a file that is not there: %v, %v", all, err)
	}
	want := figure.Figure{ID: "B1", Case: "in-process", Ours: 2, Peer: "raw", PeerValue: 4, Unit: "msg/s", Spread: 0.1, Target: "≥0.4", Better: figure.Higher}
	if err := figure.Emit(want); err != nil {
		t.Fatal(err)
	}
	all, err := readFigures(path)
	want.Ratio = 0.5
	if err != nil || len(all) != 1 || all[0] != want {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, bad := range []string{"{", `{"id":"B1","better":"faster"}`, `{"better":"lower"}`} {
		if err := os.WriteFile(path, []byte(bad+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readFigures(path); err == nil {
			t.Errorf("%s passed", bad)
		}
	}
}

func TestVerdictFailsOnlyWhenAsked(t *testing.T) {
	figures := merge([]figure.Figure{{ID: "B2", Case: "10 writers", Ratio: 0.1, Target: "≥0.4", Better: figure.Higher}})
	if err := verdict(figures, false); err != nil {
		t.Error(err)
	}
	if err := verdict(figures, true); err == nil || !strings.Contains(err.Error(), "B2 10 writers") {
		t.Errorf("a missed target passed the check: %v", err)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.0123", 0.4: "0.4", 1.256: "1.26", 15.28: "15.3", 250: "250", 1234567: "1,234,567", -1234: "-1,234", 100: "100", 999.9: "1,000", 2.0: "2"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestFigureTableAndPlotShowEveryFigure(t *testing.T) {
	figures := merge([]figure.Figure{
		{ID: "B1", Case: "100 <in flight>", Ours: 12000, Peer: "bbolt", PeerValue: 24000, Unit: "msg/s", Ratio: 0.5, Spread: 0.08, Target: "≥0.40", Better: figure.Higher, Note: "slow disk"},
		{ID: "B8", Case: "1M", Ours: 0.9, Peer: "empty window", PeerValue: 0.5, Unit: "s", Ratio: 1.8, Spread: 0.02, Target: "≤1.25", Better: figure.Lower},
	})
	text := figureTable(figures)
	for _, want := range []string{"12,000", "24,000", "0.5x", "8%", "≥0.40", reached, missed, "B1 100 <in flight>: slow disk", "2 figures: 1 reached, 0 within spread, 1 MISSED, 0 without a target"} {
		if !strings.Contains(text, want) {
			t.Errorf("table lacks %q:\n%s", want, text)
		}
	}
	svg := plot(figures, "on a <slow> machine")
	for _, want := range []string{"100 &lt;in flight&gt;", ">≤1.25<", ">≥0.40<", colourMissed, colourReached, "1 missed", "on a &lt;slow&gt; machine", "</svg>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("plot lacks %q", want)
		}
	}
}

func TestNotesAreSaidOnce(t *testing.T) {
	figures := merge([]figure.Figure{
		{ID: "B2", Case: "10", Ratio: 1, Note: "slow disk", Better: figure.Higher}, {ID: "B2", Case: "100", Ratio: 1, Note: "slow disk", Better: figure.Higher},
		{ID: "B3", Ratio: 1, Better: figure.Higher}})
	if got, want := notes(figures), "B2 10; B2 100: slow disk\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTargetsOfThePeersFollowTheDisk(t *testing.T) {
	rates := map[string][]float64{"ours": {90, 100, 110}, "jetstream": {20, 20, 20}, "sqlite": {125, 125, 125}}
	for _, c := range []struct {
		sync float64
		want [2]string
	}{{0.1, [2]string{missed, missed}}, {0.5, [2]string{reached, reached}}} {
		got := merge(peerFigures(rates, c.sync))
		if len(got) != 2 || got[0].Verdict != c.want[0] || got[1].Verdict != c.want[1] || got[0].Ratio != 5 || got[1].Ratio != 0.8 {
			t.Errorf("one sync in %v ms: %+v", c.sync, got)
		}
	}
}

func TestEveryBenchmarkOfTheSuiteExists(t *testing.T) {
	sources := map[string]string{}
	for _, b := range benchmarks() {
		dir := filepath.Join("..", "..", filepath.FromSlash(b.pkg))
		if sources[dir] == "" {
			files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: no tests in %s: %v", b.id, b.pkg, err)
			}
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				sources[dir] += string(text)
			}
		}
		name := strings.TrimPrefix(strings.Split(b.regexp, "$")[0], "^")
		if !strings.Contains(sources[dir], "func "+name) {
			t.Errorf("%s: %s has no %s", b.id, b.pkg, name)
		}
	}
}
