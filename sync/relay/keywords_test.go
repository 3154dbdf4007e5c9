package relay

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

func TestAKeywordIsTheWholeMessageHoweverItIsSpelled(t *testing.T) {
	for text, want := range map[string]command{
		"STOP": commandStop, "stop.": commandStop, " Stop! 🙏": commandStop, "„Stopp“": commandStop, "Keine Werbung mehr!!": commandStop,
		"Désabonner": commandStop, "desabonner": commandStop, "DÉSABONNER": commandStop, "De\u0301sabonner": commandStop, "BAJA": commandStop,
		"Basta pubblicità": commandStop, "descadastrar": commandStop, "Stop promotions": commandStop, "stop  promozioni": commandStop,
		"STOP ALL": commandStopAll, "Alles stoppen": commandStopAll, "stop tutto": commandStopAll, "Parar todo": commandStopAll,
		"Tout arrêter": commandStopAll, "parar tudo": commandStopAll,
		"start": commandStart, "ALTA": commandStart, "Inizia": commandStart, "reprendre": commandStart, "Começar": commandStart, "Abonnieren": commandStart,
		"Privacy": commandPrivacy, "Datenschutz?": commandPrivacy, "privacy policy": commandPrivacy, "Informativa sulla privacy": commandPrivacy,
		"privacidad": commandPrivacy, "Confidentialité": commandPrivacy, "Privacidade": commandPrivacy, "DATENSCHUTZERKLAERUNG": "",
		"my data": commandData, "MEINE DATEN": commandData, "i miei dati": commandData, "mis datos": commandData, "Mes données": commandData, "meus dados": commandData,
		"delete": commandErasure, "LÖSCHEN": commandErasure, "Löschen 😡": commandErasure, "cancella i miei dati": commandErasure,
		"borrar mis datos": commandErasure, "supprimer": commandErasure, "Oubliez-moi": commandErasure, "apagar": commandErasure, "Esqueçam-me": commandErasure,
		"verify": commandVerify, "PRÜFEN": commandVerify, "verifica": commandVerify, "Verificar": commandVerify, "vérifier": commandVerify,
		"Ist das echt?": commandVerify,
		// Anything around it makes it a message for people.
		"Please stop by tomorrow": "", "stop it, that is funny": "", "Echt?": "", "Can you delete my last order?": "", "start am Montag": "",
		"": "", "🙂": "", "1": "", "Datenschutz ist mir wichtig": "", "cancel": "", "info": "", "ok": "", "sì": "",
		strings.Repeat("stop ", 40): "",
	} {
		got, ok := commandIn(text)
		if ok != (want != "") || got.command != want {
			t.Errorf("%q is %q, want %q", text, got.command, want)
		}
	}
}

func TestEveryLanguageHasEveryKeyword(t *testing.T) {
	var file map[string]map[command][]string
	if _, err := toml.Decode(keywordsText, &file); err != nil {
		t.Fatal(err)
	}
	all := []command{commandStop, commandStopAll, commandStart, commandPrivacy, commandData, commandErasure, commandVerify}
	for _, language := range languages {
		for _, c := range all {
			words := file[language][c]
			if len(words) == 0 {
				t.Errorf("%s has no word for %s", language, c)
			}
			for _, word := range words {
				s, ok := commandIn(word)
				if !ok || s.command != c || !slices.Contains(s.languages, language) {
					t.Errorf("%s: %q does not mean %s", language, word, c)
				}
			}
		}
		if len(file[language]) != len(all) {
			t.Errorf("%s has %d keywords", language, len(file[language]))
		}
	}
	if len(file) != len(languages) {
		t.Errorf("%d languages", len(file))
	}
}

// TestTheWordsNoticesTellAreUnderstood reads the words in capitals out of the notices: a customer will write just them.
func TestTheWordsNoticesTellAreUnderstood(t *testing.T) {
	inBrackets := regexp.MustCompile(`\(([^()]*[A-ZÄÖÜÉÀÇ]{4,}[^()]*)\)`)
	last := regexp.MustCompile(`\p{Lu}{4,}`)
	for _, language := range languages {
		w := wordings()[language]
		n := 0
		for _, m := range inBrackets.FindAllStringSubmatch(w.Privacy, -1) {
			words := strings.Fields(m[1])
			words = slices.DeleteFunc(words, func(s string) bool { return s != strings.ToUpper(s) })
			said := strings.Join(words, " ")
			s, ok := commandIn(said)
			if !ok || !slices.Contains(s.languages, language) {
				t.Errorf("%s: customers are told to write %q", language, said)
			}
			n++
		}
		if n < 5 {
			t.Errorf("%s: the notice tells %d words", language, n)
		}
		for _, text := range []string{w.Stop, w.StopAll, w.Start} {
			for _, said := range last.FindAllString(text, -1) {
				if s, ok := commandIn(said); !ok || !slices.Contains(s.languages, language) {
					t.Errorf("%s: customers are told to write %q", language, said)
				}
			}
		}
	}
}

func TestAWordOfSeveralLanguagesIsAnsweredInTheCustomers(t *testing.T) {
	stop, _ := commandIn("STOP")
	verificar, _ := commandIn("verificar")
	for _, x := range []struct {
		s                         spoken
		country, configured, want string
	}{
		{stop, "DE", "en", "de"}, {stop, "IT", "de", "it"}, {stop, "BR", "", "pt"}, {stop, "", "fr", "fr"}, {stop, "", "", "en"},
		{stop, "JP", "it", "it"}, {verificar, "BR", "es", "pt"}, {verificar, "DE", "de", "es"},
	} {
		if got := x.s.languageOf(x.country, x.configured); got != x.want {
			t.Errorf("%s from %q, configured %q: %s", x.s.command, x.country, x.configured, got)
		}
	}
}

