package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

const (
	// minRSABits is the shortest RSA key that may sign, minECDSABits the shortest ECDSA key.
	minRSABits   = 2048
	minECDSABits = 256

	// expiryWarning is how long before its end a certificate gets a warning.
	expiryWarning = 30 * 24 * time.Hour
)

// ParseCertificate reads one certificate in PEM, or in bare base64 as it stands in metadata. It returns an error that
// says what is wrong with it, which includes that its key may not sign (UsableKey).
func ParseCertificate(s string) (*x509.Certificate, error) {
	var der []byte
	if block, rest := pem.Decode([]byte(s)); block != nil {
		if rest = bytes.TrimSpace(rest); block.Type != "CERTIFICATE" || len(rest) > 0 {
			return nil, fmt.Errorf("expected one PEM block CERTIFICATE, got %s and %d bytes after it",
				Clip(block.Type), len(rest))
		}
		der = block.Bytes
	} else {
		var err error
		if der, err = decodeBase64(s); err != nil || len(der) == 0 {
			return nil, errors.New("the certificate is neither PEM nor base64")
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %s", Clip(err.Error()))
	}
	return cert, UsableKey(cert)
}

// UsableKey says why a certificate's key may not sign assertions; nil if it may: RSA of at least 2048 bits, or ECDSA on
// P-256, P-384 or P-521.
func UsableKey(cert *x509.Certificate) error {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("the certificate %s has an RSA key of %d bits; at least %d are needed",
				Fingerprint(cert), bits, minRSABits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < minECDSABits {
			return fmt.Errorf("the certificate %s has an ECDSA key of %d bits; at least %d are needed",
				Fingerprint(cert), bits, minECDSABits)
		}
	default:
		return fmt.Errorf("the certificate %s has a %s key; RSA or ECDSA is needed",
			Fingerprint(cert), cert.PublicKeyAlgorithm)
	}
	return nil
}

// Fingerprint is the SHA-256 of a certificate in lower-case hex.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func describeCertificate(cert *x509.Certificate) string {
	return Fingerprint(cert) + " (≤ " + stamp(cert.NotAfter) + ")"
}

// ExpiryWarning is a sentence if a certificate has ended or ends within 30 days; else empty.
func ExpiryWarning(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return fmt.Sprintf("the certificate %s expired on %s", Fingerprint(cert), stamp(cert.NotAfter))
	case cert.NotAfter.Sub(now) < expiryWarning:
		return fmt.Sprintf("the certificate %s expires on %s", Fingerprint(cert), stamp(cert.NotAfter))
	}
	return ""
}
