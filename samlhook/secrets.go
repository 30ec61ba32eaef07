package samlhook

import (
	"crypto/rand"

	"rollcall/directory"
)

// Names of the secrets that sign-in keeps in the directory.
const (
	secretSPKey = "sp-key" // of a connection: our key and certificate towards it
	secretMAC   = "mac"    // of an organization: a RequestKey
)

// secrets are the organization's key and ours towards a connection.
type secrets struct {
	requests RequestKey
	stored   []byte // of the pair
}

// heldSecrets reads what there is; a secret that there is not is nil.
func heldSecrets(s *directory.Snapshot, connection directory.ID) (held secrets, err error) {
	mac, err := s.Secret(directory.ID{}, secretMAC)
	if err != nil {
		return held, err
	}
	held.requests = mac
	held.stored, err = s.Secret(connection, secretSPKey)
	return held, err
}

// createMAC makes the organization's key with the rest of the change.
func createMAC(tx *directory.Tx) {
	key := make([]byte, requestKeyBytes)
	rand.Read(key) // never fails since Go 1.24
	tx.CreateSecret(directory.ID{}, secretMAC, key)
}

// secrets makes the connection's key and the organization's, where they are not there
// yet. It is the last step: nobody makes a key for a document that is refused.
func (p *preparation) secrets() error {
	held, err := heldSecrets(p.tx.Snapshot(), p.id)
	if err != nil {
		return err
	}
	if held.requests == nil {
		createMAC(p.tx)
	}
	if held.stored != nil {
		return nil
	}
	made, err := p.resolved(keyFor{p.tx.Snapshot().Organization().Text("name"), p.id})
	if err != nil {
		return err
	}
	p.tx.CreateSecret(p.id, secretSPKey, made.([]byte))
	return nil
}
