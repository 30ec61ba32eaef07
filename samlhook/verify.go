package samlhook

import (
	"runtime"
	"time"

	"rollcall/directory"
	"rollcall/internal/fair"
	"rollcall/internal/remote"
	"rollcall/samlhook/saml"
)

// newVerifier shares the processors between those whose messages are judged: connections take turns, and within one the
// networks that send to it. So what one is sent delays another by one message, not by their number.
func newVerifier() *fair.Scheduler {
	return fair.New(fair.Options{Slots: max(2, runtime.GOMAXPROCS(0))})
}

// verify judges the message by the connection as it is on the snapshot.
func (a *attempt) verify(s *directory.Snapshot, connection *directory.Resource) error {
	a.verification, a.verdict = verification{}, verdict{}
	var err error
	if a.loaded, err = a.load(s, a.org, connection); err != nil {
		return err
	}
	if a.trial != nil && a.trial.test {
		if err := a.byDraft(s, connection); err != nil {
			return err
		}
	}
	if a.trial != nil && a.trial.assertion != nil {
		a.response = &saml.Response{Verified: true, Assertion: a.trial.assertion}
		return nil
	}
	turn := a.verifier.Begin(fair.Owner{Organization: a.org + "/" + a.connection.String(),
		Credential: remote.Network(a.r.RemoteAddr)})
	defer turn.End()
	if err := turn.Spend(a.r.Context(), fair.Slice); err != nil {
		return errUnavailable // whoever sent it is gone
	}
	started := time.Now()
	a.response, a.refused = a.judge()
	a.metrics.verifications.Observe(time.Since(started).Seconds())
	if a.refused == nil {
		a.refused = a.loaded.usable()
	}
	if a.trial != nil && a.refused != nil && a.refused.Reason == ReasonConnectionDisabled {
		a.refused = nil // a trial says so at the end
	}
	if !a.response.Verified {
		a.refusal = a.refused
		return errNotRecorded
	}
	return nil
}

// judge verifies the message. Those that are encrypted with CBC are counted (cbctries.go), unless a key of the identity
// provider vouches for what they turn out to be.
func (a *attempt) judge() (*saml.Response, *saml.Refusal) {
	c := *a.loaded.Connection
	c.Used = func(id string) *saml.Refusal {
		if a.used.has(a.connection, id, a.at) && !a.isDryRun() {
			return usedBefore()
		}
		return nil
	}
	var tried [][]byte
	c.TryCBC = func(secret []byte) bool {
		if !a.tries.begin(secret, a.at) {
			return false
		}
		tried = append(tried, secret)
		return true
	}
	response, refusal := c.Verify(a.post.Message, a.at)
	if response.Verified {
		for _, secret := range tried {
			a.tries.succeed(secret)
		}
	}
	return response, refusal
}
