package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// throwAway makes keys that are good for this run alone, below dir, and the settings that name them: everything after
// this goes the way it goes with keys that are worth something.
func throwAway(ctx context.Context, dir string, wanted []string, log *os.File) (settings, error) {
	s := settings{}
	if slices.Contains(wanted, keyGPG) {
		home := filepath.Join(dir, "gnupg")
		if err := os.MkdirAll(home, 0o700); err != nil {
			return nil, err
		}
		pass := filepath.Join(dir, "gnupg.pass")
		if err := os.WriteFile(pass, []byte("throw-away\n"), 0o600); err != nil {
			return nil, err
		}
		k := gpgKey{home: home, passphrase: pass}
		// RSA: the rpm of every distribution we promise knows it.
		if err := k.gpg(ctx, log, "--quick-generate-key", "Sealdesk test packages <packages@sealdesk.test>", "rsa2048", "sign", "1m"); err != nil {
			return nil, err
		}
		s["gpg.home"], s["gpg.passphrase"] = home, pass
	}
	if slices.Contains(wanted, keyCode) {
		if err := throwAwayCode(dir); err != nil {
			return nil, err
		}
		in := func(name string) string { return filepath.Join(dir, name) }
		s["code.certificate"], s["code.key"], s["code.chain"], s["code.roots"] = in("code.pem"), in("code.key"), in("ca.pem"), in("ca.pem")
	}
	return s, nil
}

// throwAwayCode writes a CA (ca.pem) and what it vouches for: a code signing and a time stamping certificate with keys.
func throwAwayCode(dir string) error {
	// A time stamp from before a certificate began counts for nothing.
	begin, end := time.Now().Add(-24*time.Hour), time.Now().AddDate(0, 1, 0)
	stamping, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return err
	}
	all := []struct {
		file string
		cert x509.Certificate
	}{
		{"ca", x509.Certificate{
			Subject: pkix.Name{CommonName: "Sealdesk test root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}},
		{"code", x509.Certificate{
			Subject: pkix.Name{CommonName: "Sealdesk test publisher", Organization: []string{"Sealdesk"}}, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		}},
		// RFC 3161 section 2.3: time stamping alone, and critical, which crypto/x509 writes only when told so.
		{"tsa", x509.Certificate{
			Subject: pkix.Name{CommonName: "Sealdesk test time"}, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: stamping}},
		}},
	}
	var root *x509.Certificate
	var rootKey *rsa.PrivateKey
	for i, c := range all {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		c.cert.SerialNumber, c.cert.NotBefore, c.cert.NotAfter = big.NewInt(int64(i+1)), begin, end
		if root == nil {
			root, rootKey = &c.cert, key
		}
		der, err := x509.CreateCertificate(rand.Reader, &c.cert, root, key.Public(), rootKey)
		if err != nil {
			return err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		for name, block := range map[string]*pem.Block{c.file + ".pem": {Type: "CERTIFICATE", Bytes: der}, c.file + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
