package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"sealdesk/sync/relay/internal/mask"
	"sealdesk/sync/relay/internal/maskcheck"
)

// MaskJudgement is what judging the masking found: figures and ids of cases, never a text.
type MaskJudgement = maskcheck.Judgement

// ErrCorpus is returned for a corpus that is not JSON Lines of cases; the text says which file and line.
var ErrCorpus = maskcheck.ErrCorpus

// ErrMaskReport is returned for a report that is not what its key signed, or no report at all.
var ErrMaskReport = errors.New("this is no report with a good signature")

// The built-in corpora. Judging one case live takes a hundred times as long as judging it in process.
const (
	builtInSeed  = 20261122
	builtInShare = 0.1
	liveShare    = 0.01
)

// VerifyOptions say what [VerifyMask] judges.
type VerifyOptions struct {
	Config  string   // path of relay.toml, for the policy and the key; the defaults hold if there is none
	Corpora []string // paths of corpora in JSON Lines
	BuiltIn bool     // the held-out corpus of this program too; alone, if no other is named
	Full    bool     // all of the built-in corpora, in their full size
	Live    bool     // a whole relay is judged by what a device receives of it
	Report  string   // path of the signed report; "" for none
	Version string   // of the program
}

// MaskVerdict is the outcome of [VerifyMask].
type MaskVerdict struct {
	MaskJudgement
	Missed []MissedTarget
	Frames int // live: frames in which a secret or a known value stood in plain; each is a leak
}

// A MissedTarget is a figure that is not as good as promised.
type MissedTarget struct {
	Class   string
	Blind   bool // of the engine that does not know the contact
	What    string
	Got     float64
	Promise float64
}

// VerifyMask judges the masking and writes the report, if one is asked for. It returns an error wrapping [ErrCorpus] for a
// corpus that cannot be read, the disk's, or the context's; a missed target is no error.
func VerifyMask(ctx context.Context, o VerifyOptions) (MaskVerdict, error) {
	cfg, err := LoadConfig(o.Config)
	known := err == nil
	if err != nil && o.Config != "" {
		if _, gone := os.Stat(o.Config); gone == nil {
			return MaskVerdict{}, err // it is there and wrong: its policy is not what the default is
		}
	}
	for _, path := range o.Corpora {
		if err := checkCorpus(path); err != nil {
			return MaskVerdict{}, err
		}
	}
	if len(o.Corpora) == 0 {
		o.BuiltIn = true
	}
	policy, company := mask.Policy{}, []string(nil)
	if known {
		policy, company = cfg.policy(), cfg.companyNumbers()
	}
	options := maskcheck.Options{Policy: policy, Company: company, Name: "the engine in process", Version: o.Version, Corpus: o.open}
	var v MaskVerdict
	if o.Live {
		live, err := startLive(ctx, cfg, known)
		if err != nil {
			return v, err
		}
		defer live.close()
		options.Engine = live.judge
		if v.MaskJudgement, err = maskcheck.Run(ctx, options); err != nil {
			return v, err
		}
		v.Frames = live.leaks
		v.Known.Missed = append(v.Known.Missed, live.ids...)
		v.Engine = fmt.Sprintf("a whole relay, by %d frames (%d bytes) of a device, %d of which hold a secret in plain", live.frames, live.bytes, live.leaks)
	} else if v.MaskJudgement, err = maskcheck.Run(ctx, options); err != nil {
		return v, err
	}
	v.Missed = missed(&v.Known, false)
	if v.Blind != nil {
		v.Missed = append(v.Missed, missed(v.Blind, true)...)
	}
	if o.Report == "" {
		return v, nil
	}
	key, err := verifyKey(verifyKeyFile(o.Config, cfg, known))
	if err != nil {
		return v, err
	}
	v.Sign(key)
	text, err := json.MarshalIndent(v.MaskJudgement, "", "  ")
	if err != nil {
		return v, fmt.Errorf("writing the report: %w", err)
	}
	if err := os.WriteFile(o.Report, append(text, '\n'), 0o644); err != nil {
		return v, fmt.Errorf("writing the report: %w", err)
	}
	return v, nil
}

// CheckMaskReport reads a report and verifies its signature; nothing else is needed for it. It reports whether the key is
// the one of the relay whose configuration is named. Errors: [ErrMaskReport], the disk's.
func CheckMaskReport(path, config string) (j MaskJudgement, own bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return j, false, fmt.Errorf("reading the report: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if d.Decode(&j) != nil || len(j.Signer) != ed25519.PublicKeySize || j.Verify(ed25519.PublicKey(j.Signer)) != nil {
		return MaskJudgement{}, false, fmt.Errorf("%s: %w", path, ErrMaskReport)
	}
	cfg, err := LoadConfig(config)
	seed, err := readSeed(verifyKeyFile(config, cfg, err == nil))
	if err == nil {
		own = ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(j.Signer))
	}
	return j, own, nil
}

