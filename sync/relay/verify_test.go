package relay

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const smallCorpus = `{"id":"own-1","class":"own","lang":"de","region":"DE","known":["+4915155501234"],"text":"Nummer: 0151 / 5550-1234, bitte","secrets":["0151 / 5550-1234"],"keep":["bitte"]}
{"id":"split-1","class":"own-split","lang":"de","region":"DE","known":["+4915155504321"],"text":["0151","555","04321"],"secrets":["0151","555","04321"]}

{"id":"mail-1","class":"email","lang":"en","region":"","known":["anna@example.org"],"text":"write to anna (at) example.org please","secrets":["anna (at) example.org"],"keep":["please"]}
{"id":"price-1","class":"negative","lang":"de","region":"AT","text":"Angebot über 4.500 € bis 12.12.2026","keep":["4.500 €","12.12.2026"]}
`

func corpusFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corpus.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestACorpusNobodyHereWroteIsJudgedInProcessAndLive(t *testing.T) {
	dir := t.TempDir()
	for _, live := range []bool{false, true} {
		o := VerifyOptions{
			Config: filepath.Join(dir, "relay.toml"), Corpora: []string{corpusFile(t, smallCorpus), corpusFile(t, smallCorpus)}, Live: live,
			Report: filepath.Join(dir, "report.json"), Version: "test",
		}
		v, err := VerifyMask(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if v.Known.All.Cases != 8 || v.Known.All.Leaks != 0 || v.Known.All.FalseMasks != 0 || v.Frames != 0 || live == (v.Blind != nil) {
			t.Errorf("live %v: %d cases, %d leaks, %d false masks, %d frames", live, v.Known.All.Cases, v.Known.All.Leaks, v.Known.All.FalseMasks, v.Frames)
		}
		for _, m := range v.Missed {
			if !m.Blind {
				t.Errorf("live %v: %s of %s is missed", live, m.What, m.Class)
			}
		}
		j, own, err := CheckMaskReport(o.Report, o.Config)
		if err != nil || !own || j.Known.All.Cases != 8 {
			t.Errorf("the report does not hold: own %v, %v", own, err)
		}
		text, err := os.ReadFile(o.Report)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "5550") || strings.Contains(string(text), "anna") {
			t.Error("the report holds a text")
		}
		forged := strings.Replace(string(text), `"cases": 8`, `"cases": 9`, 1)
		if forged == string(text) {
			t.Fatal("nothing was forged")
		}
		if err := os.WriteFile(o.Report, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := CheckMaskReport(o.Report, o.Config); !errors.Is(err, ErrMaskReport) {
			t.Errorf("a forged report passes: %v", err)
		}
	}
}

func TestALeakIsFoundByFigureAndByFrame(t *testing.T) {
	leaky := `{"id":"x","class":"phone","lang":"de","region":"DE","known":[],"text":"Bestellung Spatzenweg und sonst nichts","secrets":["Spatzenweg"]}` + "\n"
	for _, live := range []bool{false, true} {
		v, err := VerifyMask(context.Background(), VerifyOptions{Config: filepath.Join(t.TempDir(), "none.toml"), Corpora: []string{corpusFile(t, leaky)}, Live: live})
		if err != nil {
			t.Fatal(err)
		}
		if v.Known.All.Leaks != 1 || len(v.Missed) == 0 || live != (v.Frames > 0) {
			t.Errorf("live %v: %d leaks, %d missed, %d frames", live, v.Known.All.Leaks, len(v.Missed), v.Frames)
		}
	}
}

func TestAMalformedCorpusSaysWhere(t *testing.T) {
	good := smallCorpus[:strings.IndexByte(smallCorpus, '\n')+1]
	for text, says := range map[string]string{good + "{\n": "line 2", good + good + `{"id":"x","text":""}` + "\n" + `{"id":"y"}`: "line", "": "no case", "[]\n": "line 1"} {
		path := corpusFile(t, text)
		_, err := VerifyMask(context.Background(), VerifyOptions{Corpora: []string{path}})
		if !errors.Is(err, ErrCorpus) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
	}
}
