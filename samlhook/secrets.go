package samlhook

import (
	"crypto/rand"

	"rollcall/directory"
)

// Names of the secrets that sign-in keeps in the directory.
const (
	secretSPKey = "sp-key" // of a connection: our key and certificate towards it
	secretMAC   = "mac"    // of an organization: a requestKey
)

const requestKeyBytes = 32

// secrets are the organization's key and ours towards a connection.
type secrets struct {
	requests requestKey // nil if there is none yet
	keyPair  []byte     // as newKeyPair stores it; nil if there is none yet
}

func readSecrets(s *directory.Snapshot, connection directory.ID) (held secrets, err error) {
	mac, err := s.Secret(directory.ID{}, secretMAC)
	if err != nil {
		return held, err
	}
	held.requests = mac
	held.keyPair, err = s.Secret(connection, secretSPKey)
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
	if held.keyPair != nil {
		return nil
	}
	made, err := p.resolved(keyFor{s.Organization().Text("name"), p.id})
	if err != nil {
		return err
	}
	p.tx.CreateSecret(p.id, secretSPKey, made.([]byte))
	return nil
}
