package figure

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Out is the environment variable that names the file figures are appended to.
const Out = "SEALDESK_BENCH_OUT"

// Which way a figure should go.
const (
	Higher = "higher" // a rate: more is better
	Lower  = "lower"  // a time or a size: less is better
)

// Figure is one measured comparison.
type Figure struct {
	ID        string  `json:"id"`               // of the benchmark, "B2"
	Case      string  `json:"case"`             // what was varied, "100 writers"
	Ours      float64 `json:"ours"`             // median over the rounds, in Unit
	Peer      string  `json:"peer"`             // what it is compared with
	PeerValue float64 `json:"peer_value"`       // median over the rounds, in Unit
	Unit      string  `json:"unit"`             // "rows/s"
	Ratio     float64 `json:"ratio"`            // median of the rounds' own ratios; zero means Ours / PeerValue
	Spread    float64 `json:"spread"`           // (largest - smallest) / median of the rounds' ratios
	Target    string  `json:"target,omitempty"` // the ratio to reach, as a person writes it: "≥0.40"
	Better    string  `json:"better"`           // Higher or Lower
	Note      string  `json:"note,omitempty"`   // what a reader must know to judge the figure
}

// Emit appends f to the file that Out names, or does nothing if Out is unset.
func Emit(f Figure) error {
	if path := os.Getenv(Out); path != "" {
		return AppendTo(path, f)
	}
	return nil
}

// AppendTo appends f to a file, which it makes if there is none.
func AppendTo(path string, f Figure) error {
	if f.Ratio == 0 && f.PeerValue != 0 {
		f.Ratio = f.Ours / f.PeerValue
	}
	line, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode a figure: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open the file of figures: %w", err)
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		file.Close()
		return fmt.Errorf("append a figure: %w", err)
	}
	return file.Close()
}

// Median returns the middle value, the mean of the two middle ones if there are two, 0 for none. It leaves v as it is.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}

// Spread returns (largest - smallest) / median, 0 for none.
func Spread(v []float64) float64 {
	m := Median(v)
	if m == 0 {
		return 0
	}
	return (slices.Max(v) - slices.Min(v)) / m
}

// Compare makes a figure of alternating rounds: ours[i] and peer[i] were measured one right after the other, so the ratio
// is the median of the rounds' own ratios. The slices must be equally long. The caller fills in the rest.
func Compare(ours, peer []float64) Figure {
	ratios := make([]float64, len(ours))
	for i := range ours {
		if peer[i] != 0 {
			ratios[i] = ours[i] / peer[i]
		}
	}
	return Figure{
		Ours:      Median(ours),
		PeerValue: Median(peer),
		Ratio:     Median(ratios),
		Spread:    Spread(ratios),
	}
}
