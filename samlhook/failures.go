package samlhook

import (
	"sync"
	"time"

	"rollcall/directory"
)

const (
	// mostFailures is how many messages of a connection may fail to be decrypted within a minute on a node: each failure
	// tells whoever sent it a little.
	mostFailures = 60
	// mostNetworkFailures is how many of them may come from one network, so that no single one stops the others.
	mostNetworkFailures = 20
)

// failures counts, for each minute, the messages that are being decrypted or could not be.
type failures struct {
	mu     sync.Mutex
	minute int64
	counts map[failing]int
}

// failing is a connection, or a network that sends to it.
type failing struct {
	connection directory.ID
	network    string
}

// begin counts a message; false if there were too many failures. One that was decrypted is taken back by succeed.
func (f *failures) begin(connection directory.ID, network string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if minute := now.Unix() / 60; f.minute != minute {
		f.minute, f.counts = minute, map[failing]int{}
	}
	all, one := failing{connection, ""}, failing{connection, network}
	if f.counts[all] >= mostFailures || f.counts[one] >= mostNetworkFailures {
		return false
	}
	f.counts[all]++
	f.counts[one]++
	return true
}

// succeed takes back what begin counted at the same time.
func (f *failures) succeed(connection directory.ID, network string, begun time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.minute != begun.Unix()/60 {
		return
	}
	for _, key := range []failing{{connection, ""}, {connection, network}} {
		if f.counts[key]--; f.counts[key] <= 0 {
			delete(f.counts, key)
		}
	}
}
