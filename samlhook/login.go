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
	target := x.r.URL.Query().Get("target")
	if _, ok := x.target(target, s.Organization()); !ok {
		return errTarget
	}

	// The browser keeps what finish will need, and takes the request to the identity provider.
	now := x.now()
	id, request := l.requests.issue(l.Connection.ID, now.Add(loginLifetime), false)
	state := loginState{Request: request.Nonce, Target: target, Expires: request.Expires.Unix()}
	x.setLogins(l.requests, x.logins(l.requests).add(state, now))
	return x.send(l, id, request.Nonce, now)
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
