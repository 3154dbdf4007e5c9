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
func (r *Relay) placeOfContact(ctx context.Context, in *incoming, b whatsapp.Location) (inbox.Masked, error) {
	hidden := inbox.NewMasked(inbox.Span{Kind: inbox.Place, Text: "•••"})
	lat, lon := b.Latitude, b.Longitude
	if !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) { // nor anything that is no number
		return hidden, nil
	}
	switch r.cfg.Masking.location() {
	case placeArea:
		lat, lon = areaOf(lat, lon)
		return inbox.NewMasked(inbox.Span{Kind: inbox.Place, Text: "≈ " + degrees(lat, 2) + ", " + degrees(lon, 2)}), nil
	case placeExact:
		words, err := r.masked(ctx, in, onLines(b.Name, b.Address))
		if err != nil {
			return inbox.Masked{}, err
		}
		spans := []inbox.Span{{Kind: inbox.Place, Text: degrees(lat, 5) + ", " + degrees(lon, 5)}}
		if !words.IsZero() {
			spans = append(append(spans, inbox.Span{Text: "\n"}), words.Spans()...)
		}
		return inbox.NewMasked(spans...), nil
	}
	return hidden, nil
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
