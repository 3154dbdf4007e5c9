package identity

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// PasskeyPath is where the pages for passkeys are, below [PasskeyConfig.Origin].
const PasskeyPath = "/sign-in/passkey"

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/passkey.html"))

// pageTypes are the files beside the page.
var pageTypes = map[string]string{"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}

// Passkeys returns the pages on which people make and show passkeys, for [PasskeyPath] and everything below it. They load
// nothing from elsewhere, run no script but their own, and may be shown in no frame. nil while there are none.
func (r *Register) Passkeys() http.Handler {
	if r.web == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PasskeyPath, r.passkeyPage)
	mux.HandleFunc("POST "+PasskeyPath, r.finishPasskey)
	mux.HandleFunc("GET "+PasskeyPath+"/{file}", func(w http.ResponseWriter, q *http.Request) {
		kind, ok := pageTypes[q.PathValue("file")]
		if !ok {
			http.NotFound(w, q)
			return
		}
		b, err := pageFiles.ReadFile("page/" + q.PathValue("file"))
		if err != nil {
			http.NotFound(w, q)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Write(b)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self)")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer") // the address holds a ticket
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, q)
	})
}

// passkeyPage shows the page of a ceremony, or that there is nothing to be done on it any more.
func (r *Register) passkeyPage(w http.ResponseWriter, q *http.Request) {
	words, lang := wordsFor(q.Header.Get("Accept-Language"))
	page := struct {
		Lang, Path, Company, Ticket, Device, Options string
		Makes                                        bool
		Words                                        pageWords
	}{Lang: lang, Path: PasskeyPath, Company: r.conf.Company, Words: words.show}
	status := http.StatusGone
	if x := r.shows.find(q.URL.Query().Get("ticket")); x != nil {
		shown, err := r.openCeremony(q.Context(), x, q.URL.Query().Get("redirect_uri"), q.URL.Query().Get("code_challenge"))
		if err != nil {
			r.conf.Log.Error("a passkey cannot be asked for", "error", err)
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
			return
		}
		if shown != nil {
			options, err := json.Marshal(shown.Options)
			if err != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
			status, page.Ticket, page.Device, page.Makes, page.Options = http.StatusOK, x.ticket, shown.Device, shown.Makes, string(options)
			if shown.Makes {
				page.Words = words.make
			}
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, page); err != nil {
		r.conf.Log.Debug("a page was not read to its end", "error", err)
	}
}

// pageWords are what a page says. Given is for who gave up or took too long: browsers do not tell which.
type pageWords struct {
	Title, Text, Device, Name, Called, Button, Safe           string
	Wait, Done, No, Given, Copied, Over, Later, Known, Cannot string
}

type pageLanguage struct{ show, make pageWords }

var pageLanguages = []struct {
	tag   language.Tag
	words pageLanguage
}{
	{language.English, speak(pageWords{
		Title: "Sign in with a passkey", Text: "Show that it is you: with your fingerprint, your face, a PIN or a security key.", Device: "For the app on", Button: "Use passkey",
		Safe: "Begun by yourself, in Sealdesk, just now? Otherwise close this page.",
		Wait: "Waiting for your passkey …", Done: "Done. Go back to Sealdesk; this page may be closed.", No: "That passkey does not count here. Try again with another.",
		Given: "No passkey was shown. Try again when you are ready.", Over: "This page was used already, or too much time has passed. Go back to Sealdesk and begin again.",
		Copied: "This passkey may have been copied, so it counts no more. Tell your IT.", Later: "The company's server does not answer. Try again in a moment.",
		Known: "This passkey is registered already.", Cannot: "This browser cannot use passkeys at this address. Open it in another browser.",
	}, pageWords{
		Title: "Register a passkey", Text: "From now on you sign in with your fingerprint, your face, a PIN or a security key.", Name: "What you call it", Called: "My passkey", Button: "Register passkey",
	})},
	{language.German, speak(pageWords{
		Title: "Mit Passkey anmelden", Text: "Zeigen Sie, dass Sie es sind: mit Fingerabdruck, Gesicht, PIN oder Sicherheitsschlüssel.", Device: "Für die App auf", Button: "Passkey verwenden",
		Safe: "Haben Sie das eben selbst in Sealdesk begonnen? Wenn nicht, schließen Sie diese Seite.",
		Wait: "Warten auf Ihren Passkey …", Done: "Fertig. Zurück zu Sealdesk; diese Seite kann geschlossen werden.", No: "Dieser Passkey gilt hier nicht. Versuchen Sie es mit einem anderen.",
		Given: "Es wurde kein Passkey gezeigt. Versuchen Sie es noch einmal, wenn Sie so weit sind.", Over: "Diese Seite wurde schon benutzt, oder es ist zu viel Zeit vergangen. Beginnen Sie in Sealdesk noch einmal.",
		Copied: "Dieser Passkey wurde vielleicht kopiert und gilt nicht mehr. Sagen Sie Ihrer IT Bescheid.", Later: "Der Server der Firma antwortet nicht. Versuchen Sie es gleich noch einmal.",
		Known: "Dieser Passkey ist schon registriert.", Cannot: "Dieser Browser kann unter dieser Adresse keine Passkeys verwenden. Öffnen Sie sie in einem anderen.",
	}, pageWords{
		Title: "Passkey registrieren", Text: "Ab jetzt melden Sie sich mit Fingerabdruck, Gesicht, PIN oder Sicherheitsschlüssel an.", Name: "Wie Sie ihn nennen", Called: "Mein Passkey", Button: "Passkey registrieren",
	})},
	{language.Italian, speak(pageWords{
		Title: "Accedi con una passkey", Text: "Mostra che sei tu: con l'impronta, il volto, un PIN o una chiave di sicurezza.", Device: "Per l'app su", Button: "Usa la passkey",
		Safe: "Hai iniziato tu, in Sealdesk, proprio ora? Altrimenti chiudi questa pagina.",
		Wait: "In attesa della tua passkey …", Done: "Fatto. Torna a Sealdesk; puoi chiudere questa pagina.", No: "Questa passkey qui non vale. Riprova con un'altra.",
		Given: "Nessuna passkey mostrata. Riprova quando vuoi.", Over: "Questa pagina è già stata usata o è passato troppo tempo. Torna a Sealdesk e ricomincia.",
		Copied: "Questa passkey potrebbe essere stata copiata e non vale più. Avvisa il reparto IT.", Later: "Il server dell'azienda non risponde. Riprova tra un momento.",
		Known: "Questa passkey è già registrata.", Cannot: "Questo browser non può usare passkey a questo indirizzo. Aprilo in un altro.",
	}, pageWords{
		Title: "Registra una passkey", Text: "D'ora in poi accedi con l'impronta, il volto, un PIN o una chiave di sicurezza.", Name: "Come la chiami", Called: "La mia passkey", Button: "Registra la passkey",
	})},
}

// speak gives the page that makes a passkey the words both have.
func speak(show, makes pageWords) pageLanguage {
	own := makes
	makes = show
	makes.Title, makes.Text, makes.Name, makes.Called, makes.Button = own.Title, own.Text, own.Name, own.Called, own.Button
	return pageLanguage{show, makes}
}

var pageMatcher = language.NewMatcher(func() (tags []language.Tag) {
	for _, l := range pageLanguages {
		tags = append(tags, l.tag)
	}
	return tags
}())

// wordsFor returns the words a browser asks for.
func wordsFor(accept string) (pageLanguage, string) {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 || len(accept) > 200 || strings.TrimSpace(accept) == "" {
		tags = []language.Tag{language.English}
	}
	_, i, _ := pageMatcher.Match(tags...)
	base, _ := pageLanguages[i].tag.Base()
	return pageLanguages[i].words, base.String()
}
