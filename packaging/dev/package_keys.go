package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The kinds of key a target may need, as target.keys names them.
const (
	keyGPG  = "gpg"
	keyCode = "code"
)

// keys are what a release is signed with. They are opened before anything is built, so that a wrong passphrase is said
// in the first second and not in the last.
type keys struct {
	test bool     // made on the spot: good for trying, worthless to anybody
	gpg  *gpgKey  // rpm files, the apt and dnf repositories, SHA256SUMS; nil is not given
	code *codeKey // Authenticode: the Windows program and its installer; nil is not given
}

// gpgKey is a key in a GNUPGHOME: one we made for a key file, or the owner's, where the key may lie on a card or a token
// that gpg's agent knows.
type gpgKey struct {
	home        string
	fingerprint string // 40 digits
	passphrase  string // file, or "": the agent asks, or the key has none
	public      string // file with the armoured public key
}

// codeKey signs by Authenticode (osslsigncode).
type codeKey struct {
	certificate string // PEM file
	chain       string // PEM file of what is between it and the root; "" is nothing
	key         string // PEM file, or a PKCS#11 URI (RFC 7512)
	module      string // PKCS#11 module, for a URI
	passphrase  string // file with the key's passphrase or the token's PIN; "" is none
	timestamp   string // address of an RFC 3161 service; "" is the throw-away one below, or none
	roots       string // PEM file the signature is verified against; "" is the system's
	tsa, tsaKey string // certificate and key of a time stamp of our own: with test keys only
}

// settings are the tables of a --sign file, by "table.key". It is TOML, as far as a list of strings in tables needs it.
type settings map[string]string

// settingsKeys is every key a --sign file may hold, and whether its value is a file, found beside the settings.
var settingsKeys = map[string]bool{
	"gpg.key": true, "gpg.passphrase": true, "gpg.home": true, "gpg.fingerprint": false,
	"code.certificate": true, "code.chain": true, "code.key": true, "code.module": true, "code.passphrase": true, "code.roots": true, "code.timestamp": false,
	"updates.root": true,
}

// readSettings reads the text of a --sign file that lies in dir.
func readSettings(text, dir string) (settings, error) {
	s, section := settings{}, ""
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "]"))
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = section + "." + strings.TrimSpace(key)
		if value, ok = unquote(strings.TrimSpace(value), ok); !ok {
			return nil, fmt.Errorf(`line %d is not key = "value"`, n)
		}
		file, known := settingsKeys[key]
		switch {
		case !known:
			return nil, fmt.Errorf("line %d: no such key: %s", n, key)
		case s[key] != "":
			return nil, fmt.Errorf("line %d: %s stands there twice", n, key)
		case file && !filepath.IsAbs(value) && !isURI(value):
			value = filepath.Join(dir, value)
		}
		s[key] = value
	}
	return s, lines.Err()
}

