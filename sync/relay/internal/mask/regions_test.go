package mask

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// Every region's example numbers, as people at home and abroad write them, with common words around.
func TestNumbersOfEveryRegionAreHidden(t *testing.T) {
	frames := []string{"%", "Hi, % thanks", "Meine Nummer ist %, danke.", "(%)", "tel:%", "call %\nbye"}
	kinds := []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE}
	total, missed := 0, map[string]int{}
	for _, region := range slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions())) {
		for _, kind := range kinds {
			n := phonenumbers.GetExampleNumberForType(region, kind)
			if n == nil || n.GetNationalNumber() == 0 {
				continue
			}
			inter, nat := phonenumbers.Format(n, phonenumbers.INTERNATIONAL), phonenumbers.Format(n, phonenumbers.NATIONAL)
			if len(digitsOf(nat)) < 7 {
				continue // numbers this short need a word beside them
			}
			spellings := map[string]string{
				"e164": phonenumbers.Format(n, phonenumbers.E164), "international": inter, "national": nat,
				"double zero": "00" + inter[1:], "dots": strings.ReplaceAll(inter, " ", "."), "dashes": strings.ReplaceAll(inter, " ", "-"),
				"national digits": digitsOf(nat), "national dots": strings.ReplaceAll(nat, " ", "."), "slashes": strings.ReplaceAll(nat, " ", " / "),
				"no plus": digitsOf(inter),
			}
			for name, s := range spellings {
				for _, f := range frames {
					total++
					m, _ := Policy{}.Text(strings.ReplaceAll(f, "%", s), Known{Region: region})
					if digitsOf(plain(m)) != "" {
						missed[region+" "+name]++
					}
				}
			}
		}
	}
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(missed)) {
		sum += missed[k]
		t.Logf("missed: %s in %d frames", k, missed[k])
	}
	t.Logf("%d of %d missed", sum, total)
	if total < 20000 || float64(sum) > 0.002*float64(total) {
		t.Errorf("%d of %d numbers can be seen", sum, total)
	}
}
