package samlhook

import (
	"net/http"
	"time"

	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// loginLifetime is how long a person may take at the identity provider.
const loginLifetime = 15 * time.Minute

// login sends the person to the identity provider. It writes nothing to the store,
// because anybody may call it: what finish has to know is in a sealed cookie.
func (x *exchange) login() error {
	s, l, err := x.ready()
	if err != nil {
		return err
	}
	if refusal := l.usable(); refusal != nil {
		x.note(OutcomeRefused, refusal)
		return refusal
	}
	asked := x.r.URL.Query().Get("target")
	if _, ok := x.target(asked, s.Organization()); !ok {
		return errTarget
	}
	now := x.now()
	id, request := l.requests.New(l.Connection.ID, now.Add(loginLifetime))
	send := func() error {
		location, err := l.RedirectURL(id, request.Nonce, now)
		if err == nil {
			x.redirect(location)
		}
		return err
	}
	if l.Binding == saml.BindingPost {
		send = func() error {
			form, err := l.PostForm(id, request.Nonce, now)
			if err == nil {
				x.show(http.StatusOK, "post", form, web.Policy{Scripts: true, AnyFormTarget: true})
			}
			return err
		}
	}
	x.setCookie(request.CookieName(), l.requests.SealLogin(Login{Request: id, Target: asked, Expires: request.Expires}), x.finishPath(), loginLifetime)
	return send()
}
