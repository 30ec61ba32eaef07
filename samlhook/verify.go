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
	turn := a.turn()
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

// turn is the message's among those of its connection and its network.
func (a *attempt) turn() *fair.Task {
	return a.verifier.Begin(fair.Owner{Organization: a.org + "/" + a.connection.String(),
		Credential: remote.Network(a.r.RemoteAddr)})
}

// judge verifies the message. Those that are encrypted with CBC are counted (cbctries.go), unless a key of the identity
// provider vouches for what they turn out to be.
func (a *attempt) judge() (*saml.Response, *saml.Refusal) {
	c := a.judging(a.loaded)
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

// judging is a connection that knows which messages this node has seen used up.
func (a *attempt) judging(l *loaded) saml.Connection {
	c := *l.Connection
	c.Used = func(id string) *saml.Refusal {
		if a.used.has(a.connection, id, a.at) && !a.isDryRun() {
			return usedBefore()
		}
		return nil
	}
	return c
}

// look judges a large message while it comes, so that nobody has us read a megabyte that no key of the connection
// signed. What a draft, or a refresh of the metadata, may judge otherwise is read to its end.
func (a *attempt) look(s *directory.Snapshot, connection *directory.Resource) saml.Look {
	return func(head []byte) (enough bool, refusal *saml.Refusal) {
		l, err := a.load(s, a.org, connection)
		if err != nil {
			return true, nil
		}
		if draft, err := s.Draft(connection); err != nil || draft != nil {
			return true, nil
		}
		turn := a.turn()
		defer turn.End()
		if err := turn.Spend(a.r.Context(), fair.Slice); err != nil {
			return true, nil // whoever sends it is gone
		}
		c := a.judging(l)
		checks, enough, refusal := c.JudgeHead(head, a.at)
		if refusal != nil && a.mayRefresh(s, connection, refusal) {
			return true, nil
		}
		a.response = &saml.Response{Checks: checks}
		return enough, refusal
	}
}
