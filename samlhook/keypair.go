package samlhook

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

const (
	keyBits = 2048
	// certificateYears is long: nobody checks the end of a certificate that was pasted into a form, and changing it
	// hurts.
	certificateYears = 10
)

// keyPair is our key towards a connection and its self-signed certificate.
type keyPair struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

// newKeyPair makes a pair for an organization. It returns the PEM in which the pair is stored.
func newKeyPair(organization string, now time.Time) (stored []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Rollcall " + organization},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}

	// The key first, then the certificate.
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	stored = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return append(stored, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}

// parseKeyPair reads what newKeyPair made. It returns an error for anything else.
func parseKeyPair(stored []byte) (keyPair, error) {
	broken := errors.New("the stored key of the connection cannot be read")
	private, rest := pem.Decode(stored)
	if private == nil {
		return keyPair{}, broken
	}
	public, _ := pem.Decode(rest)
	if public == nil {
		return keyPair{}, broken
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return keyPair{}, broken
	}
	certificate, err := x509.ParseCertificate(public.Bytes)
	if err != nil {
		return keyPair{}, broken
	}
	return keyPair{key, certificate}, nil
}
