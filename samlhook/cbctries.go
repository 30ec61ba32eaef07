package samlhook

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// mostTries is how many messages under one key of their own may fail within a minute on a node.
	mostTries = 20
	// maxTried bounds the keys that are remembered, twice: to make it forget one, somebody has a node decrypt so many
	// other keys in less than a minute that it can do nothing else.
	maxTried = 1 << 16
)

// cbcTries counts the messages that were encrypted with CBC, signed by nobody outside, and could not be used, by the
// key under which the identity provider encrypted them (the session key of XML Encryption). Whether one is found good
// tells its sender a little about what it would be in plain text, so whoever caught a message could try changes of it
// until he has read it (Jager and Somorovsky, How to Break XML Encryption, 2011). He has to send the caught key with
// each of them, because he can't encrypt another one that he does not know. Everybody else's messages have keys of
// their own, so whatever strangers send keeps nobody out. GCM finds every change, so its failures tell nothing and are
// not counted.
type cbcTries struct {
	mu          sync.Mutex
	minute      int64
	now, before map[[16]byte]int // of this minute or since there was no room, and of the one before
}

// begin counts a message under a key; false if there were too many. One that is good is taken back by succeed.
func (c *cbcTries) begin(secret []byte, at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if minute := at.Unix() / 60; c.now == nil || minute > c.minute || len(c.now) >= maxTried {
		if minute > c.minute+1 {
			c.now = nil // there was none in the minute before
		}
		c.minute, c.before, c.now = max(minute, c.minute), c.now, map[[16]byte]int{} // messages wait for their turns
	}
	key := triedKey(secret)
	if c.now[key]+c.before[key] >= mostTries {
		return false
	}
	c.now[key]++
	return true
}

// succeed takes back what begin counted.
func (c *cbcTries) succeed(secret []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := triedKey(secret)
	for _, tries := range []map[[16]byte]int{c.now, c.before} {
		if tries[key] > 0 {
			if tries[key]--; tries[key] == 0 {
				delete(tries, key)
			}
			return
		}
	}
}

// triedKey stands for a key that must not be remembered itself.
func triedKey(secret []byte) [16]byte {
	sum := sha256.Sum256(secret)
	return [16]byte(sum[:])
}
