package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"time"
)

// Party is somebody who can sign.
type Party struct {
	Key  crypto.Signer
	Cert *x509.Certificate
}

// PEM is the party's certificate.
func (p Party) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Cert.Raw})
}

// Parties are who the tests know. IdP signs good messages, Second and EC are further trusted keys where a test trusts
// them, Attacker is never trusted. Weak has an RSA key of 1024 bits, Expired ended an hour before Now, SP is ourselves.
type Parties struct{ IdP, Second, Attacker, EC, Weak, Expired, SP Party }

// Keys returns the parties, which are made once for all tests.
var Keys = sync.OnceValue(func() (k Parties) {
	later := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	k.IdP = newParty("idp", rsaKey(2048), later)
	k.Second = newParty("second", rsaKey(2048), later)
	k.Attacker = newParty("attacker", rsaKey(2048), later)
	k.Weak = newParty("weak", rsaKey(1024), later)
	k.Expired = newParty("expired", k.Second.Key, Now.Add(-time.Hour))
	k.SP = newParty("sp", k.Attacker.Key, later)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	k.EC = newParty("ec", ec, later)
	return k
})

func newParty(name string, key crypto.Signer, notAfter time.Time) Party {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: notAfter,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return Party{key, cert}
}

func rsaKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}
