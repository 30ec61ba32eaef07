package samlhook

import (
	"crypto/sha256"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// maxUsedIDs bounds what a node remembers of used messages, to a few MB.
const maxUsedIDs = 50_000

// usedIDs are the IDs of signed messages that this node has seen used up. They spare it the work of judging a message
// again; what decides is the transaction.
type usedIDs struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func usedKey(connection directory.ID, id string) [sha256.Size]byte {
	return sha256.Sum256([]byte(connection.String() + "\x00" + id))
}

// add remembers an ID until a time.
func (u *usedIDs) add(connection directory.ID, id string, until, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.until == nil {
		u.until = map[[sha256.Size]byte]time.Time{}
	}
	if len(u.until) >= maxUsedIDs {
		u.forget(now)
	}
	u.until[usedKey(connection, id)] = until
}

// forget makes room: what is over goes first, then whatever comes.
func (u *usedIDs) forget(now time.Time) {
	for key, until := range u.until {
		if !until.After(now) {
			delete(u.until, key)
		}
	}
	for key := range u.until {
		if len(u.until) < maxUsedIDs*3/4 {
			return
		}
		delete(u.until, key)
	}
}

// has reports whether the ID was used.
func (u *usedIDs) has(connection directory.ID, id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.until[usedKey(connection, id)].After(now)
}

// usedBefore is the refusal of a message that was used.
func usedBefore() *saml.Refusal {
	return saml.Refuse(ReasonAssertionUsed)
}

// remember notes that the message is used up.
func (a *attempt) remember() {
	_, until, _ := a.replayKey()
	for _, id := range a.response.SignedIDs {
		a.used.add(a.connection, id, until, a.at)
	}
}
