package samlhook

import (
	"net/http"
	"time"

	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// loginLifetime is how long a person may take at the identity provider.
const loginLifetime = 15 * time.Minute

// login sends the person to the identity provider. It writes nothing to the store, because anybody may call it: what
// finish has to know is in a sealed cookie.
func (x *exchange) login() error {
	s, l, err := x.ready()
	if err != nil {
		return err
	}
	if asked := x.r.URL.Query().Get("test"); asked != "" {
		return x.beginTest(l, asked)
	}
	if refusal := l.usable(); refusal != nil {
		x.count(OutcomeRefused, refusal.Reason)
		return refusal
	}
	query := x.r.URL.Query()
	target, claim := query.Get("target"), query.Get("claim")
	if _, ok := x.target(target, s.Organization()); !ok {
		return errTarget
	}
	if claim != "" {
		if _, err := x.openClaim(l.requests, claim); err != nil {
			return err
		}
	}
	id, nonce, now := x.begin(l, start{target: target, claim: claim})
	return x.send(l, id, nonce, now)
}

// send takes a request to the identity provider.
func (x *exchange) send(l *loaded, id, relayState string, now time.Time) error {
	if l.Binding == saml.BindingPost {
		return x.sendForm(l, id, relayState, now)
	}
	location, err := l.RedirectURL(id, relayState, now)
	if err != nil {
		return err
	}
	x.redirect(location)
	return nil
}

// start is what a sign-in begins with.
type start struct {
	target string // where to go afterwards
	claim  string // token of a claim
}

// begin makes a request to the identity provider, and has the browser keep what finish will need.
func (x *exchange) begin(l *loaded, s start) (id, nonce string, now time.Time) {
	now = x.now()
	use := forSession
	if s.claim != "" {
		use = forClaim
	}
	id, request := l.requests.issue(use, l.Connection.ID, now.Add(loginLifetime))
	state := loginState{Request: request.Nonce, Target: s.target, Expires: request.Expires.Unix(), Claim: s.claim}
	x.setLogins(l.requests, x.logins(l.requests).add(state, now))
	return id, request.Nonce, now
}

// sendForm shows a page whose form posts the request.
func (x *exchange) sendForm(l *loaded, id, relayState string, now time.Time) error {
	form, err := l.PostForm(id, relayState, now)
	if err != nil {
		return err
	}
	x.show(http.StatusOK, "post", postPage{x.brandFor(http.StatusOK), form},
		web.Policy{Scripts: true, AnyFormTarget: true})
	return nil
}

// postPage is what post.html shows.
type postPage struct {
	web.Brand
	saml.Form
}
