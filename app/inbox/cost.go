package inbox

// A CostClass says under what WhatsApp bills a message (WhatsApp Business Platform pricing, per message).
type CostClass uint8

// The classes.
const (
	CostUnknown        CostClass = 0
	CostFree           CostClass = 1 // free entry point, or within a monthly allowance
	CostService        CostClass = 2 // an answer while the window is open
	CostUtility        CostClass = 3
	CostMarketing      CostClass = 4
	CostAuthentication CostClass = 5
)

var costOf = map[TemplateCategory]CostClass{
	Utility: CostUtility, Marketing: CostMarketing, Authentication: CostAuthentication,
}

// CostOf returns the class of the next message: of a template, or of anything else when category is 0.
func (c Conversation) CostOf(category TemplateCategory, now Moment) CostClass {
	switch {
	case c.FreeUntil > now:
		return CostFree
	case category == 0:
		return CostService
	}
	return costOf[category]
}

// Costs is what WhatsApp billed, by day and class.
type Costs struct {
	Currency string     `cbor:"1,keyasint"`           // ISO 4217
	Lines    []CostLine `cbor:"2,keyasint,omitempty"` // oldest day first
	Unpriced int        `cbor:"3,keyasint,omitempty"` // billed messages for which the company has no rate
}

// A CostLine is the messages of one day and class.
type CostLine struct {
	Day      string    `cbor:"1,keyasint"` // "2026-11-21", in UTC
	Class    CostClass `cbor:"2,keyasint"`
	Messages int       `cbor:"3,keyasint"`
	Billed   int       `cbor:"4,keyasint,omitempty"`
	Amount   int64     `cbor:"5,keyasint,omitempty"` // millionths of the currency's unit
}
