package samlhook

import (
	"crypto/rand"
	"crypto/x509"
	"slices"

	"rollcall/directory"
)

// Names of the secrets that sign-in keeps in the directory.
const (
	secretSPKey   = "sp-key"      // of a connection: our key and certificate towards it
	secretNextKey = "sp-key-next" // of a connection: another one, while keys are rolled over
	secretMAC     = "mac"         // of an organization: a requestKey
)

const requestKeyBytes = 32

// Values of keyRollover. Unset, a connection has one key of ours.
const (
	rolloverPublish = "publish" // a second key is published and may decrypt
	rolloverUse     = "use"     // and it signs, in place of the first
)

// secrets are the organization's key and ours towards a connection.
type secrets struct {
	requests requestKey // nil if there is none yet
	keyPair  []byte     // as newKeyPair stores it; nil if there is none yet
	next     []byte     // nil but during a roll-over
}

func readSecrets(s *directory.Snapshot, connection directory.ID) (held secrets, err error) {
	mac, err := s.Secret(directory.ID{}, secretMAC)
	if err != nil {
		return held, err
	}
	held.requests = mac
	if held.keyPair, err = s.Secret(connection, secretSPKey); err != nil {
		return held, err
	}
	held.next, err = s.Secret(connection, secretNextKey)
	return held, err
}

// secrets makes the connection's key and the organization's, unless they are there already. It is the last step: nobody
// makes a key for a document that is refused.
func (p *preparation) secrets() error {
	s := p.tx.Snapshot()
	held, err := readSecrets(s, p.id)
	if err != nil {
		return err
	}
	if held.requests == nil {
		key := make([]byte, requestKeyBytes)
		rand.Read(key) // never fails since Go 1.24
		p.tx.CreateSecret(directory.ID{}, secretMAC, key)
	}
	if held.keyPair == nil {
		if err := p.makeKey(secretSPKey); err != nil {
			return err
		}
	}
	return p.rollOver(held)
}

// rollOver makes, moves or drops the second key, as keyRollover says. A first key is never lost before the second
// signs.
func (p *preparation) rollOver(held secrets) error {
	was, now := stringOf(p.before, "keyRollover"), stringOf(p.doc, "keyRollover")
	switch {
	case now != "" && now != rolloverPublish && now != rolloverUse:
		return wrong("keyRollover", "must be %s or %s, or be absent", rolloverPublish, rolloverUse)
	case now == rolloverUse && was == "":
		return wrong("keyRollover", "must be %s first, until the identity provider has the second certificate",
			rolloverPublish)
	case now != "" && held.next == nil:
		return p.makeKey(secretNextKey)
	case now == "" && held.next != nil:
		if was == rolloverUse {
			p.tx.PutSecret(p.id, secretSPKey, held.next)
		}
		p.tx.DeleteSecret(p.id, secretNextKey)
	}
	return nil
}

func (p *preparation) makeKey(name string) error {
	if p.tx.IsDryRun() {
		return nil
	}
	made, err := p.resolved(keyFor{p.tx.Snapshot().Organization().Text("name"), p.id, name})
	if err != nil {
		return err
	}
	p.tx.CreateSecret(p.id, name, made.([]byte))
	return nil
}

// useKeys gives the connection its keys: the one that signs stands first, each may decrypt.
func (l *loaded) useKeys(held secrets, rollover string) error {
	stored := [][]byte{held.keyPair, held.next}
	if rollover == rolloverUse {
		slices.Reverse(stored)
	}
	certificates := []**x509.Certificate{&l.Connection.Certificate, &l.NextCertificate}
	for _, pem := range stored {
		if pem == nil {
			continue
		}
		pair, err := parseKeyPair(pem)
		if err != nil {
			return err
		}
		*certificates[len(l.DecryptionKeys)] = pair.certificate
		l.DecryptionKeys = append(l.DecryptionKeys, pair.key)
	}
	if len(l.DecryptionKeys) > 0 {
		l.Key = l.DecryptionKeys[0]
	}
	return nil
}

// ownCertificates are ours, that of the key that signs first.
func (l *loaded) ownCertificates() []*x509.Certificate {
	both := []*x509.Certificate{l.Connection.Certificate, l.NextCertificate}
	return slices.DeleteFunc(both, func(c *x509.Certificate) bool { return c == nil })
}
