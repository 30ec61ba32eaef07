package samlhook

import (
	"net/http"
	"net/url"
	"time"

	"rollcall/directory"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// loginLifetime is how long a person may take at the identity provider.
const loginLifetime = 15 * time.Minute

// metadata serves our metadata towards the connection.
func (x *exchange) metadata() error {
	_, l, err := x.ready()
	if err != nil {
		return err
	}
	body, err := l.SPMetadata()
	if err != nil {
		return err
	}
	h := x.w.Header()
	web.Secure(h)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("Content-Disposition", `inline; filename="rollcall-`+x.connection.String()+`.xml"`)
	x.answer(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // who is gone needs no metadata
	}
	return nil
}

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

// choosePage is what choose.html shows.
type choosePage struct {
	Organization string
	Choices      []choice
}

// choice is one way to sign in.
type choice struct{ Name, URL string }

// choose serves the organization's login page: on to the only connection or the
// default one, else a question.
func (x *exchange) choose() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	asked := x.r.URL.Query().Get("target")
	if _, ok := x.target(asked, s.Organization()); !ok {
		return errTarget
	}
	var choices []choice
	for r := range s.All(typeConnection) {
		if !directory.Enabled(r.JSON) {
			continue
		}
		c := choice{displayOf(r, "id"), x.urls(x.org, r.ID).Login}
		if asked != "" {
			c.URL += "?target=" + url.QueryEscape(asked)
		}
		if r.Text("default") == "true" {
			choices = []choice{c}
			break
		}
		choices = append(choices, c)
	}
	organization := displayOf(s.Organization(), "name")
	switch len(choices) {
	case 0:
		return noConnection(organization)
	case 1:
		x.redirect(choices[0].URL)
		return nil
	}
	x.show(http.StatusOK, "choose", choosePage{Organization: organization, Choices: choices}, web.Policy{})
	return nil
}
