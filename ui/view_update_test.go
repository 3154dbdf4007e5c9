package ui

import (
	"strings"
	"testing"
	"time"
)

func TestWhatTheStripSaysOfUpdates(t *testing.T) {
	english(t)
	for rule, c := range map[string]struct {
		update Update
		seen   string
		tone   Tone
		text   string // a part of it; "" for no strip
	}{
		"nothing while nothing is known":         {Update{}, "", 0, ""},
		"nothing when none is newer":             {Update{State: UpdateCurrent}, "", 0, ""},
		"nothing when nobody looks":              {Update{State: UpdateOff}, "", 0, ""},
		"what is offered":                        {Update{State: UpdateOffered, Version: "1.4.0"}, "", ToneInfo, "1.4.0"},
		"not again once it was opened":           {Update{State: UpdateOffered, Version: "1.4.0"}, "1.4.0", 0, ""},
		"but the next one":                       {Update{State: UpdateOffered, Version: "1.5.0"}, "1.4.0", ToneInfo, "1.5.0"},
		"too old, for as long as it is":          {Update{State: UpdateOffered, Version: "1.4.0", TooOld: true, Minimum: "1.3.9"}, "1.4.0", ToneDanger, "1.3.9"},
		"too old, and what helps":                {Update{State: UpdateOffered, Version: "1.4.0", TooOld: true, Ready: true}, "1.4.0", ToneDanger, "open it again"},
		"that it is installed":                   {Update{State: UpdateCurrent, Ready: true}, "", ToneInfo, "installed"},
		"an expired feed, and that work goes on": {Update{State: UpdateStale}, "", ToneWarn, "You can go on working"},
		"a refused feed, and whom to tell":       {Update{State: UpdateRefused}, "", ToneDanger, "tell your IT"},
		"not again what was opened":              {Update{State: UpdateRefused}, "refused", 0, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			v := updateNotice(c.update, c.seen)
			if c.text == "" && v.Text != "" || !strings.Contains(v.Text, c.text) {
				t.Errorf("says %q", v.Text)
			}
			if v.Text != "" && (v.Tone != c.tone || v.Action == "") {
				t.Errorf("tone %v, button %q", v.Tone, v.Action)
			}
		})
	}
}

func TestTheSheetOfUpdatesSaysWhoDoesWhat(t *testing.T) {
	english(t)
	clock := func(time.Time) string { return "08:01" }
	offered := Update{State: UpdateOffered, Version: "1.4.0", Notes: map[string]string{"en": "Faster.", "de": "Schneller."}, Looked: time.Now()}
	v := updateView(offered, "1.3.0", "de", clock)
	if v.Notes != "Schneller." || !strings.Contains(v.Text, "Your IT installs it.") || !strings.Contains(v.Text, "need do nothing") || !strings.Contains(v.Detail, "1.3.0") || !strings.Contains(v.Detail, "08:01") || v.Notice != nil {
		t.Errorf("%+v", v)
	}
	if v := updateView(offered, "1.3.0", "fr", clock); v.Notes != "Faster." {
		t.Error("a language without notes has none")
	}
	offered.Auto = true
	if v := updateView(offered, "1.3.0", "en", clock); !strings.Contains(v.Text, "in the background") {
		t.Errorf("%+v", v)
	}
	offered.TooOld, offered.Minimum = true, "1.3.5"
	if v := updateView(offered, "1.3.0", "en", clock); v.Notice == nil || !strings.Contains(v.Notice.Text, "1.3.5") || strings.Contains(v.Text, "need do nothing") {
		t.Errorf("%+v", v)
	}
	for state, part := range map[UpdateState]string{UpdateStale: "nothing is locked", UpdateRefused: "Nothing was downloaded", UpdateUnknown: "not known", UpdateCurrent: "no newer", UpdateOff: "other means"} {
		if v := updateView(Update{State: state}, "1.3.0", "en", clock); !strings.Contains(v.Text, part) {
			t.Errorf("state %d: %q", state, v.Text)
		}
	}
	if v := updateView(Update{State: UpdateCurrent, System: "10.0.19045"}, "1.3.0", "en", clock); !strings.Contains(v.Text, "10.0.19045") {
		t.Errorf("%+v", v)
	}
}
