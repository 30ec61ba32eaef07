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
	id, request := l.requests.issue(l.Connection.ID, now.Add(loginLifetime))
	state := loginState{Request: request.Nonce, Target: target, Expires: request.Expires.Unix()}
	x.setLogins(l.requests, x.logins(l.requests).add(state, now))
	if l.Binding == saml.BindingPost {
		return x.sendForm(l, id, request.Nonce, now)
	}
	location, err := l.RedirectURL(id, request.Nonce, now)
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
	x.show(http.StatusOK, "post", form, web.Policy{Scripts: true, AnyFormTarget: true})
	return nil
}