// unquote takes the quotes off a TOML string, basic or literal, that holds no escapes.
func unquote(v string, ok bool) (string, bool) {
	if !ok || len(v) < 3 || v[0] != '"' && v[0] != '\'' {
		return "", false
	}
	end := strings.IndexByte(v[1:], v[0])
	if end < 1 {
		return "", false
	}
	rest := strings.TrimSpace(v[end+2:])
	return v[1 : end+1], (rest == "" || rest[0] == '#') && !strings.Contains(v[1:end+1], `\`)
}

func isURI(v string) bool { return strings.HasPrefix(v, "pkcs11:") }

// openKeys makes the kinds of key usable that are wanted, from a --sign file or as throw-away ones. With neither,
// nothing is signed and what would be is left out, which the summary says. close ends what it started and removes its
// copies of keys.
func (b *build) openKeys(ctx context.Context, file string, test bool, wanted []string, log *os.File) (close func(), err error) {
	b.keys = &keys{test: test}
	dir := b.work("keys")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return func() {}, err
	}
	close = func() {
		_ = call{env: []string{"GNUPGHOME=" + filepath.Join(dir, "gnupg")}}.run(context.Background(), "gpgconf", "--kill", "all")
		os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			close()
		}
	}()
	var s settings
	switch {
	case test && file != "":
		return close, &problem{happened: "--sign and --test-keys exclude each other", do: "leave one of them out."}
	case test:
		s, err = throwAway(ctx, dir, wanted, log)
	case file != "":
		var text []byte
		if text, err = os.ReadFile(file); err == nil {
			abs, _ := filepath.Abs(file)
			s, err = readSettings(string(text), filepath.Dir(abs))
		}
		if err != nil {
			return close, &problem{happened: "the settings of --sign cannot be used", err: err, do: "packaging/sign.example.toml shows every key."}
		}
	default:
		return close, nil
	}
	if err != nil {
		return close, err
	}
	if root := s["updates.root"]; root != "" {
		if b.updateRoot, err = os.ReadFile(root); err != nil {
			return close, &problem{happened: "updates.root names a file that cannot be read", err: err, do: "mend the path in the settings of --sign, or leave it out: then the build believes nobody's updates."}
		}
	}
	for _, kind := range wanted {
		if err := b.openKey(ctx, kind, s, dir, log); err != nil {
			return close, err
		}
	}
	return close, nil
}

func (b *build) openKey(ctx context.Context, kind string, s settings, dir string, log *os.File) (err error) {
	for key, file := range settingsKeys {
		if v := s[key]; file && v != "" && strings.HasPrefix(key, kind+".") && !isURI(v) {
			if _, err := os.Stat(v); err != nil {
				return &problem{happened: "a key is missing: " + key + " names a file that is not there", err: errors.Join(errNoKey, err), do: "mount the medium that holds it, or mend the path in the settings of --sign."}
			}
		}
	}
	switch kind {
	case keyGPG:
		b.keys.gpg, err = openGPG(ctx, s, dir, log)
	case keyCode:
		b.keys.code, err = openCode(ctx, s, b.keys.test, dir, log)
	}
	return err
}

// openGPG finds the key, and signs a line with it to see that it can.
func openGPG(ctx context.Context, s settings, dir string, log *os.File) (*gpgKey, error) {
	k := &gpgKey{home: s["gpg.home"], fingerprint: s["gpg.fingerprint"], passphrase: s["gpg.passphrase"], public: filepath.Join(dir, "public.asc")}
	if k.home == "" {
		if s["gpg.key"] == "" {
			return nil, &problem{happened: "a key is missing: nothing to sign packages with", err: errNoKey, do: "write key, or home and fingerprint, at [gpg] in the settings of --sign."}
		}
		k.home = filepath.Join(dir, "gnupg")
		if err := os.MkdirAll(k.home, 0o700); err != nil {
			return nil, err
		}
		if len(k.home) > 80 {
			return nil, &problem{happened: "the checkout's path is too long for gpg's agent", do: "clone it into a folder with a shorter name."}
		}
		if err := k.gpg(ctx, log, "--import", s["gpg.key"]); err != nil {
			return nil, &problem{happened: "the signing key could not be read", err: err, do: "gpg.key names a file that gpg --export-secret-keys --armor wrote.", tail: tailOf(log.Name(), 6)}
		}
	}
	listed, err := k.output(ctx, log, "--list-secret-keys", "--with-colons")
	if err != nil {
		return nil, err
	}
	found := primaryKeys(listed)
	switch {
	case k.fingerprint == "" && len(found) == 1:
		k.fingerprint = found[0]
	case k.fingerprint == "":
		return nil, &problem{happened: fmt.Sprintf("the keyring holds %d secret keys", len(found)), err: errNoKey, do: "write the fingerprint of one at [gpg]."}
	case !strings.Contains(listed, ":"+k.fingerprint+":"):
		return nil, &problem{happened: "a key is missing: the keyring does not hold the fingerprint at [gpg]", err: errNoKey, do: "compare it with gpg --list-secret-keys, all 40 digits."}
	}
	public, err := k.output(ctx, log, "--armor", "--export", k.fingerprint)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(k.public, []byte(public), 0o644); err != nil {
		return nil, err
	}
	trial := filepath.Join(dir, "trial")
	if err := os.WriteFile(trial, []byte("trial\n"), 0o600); err != nil {
		return nil, err
	}
	if err := k.sign(ctx, log, "--detach-sign", trial, trial+".sig"); err != nil {
		return nil, &problem{happened: "the signing key does not open: the passphrase is wrong, or its token is not there", err: err, do: "gpg.passphrase names a file whose first line is the passphrase; a token must be plugged in.", tail: tailOf(log.Name(), 6)}
	}
	return k, nil
}

// primaryKeys reads the fingerprints of gpg --with-colons: of each key, the one line after its own, not those of its subkeys.
func primaryKeys(listed string) (found []string) {
	primary := false
	for line := range strings.Lines(listed) {
		switch f := strings.Split(line, ":"); {
		case f[0] == "sec":
			primary = true
		case f[0] == "fpr" && primary && len(f) > 9:
			found, primary = append(found, f[9]), false
		}
	}
	return found
}

func (k *gpgKey) args(more ...string) []string {
	args := []string{"--homedir", k.home, "--batch", "--yes", "--no-tty", "--quiet"}
	if k.passphrase != "" {
		args = append(args, "--pinentry-mode", "loopback", "--passphrase-file", k.passphrase)
	}
	return append(args, more...)
}

func (k *gpgKey) gpg(ctx context.Context, log *os.File, args ...string) error {
	return call{log: log}.run(ctx, "gpg", k.args(args...)...)
}

func (k *gpgKey) output(ctx context.Context, log *os.File, args ...string) (string, error) {
	return call{log: log}.output(ctx, "gpg", k.args(args...)...)
}

// sign writes the signature of in to out; how is --detach-sign or --clear-sign.
func (k *gpgKey) sign(ctx context.Context, log *os.File, how, in, out string, more ...string) error {
	return k.gpg(ctx, log, append(more, "--local-user", k.fingerprint, "--digest-algo", "SHA256", "--output", out, how, in)...)
}

// name is how the summary says who signed.
func (k *gpgKey) name() string { return "GPG " + k.fingerprint[max(0, len(k.fingerprint)-16):] }

// openCode finds the certificate and its key, and sees that they are a pair. A token's key is asked when it signs.
func openCode(ctx context.Context, s settings, test bool, dir string, log *os.File) (*codeKey, error) {
	k := &codeKey{
		certificate: s["code.certificate"], chain: s["code.chain"], key: s["code.key"], module: s["code.module"],
		passphrase: s["code.passphrase"], timestamp: s["code.timestamp"], roots: s["code.roots"],
	}
	if k.certificate == "" || k.key == "" {
		return nil, &problem{happened: "a key is missing: nothing to sign Windows programs with", err: errNoKey, do: "write certificate and key at [code] in the settings of --sign."}
	}
	if test {
		k.tsa, k.tsaKey = filepath.Join(dir, "tsa.pem"), filepath.Join(dir, "tsa.key")
	}
	if isURI(k.key) {
		if k.module == "" {
			return nil, &problem{happened: "code.key is on a token, and its module is not named", err: errNoKey, do: "write module at [code], such as /usr/lib/softhsm/libsofthsm2.so."}
		}
		return k, nil
	}
	pass := "pass:"
	if k.passphrase != "" {
		pass = "file:" + k.passphrase
	}
	of, err := call{log: log}.output(ctx, "openssl", "pkey", "-in", k.key, "-passin", pass, "-pubout")
	if err != nil {
		return nil, &problem{happened: "the code signing key does not open: the passphrase is wrong, or it is no key", err: err, do: "code.passphrase names a file whose first line is the passphrase."}
	}
	has, err := call{log: log}.output(ctx, "openssl", "x509", "-in", k.certificate, "-noout", "-pubkey")
	if err != nil {
		return nil, &problem{happened: "the code signing certificate cannot be read", err: err, do: "code.certificate names a PEM file."}
	}
	if of != has {
		return nil, &problem{happened: "the code signing certificate is of another key", err: errNoKey, do: "name the two that belong together at [code]."}
	}
	return k, nil
}

// name is how the summary says who signed.
func (k *codeKey) name() string { return "Authenticode" }