// checkCorpus says what is wrong with a corpus before hours are spent on it.
func checkCorpus(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the corpus: %w", err)
	}
	defer f.Close()
	n := 0
	for _, err := range maskcheck.Read(f) {
		if err != nil {
			return fmt.Errorf("%s: %w: a line is an object with id, class, lang, region, known, text, secrets and keep; text must not be empty", path, err)
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("%s: %w: it holds no case", path, ErrCorpus)
	}
	return nil
}

// open opens all corpora one after another.
func (o VerifyOptions) open() (io.ReadCloser, error) {
	var readers []io.Reader
	var closers []io.Closer
	for _, path := range o.Corpora {
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(err, closeAll(closers))
		}
		readers = append(readers, f, strings.NewReader("\n"))
		closers = append(closers, f)
	}
	if o.BuiltIn {
		for _, cases := range o.builtIn() {
			r, w := io.Pipe()
			go func() { w.CloseWithError(maskcheck.Write(w, cases)) }()
			readers, closers = append(readers, r), append(closers, r)
		}
	}
	return joined{io.MultiReader(readers...), closers}, nil
}

func (o VerifyOptions) builtIn() []iter.Seq[maskcheck.Case] {
	switch {
	case o.Full:
		return []iter.Seq[maskcheck.Case]{maskcheck.Development(builtInSeed, 1), maskcheck.HeldOut(builtInSeed, 1)}
	case o.Live:
		return []iter.Seq[maskcheck.Case]{maskcheck.HeldOut(builtInSeed, liveShare)}
	}
	return []iter.Seq[maskcheck.Case]{maskcheck.HeldOut(builtInSeed, builtInShare)}
}

type joined struct {
	io.Reader
	all []io.Closer
}

func (j joined) Close() error { return closeAll(j.all) }

func closeAll(all []io.Closer) (err error) {
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}

// promises are the figures of each class: what is found of what must be hidden, at least, and what is hidden of what must
// be kept, at most. The last word that a class's name begins with or holds counts; a class nobody here named is held to
// what telephone numbers are.
var promises = []struct {
	class         string
	recall, false float64
}{
	{"", 0.998, 0.003}, {"mail", 0.999, 0.003}, {"handle", 0.99, 0.003}, {"link", 0.99, 0.003}, {"worded", 0.99, 0.003}, {"card", 1, 0.003}, {"iban", 1, 0.003},
	{"own", 1, 0.003}, {"own-reversed", 0.99, 0.003}, {"own-groups-reversed", 0.99, 0.003}, {"own-worded", 0.99, 0.003}, {"own-pairs", 0.99, 0.003},
	{"own-mixed", 0.99, 0.003}, {"own-doubles", 0.99, 0.003}, {"own-words-between", 0.99, 0.003}, {"own-lookalike", 0.98, 0.003}, {"own-listed", 0.95, 0.003},
	{"chat", 1, 0.01}, {"negative", 1, 0.003},
}

// missed lists the figures that are not as promised. Of an engine that does not know the contact nothing is promised about
// the contact's own.
func missed(r *maskcheck.Report, blind bool) (list []MissedTarget) {
	for _, c := range r.Classes {
		want := promises[0]
		for _, p := range promises {
			if strings.Contains(c.Class, p.class) {
				want = p
			}
		}
		if got := c.Recall(); got < want.recall && !(blind && strings.HasPrefix(c.Class, "own")) && !(blind && want.recall == 1 && strings.HasPrefix(c.Class, "chat")) {
			list = append(list, MissedTarget{c.Class, blind, "recall", got, want.recall})
		}
		if got := c.False(); got > want.false {
			list = append(list, MissedTarget{c.Class, blind, "false masks", got, want.false})
		}
	}
	return list
}

// verifyKeyFile is where the key reports are signed with lies.
func verifyKeyFile(config string, cfg Config, known bool) string {
	if known {
		return filepath.Join(cfg.Data, "verify.key")
	}
	return filepath.Join(filepath.Dir(config), "data", "verify.key")
}

// verifyKey returns the key reports are signed with, and makes it at its first use.
func verifyKey(path string) (ed25519.PrivateKey, error) {
	seed, err := readSeed(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = writeSeed(path, base64.StdEncoding.EncodeToString(seed)+"\n")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key of reports: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func writeSeed(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func readSeed(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, wrong("%s is not a key; remove it and another one is made", path)
	}
	return seed, nil
}
