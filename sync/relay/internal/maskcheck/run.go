package maskcheck

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// ErrSignature is returned for a report that is not what the key signed.
var ErrSignature = errors.New("report is not signed by this key")

// Ours returns our engine in process, as the relay uses it: each message is masked when it comes, and together with
// those before it, ten seconds apart. A blind engine is not told what the relay knows of the contact.
func Ours(policy mask.Policy, company []string, blind bool) Engine {
	return func(_ context.Context, c *Case) ([]inbox.Masked, error) {
		known := c.Knowledge(blind)
		known.Company = company
		if len(c.Text) == 1 {
			m, _ := policy.Text(c.Text[0], known)
			return []inbox.Masked{m}, nil
		}
		shown := make([]inbox.Masked, len(c.Text))
		pieces := make([]mask.Piece, 0, len(c.Text))
		for i, text := range c.Text {
			for j := range pieces {
				pieces[j].Ago += 10 * time.Second
			}
			joint := policy.Joined(pieces, text, known, nil)
			shown[i] = joint.Now
			for _, re := range joint.Earlier {
				shown[re.Piece] = re.Text
			}
			pieces = append(pieces, mask.Piece{Text: text})
		}
		return shown, nil
	}
}

// Options say what Run judges.
type Options struct {
	Corpus  func() (io.ReadCloser, error) // opens the corpus; called once for every engine
	Policy  mask.Policy
	Company []string           // the company's own numbers and addresses, which stay
	Engine  Engine             // what is judged instead of our engine in process, such as a whole relay; nil for ours
	Name    string             // of the engine in the report; "" for "engine"
	Key     ed25519.PrivateKey // signs the report; nil for none
	Version string             // of the program, for the report
	Now     func() time.Time   // nil for time.Now
}

// A Judgement is a report with what it is about, and its signature.
type Judgement struct {
	Version string    `json:"version"`
	Made    time.Time `json:"made"`
	Engine  string    `json:"engine"`
	Known   Report    `json:"known"`           // the engine that knows what the relay knows
	Blind   *Report   `json:"blind,omitempty"` // our engine without what the relay knows of the contact
	// Signer and Signature are set in a signed judgement: Ed25519 over "sealdesk/mask-report/v1", a zero byte and the
	// JSON of the judgement without the two.
	Signer    []byte `json:"signer,omitempty"`
	Signature []byte `json:"signature,omitempty"`
}

// Run judges a corpus: with our engine twice, once with and once without what the relay knows of each contact; with an
// engine handed in once. It returns an error that wraps ErrCorpus for a malformed corpus, the engine's error, or the
// context's.
func Run(ctx context.Context, o Options) (Judgement, error) {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	name := o.Name
	if name == "" {
		name = "engine"
	}
	j := Judgement{Version: o.Version, Made: now().UTC().Truncate(time.Second), Engine: name}
	judge := func(e Engine) (Report, error) {
		corpus, err := o.Corpus()
		if err != nil {
			return Report{}, fmt.Errorf("opening the corpus: %w", err)
		}
		defer corpus.Close()
		return Judge(ctx, corpus, e)
	}
	engine := o.Engine
	if engine == nil {
		engine = Ours(o.Policy, o.Company, false)
	}
	var err error
	if j.Known, err = judge(engine); err != nil {
		return Judgement{}, err
	}
	if o.Engine == nil {
		blind, err := judge(Ours(o.Policy, o.Company, true))
		if err != nil {
			return Judgement{}, err
		}
		j.Blind = &blind
	}
	if o.Key != nil {
		j.Sign(o.Key)
	}
	return j, nil
}

// Sign signs the judgement; a signature it had is replaced.
func (j *Judgement) Sign(key ed25519.PrivateKey) {
	j.Signer = key.Public().(ed25519.PublicKey)
	j.Signature = ed25519.Sign(key, j.signed())
}

// Verify returns ErrSignature unless the judgement was signed by the key and not changed since.
func (j *Judgement) Verify(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize || !key.Equal(ed25519.PublicKey(j.Signer)) || !ed25519.Verify(key, j.signed(), j.Signature) {
		return fmt.Errorf("verifying a report: %w", ErrSignature)
	}
	return nil
}

// signed returns the bytes under the signature. The JSON is canonical: fields in the order of the type, no floats, no
// maps.
func (j *Judgement) signed() []byte {
	bare := *j
	bare.Signer, bare.Signature = nil, nil
	b, err := json.Marshal(bare)
	if err != nil {
		panic("maskcheck: " + err.Error()) // counts, times and strings
	}
	return append([]byte("sealdesk/mask-report/v1\x00"), b...)
}

// Table writes the figures for people to read.
func (j *Judgement) Table(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s\n", j.Engine, j.Made.Format(time.RFC3339))
	if err := j.Known.Table(w); err != nil {
		return err
	}
	if j.Blind == nil {
		return nil
	}
	fmt.Fprintln(w, "\nwithout what the relay knows of the contact")
	return j.Blind.Table(w)
}
