package samlhook

import (
	"errors"
	"net/url"
	"strings"

	"rollcall/directory/schema"
	"rollcall/internal/bodies"
	"rollcall/internal/remote"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// acs is the assertion consumer service: it takes the identity provider's answer, verifies it, decides, and commits the
// whole sign-in as one transaction. Then the browser goes on to finish, because this request came from another site and
// brought none of our cookies.
func (x *exchange) acs() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	connection, err := s.Get(schema.IdentityProviderType, x.connection)
	if err != nil {
		return err
	}
	body := x.bodies.Within(x.w, x.r, remote.Network(x.r.RemoteAddr))
	defer body.Release()
	a := &attempt{exchange: x, at: x.now()}
	post, err := saml.ReadPost(x.r, 0, a.look(s, connection))
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		var checks []saml.Check
		if a.response != nil {
			checks = a.response.Checks
		}
		return x.unverified(connection.Display(), refusal, checks)
	}
	if errors.Is(err, bodies.ErrFull) {
		return errUnavailable
	}
	if err != nil {
		return errBadMessage
	}

	// An answer to a test request ends here.
	if strings.HasPrefix(post.RelayState, testState) {
		if l, err := x.load(s, x.org, connection); err == nil && l.testRequest(post.RelayState, x.now()) {
			if is, err := x.endTest(s, connection, post); is {
				return err
			}
		}
	}

	// Judge, commit, and count what came of it.
	a.post, a.at = post, x.now()
	err = a.settle(s, connection)
	if errors.Is(err, errIsTest) {
		_, err := x.endTest(s, connection, post)
		return err
	}
	if errors.Is(err, errNotRecorded) {
		err = x.unverified(connection.Display(), a.refusal, a.response.Checks)
		a.describeUnvouched(x.unvouched)
		return err
	}
	if err != nil {
		return err
	}
	x.recorded = true
	if a.refusal != nil {
		x.count(OutcomeRefused, a.refusal.Reason)
		return a.refusal
	}
	x.count(a.decision.Outcome, a.decision.Reason)
	return a.handOver()
}

// handOver sends the browser to finish with a code and a cookie that belong together.
func (a *attempt) handOver() error {
	binding := randomToken()
	o := handOver{ID: randomToken(), User: a.user, Epoch: a.epoch, Expires: a.at.Add(codeLifetime),
		Binding: hashOf(binding), SessionEnd: a.response.Assertion.SessionNotOnOrAfter, Correlation: a.id}
	if id := a.response.Assertion.InResponseTo; id != "" {
		request, refusal := a.loaded.requests.check(a.loaded.Connection.ID, id, a.at)
		if refusal != nil {
			return refusal
		}
		o.Request, o.Claimant = request.Nonce, a.claimant
	} else if len(a.post.RelayState) <= maxTarget {
		o.Target = a.post.RelayState
	}
	lasts := codeLifetime
	if o.Claimant != nil { // who reads a page first
		lasts = claimConfirmation
		o.Expires = a.at.Add(lasts)
	}
	code, err := a.loaded.requests.sealCode(a.loaded.Connection.ID, o)
	if err != nil {
		return err
	}
	a.setCookie(web.FinishCookie(a.secure, o.ID), binding, lasts)
	a.redirect(a.urls(a.org, a.connection).Finish + "?code=" + url.QueryEscape(code))
	return nil
}
