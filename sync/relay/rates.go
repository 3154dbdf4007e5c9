package relay

import (
	_ "embed"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
)

//go:embed rates.toml
var exampleRates string

// rates are what WhatsApp bills per message, by day and country. They are data: WhatsApp changes them several times a
// year.
type rates struct {
	currency string
	periods  []ratePeriod // the newest first
}

type ratePeriod struct {
	from        string // the first day, in UTC
	freeService int    // service messages a month and number that cost nothing
	prices      map[string]priceList
}

// A priceList is the prices of one country in millionths of the currency's unit, by the word WhatsApp has for the category.
type priceList map[string]int64

const anywhere = "*"

// price returns what a message costs, and whether that is known.
func (r rates) price(day, country, category string) (int64, bool) {
	p, ok := r.on(day)
	if !ok {
		return 0, false
	}
	for _, where := range []string{country, anywhere} {
		list, ok := p.prices[where]
		if !ok {
			continue
		}
		for _, word := range []string{category, broader[category]} {
			if amount, ok := list[word]; ok {
				return amount, true
			}
		}
	}
	return 0, false
}

// broader are categories that cost what another does unless the file says otherwise.
var broader = map[string]string{"marketing_lite": "marketing", "authentication_international": "authentication"}

// freeService returns how many service messages of a number cost nothing in the month of the day.
func (r rates) freeService(day string) int {
	p, _ := r.on(day)
	return p.freeService
}

func (r rates) on(day string) (ratePeriod, bool) {
	for _, p := range r.periods {
		if p.from <= day {
			return p, true
		}
	}
	return ratePeriod{}, false
}

// classOf returns under what class a message is counted, from WhatsApp's words for its category and type.
func classOf(category, kind string) inbox.CostClass {
	switch kind {
	case "free_customer_service", "free_entry_point":
		return inbox.CostFree
	}
	switch category {
	case "service":
		return inbox.CostService
	case "utility":
		return inbox.CostUtility
	case "marketing", "marketing_lite":
		return inbox.CostMarketing
	case "authentication", "authentication_international":
		return inbox.CostAuthentication
	case "referral_conversion":
		return inbox.CostFree
	}
	return inbox.CostUnknown
}

var (
	currencyWord = regexp.MustCompile(`^[A-Z]{3}$`)
	countryWord  = regexp.MustCompile(`^([A-Z]{2}|\*)$`)
	categories   = []string{"service", "utility", "marketing", "marketing_lite", "authentication", "authentication_international"}
)

// loadRates reads a file of rates, the example's when path is "". Errors wrap [ErrConfig] and say what to write.
func loadRates(path string) (rates, error) {
	text, name := exampleRates, "the example"
	if path != "" {
		file, err := os.ReadFile(path)
		if err != nil {
			return rates{}, wrong("whatsapp.rates: %v", err)
		}
		text, name = string(file), path
	}
	return parseRates(name, text)
}

func parseRates(name, text string) (rates, error) {
	bad := func(format string, args ...any) (rates, error) {
		return rates{}, wrong("whatsapp.rates: %s: "+format, append([]any{name}, args...)...)
	}
	var file struct {
		Currency string `toml:"currency"`
		Periods  []struct {
			From        string           `toml:"valid_from"`
			FreeService int              `toml:"free_service"`
			Prices      []map[string]any `toml:"price"`
		} `toml:"period"`
	}
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return bad("%v", err)
	}
	for _, key := range meta.Undecoded() {
		return bad("no such key: %s", key)
	}
	if !currencyWord.MatchString(file.Currency) {
		return bad("currency: three capital letters, such as EUR")
	}
	if len(file.Periods) == 0 {
		return bad("at least one [[period]] is needed")
	}
	out := rates{currency: file.Currency}
	for _, p := range file.Periods {
		if _, err := time.Parse(time.DateOnly, p.From); err != nil {
			return bad("valid_from: write a day such as \"2026-10-01\"")
		}
		if p.FreeService < 0 {
			return bad("free_service of %s: 0 or more", p.From)
		}
		period := ratePeriod{from: p.From, freeService: p.FreeService, prices: map[string]priceList{}}
		for _, price := range p.Prices {
			countries, _ := price["countries"].([]any)
			if len(countries) == 0 {
				return bad("a [[period.price]] of %s names no countries; write [\"DE\", \"AT\"], or [\"*\"] for all others", p.From)
			}
			list := priceList{}
			for word, value := range price {
				if word == "countries" {
					continue
				}
				if !slices.Contains(categories, word) {
					return bad("%s of %s: no such category; there are %s", word, p.From, strings.Join(categories, ", "))
				}
				amount, ok := millionths(value)
				if !ok {
					return bad("%s of %s: write a price such as 0.0456", word, p.From)
				}
				list[word] = amount
			}
			for _, c := range countries {
				country, _ := c.(string)
				if !countryWord.MatchString(country) {
					return bad("countries of %s: two capital letters such as \"DE\", or \"*\"", p.From)
				}
				if period.prices[country] != nil {
					return bad("%s stands twice in the period from %s", country, p.From)
				}
				period.prices[country] = list
			}
		}
		out.periods = append(out.periods, period)
	}
	slices.SortFunc(out.periods, func(a, b ratePeriod) int { return strings.Compare(b.from, a.from) })
	for i := 1; i < len(out.periods); i++ {
		if out.periods[i].from == out.periods[i-1].from {
			return bad("two periods begin on %s", out.periods[i].from)
		}
	}
	return out, nil
}

func millionths(v any) (int64, bool) {
	const most = 1000 // of any currency, for one message
	var f float64
	switch v := v.(type) {
	case float64:
		f = v
	case int64:
		f = float64(v)
	default:
		return 0, false
	}
	if !(f >= 0 && f <= most) {
		return 0, false
	}
	return int64(math.Round(f * 1e6)), true
}