func TestWhoTapsOrWritesItCounts(t *testing.T) {
	for name, x := range map[string]struct {
		m    whatsapp.Message
		want command
	}{
		"written":                   {whatsapp.Message{Body: whatsapp.Text{Body: "Stop"}}, commandStop},
		"quick reply of a template": {whatsapp.Message{Body: whatsapp.Button{Text: "Stop promotions", Payload: "x"}}, commandStop},
		"its payload":               {whatsapp.Message{Body: whatsapp.Button{Text: "No more of this", Payload: "STOP_PROMOTIONS"}}, commandStop},
		"what an agent offered":     {whatsapp.Message{Body: whatsapp.Reply{Kind: whatsapp.ButtonReply, ID: "stop", Title: "Stop"}}, ""},
		"in a group":                {whatsapp.Message{Body: whatsapp.Text{Body: "Stop"}, Group: whatsapp.NewGroupID("1")}, ""},
		"a caption":                 {whatsapp.Message{Body: whatsapp.Media{Caption: "stop"}}, ""},
	} {
		if got, _ := commandOf(x.m); got.command != x.want {
			t.Errorf("%s: %q", name, got.command)
		}
	}
}

func FuzzCommandIn(f *testing.F) {
	for _, seed := range []string{"STOP", "De\u0301sabonner", "ß", "\xff", "𝐒𝐓𝐎𝐏", "ŒUVRE", "İ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folded := foldKeyword(text)
		if foldKeyword(folded) != folded {
			t.Errorf("folding %q again changes it", text)
		}
		commandIn(text)
	})
}

func TestEveryLanguageSaysEverythingAndNothingIsLeftOpen(t *testing.T) {
	r := &Relay{cfg: Config{Inboxes: []InboxConfig{{ID: "sales", Name: "Muster GmbH"}}}}
	r.cfg.Privacy = PrivacyConfig{Officer: "privacy@example.com", URL: "https://example.com/privacy"}
	open := regexp.MustCompile(`[{}]`)
	now := inbox.Moment(1_795_000_000_000)
	for _, language := range languages {
		s := r.speaker("sales", language)
		notice, version := s.privacyNotice()
		h := holdings{details: 3, theirs: 12, ours: 9, files: 2, notes: 1, consents: 4}
		texts := map[string]string{
			"privacy": notice, "stop": s.say(s.Stop, nil), "stop all": s.say(s.StopAll, nil), "start": s.say(s.Start, nil),
			"data": s.dataAsked("K7MX-4QPA", now, h), "erasure": s.erasureAsked("K7MX-4QPA", now),
			"verified": s.verified(now, ""), "verified by": s.verified(now, "Tobias"), "unverified": s.say(s.Unverified, nil),
		}
		for name, text := range texts {
			switch {
			case len(text) < 40 || len([]rune(text)) > inbox.MaxText:
				t.Errorf("%s %s: %d characters", language, name, len([]rune(text)))
			case open.MatchString(text):
				t.Errorf("%s %s: a gap is left open", language, name)
			}
		}
		for name, must := range map[string][]string{
			"privacy": {"Muster GmbH", "privacy@example.com", "https://example.com/privacy", version}, "data": {"K7MX-4QPA", "12", "9", "2026"},
			"erasure": {"K7MX-4QPA", "2026"}, "verified": {"Muster GmbH", "2026"}, "verified by": {"Tobias"},
		} {
			for _, what := range must {
				if !strings.Contains(texts[name], what) {
					t.Errorf("%s %s: does not tell %s", language, name, what)
				}
			}
		}
		if !strings.HasPrefix(version, language+"-") {
			t.Errorf("version %q", version)
		}
		h.more = true
		if many := s.dataAsked("K7MX-4QPA", now, h); strings.Count(many, fill(s.More, map[string]string{"n": "12"})) != 1 {
			t.Errorf("%s: what was not counted to its end is told as if it was", language)
		}
	}
}

func TestAnotherNoticeHasAnotherVersion(t *testing.T) {
	versions := map[string]bool{}
	for _, p := range []PrivacyConfig{
		{}, {Company: "A"}, {Officer: "x@example.com"}, {URL: "https://example.com"}, {Retention: map[string]string{"de": "Ein Jahr."}},
	} {
		r := &Relay{cfg: Config{Privacy: p, Inboxes: []InboxConfig{{ID: "sales", Name: "Sales"}}}}
		_, v := r.speaker("sales", "de").privacyNotice()
		if _, again := r.speaker("sales", "de").privacyNotice(); again != v {
			t.Error("the same notice has two versions")
		}
		versions[v] = true
	}
	if len(versions) != 5 {
		t.Errorf("five notices have %d versions", len(versions))
	}
}

func TestThePrivacyConfigurationIsChecked(t *testing.T) {
	for name, p := range map[string]PrivacyConfig{
		"language": {Language: "nl"}, "retention": {Retention: map[string]string{"xx": "y"}}, "url": {URL: "example.com"},
		"long": {Officer: strings.Repeat("x", 600)},
	} {
		if p.check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := (PrivacyConfig{Language: "it", URL: "https://example.com/p", Officer: "Ufficio, privacy@example.com, +39 06 5550 1234"}).check(); err != nil {
		t.Error(err)
	}
	got := PrivacyConfig{Officer: "Ufficio, privacy@example.com, +39 06 5550 1234"}.addresses()
	if !slices.Equal(got, []string{"privacy@example.com", "390655501234"}) {
		t.Errorf("addresses are %q", got)
	}
}
