package relay

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

// What agents see of where a customer is: [MaskingConfig.Location].
const (
	placeHidden = "hidden"
	placeArea   = "area"
	placeExact  = "exact"
)

// areaDegrees is the height of a cell: about eleven kilometres. Its width is the same on the ground.
const areaDegrees = 0.1

// placeOfContact is a place a customer sent, as the policy shows it. The name and the address of a place tell as much as
// its point does, so they are shown with the point or not at all, masked like any text.
func (r *Relay) placeOfContact(ctx context.Context, in *incoming, m whatsapp.Message, b whatsapp.Location) (inbox.Masked, error) {
	words := inbox.Masked{}
	if isPoint(b) && r.cfg.Masking.location() == placeExact {
		var err error
		if words, err = r.maskedWords(ctx, in, m); err != nil {
			return inbox.Masked{}, err
		}
	}
	return inbox.NewMasked(append(r.pointOf(b), words.Spans()...)...), nil
}

// pointOf is what is shown of a place before its name and address.
func (r *Relay) pointOf(b whatsapp.Location) []inbox.Span {
	hidden := []inbox.Span{{Kind: inbox.Place, Text: "•••"}}
	if !isPoint(b) {
		return hidden
	}
	lat, lon := b.Latitude, b.Longitude
	switch r.cfg.Masking.location() {
	case placeArea:
		lat, lon = areaOf(lat, lon)
		return []inbox.Span{{Kind: inbox.Place, Text: "≈ " + degrees(lat, 2) + ", " + degrees(lon, 2)}}
	case placeExact:
		spans := []inbox.Span{{Kind: inbox.Place, Text: degrees(lat, 5) + ", " + degrees(lon, 5)}}
		if b.Name != "" || b.Address != "" {
			spans = append(spans, inbox.Span{Text: "\n"})
		}
		return spans
	}
	return hidden
}

// isPoint reports whether a place is one on earth: what Meta writes may be anything, and no number at all.
func isPoint(b whatsapp.Location) bool {
	return math.Abs(b.Latitude) <= 90 && math.Abs(b.Longitude) <= 180
}

// areaOf returns the middle of the cell a point lies in. Cells are rows of equal height, each cut into whole cells that are
// about as wide as high, so that a place near a pole is no easier to find than one at the equator.
func areaOf(lat, lon float64) (float64, float64) {
	row := math.Min(math.Floor((lat+90)/areaDegrees), 180/areaDegrees-1)
	lat = (row+0.5)*areaDegrees - 90
	cells := math.Max(1, math.Floor(360/areaDegrees*math.Cos(lat*math.Pi/180)))
	width := 360 / cells
	cell := math.Min(math.Floor((lon+180)/width), cells-1)
	return lat, (cell+0.5)*width - 180
}

func degrees(v float64, places int) string {
	s := strconv.FormatFloat(v, 'f', places, 64)
	if s == fmt.Sprintf("-%.*f", places, 0.0) {
		return s[1:]
	}
	return s
}

func (c MaskingConfig) location() string {
	if c.Location == "" {
		return placeArea
	}
	return c.Location
}
