package samlhook

import (
	"cmp"
	"net/http"
	"net/url"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
)

// choice is one way to sign in.
type choice struct{ Name, URL string }

// askPage is what ask.html shows: a form for the e-mail address.
type askPage struct {
	web.Brand
	Organization string  // empty on the page of the whole service
	Last         *choice // where this browser signed in last; nil if nowhere
	Choices      []choice
	Action       string // of the form
	Target       string
	Unknown      string // the domain that nobody has; empty before anybody asked
	Invalid      bool   // what was typed is no address
}

// choose is the organization's login page. It sends the person on to the only connection; with several, it asks for the
// e-mail address.
func (x *exchange) choose() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	target := x.r.URL.Query().Get("target")
	if x.r.Method == http.MethodPost {
		target = x.formValue("target")
	}
	if _, ok := x.target(target, s.Organization()); !ok {
		return errTarget
	}
	page := askPage{Brand: x.brand(s), Organization: displayOrganization(s),
		Action: x.organizationURL(x.org) + "/login", Target: target}
	choices := x.choices(s, target)
	switch {
	case len(choices) == 0:
		return noConnection(page.Organization)
	case x.r.Method == http.MethodPost:
		return x.byDomain(s, page)
	case len(choices) == 1:
		x.redirect(choices[0].URL)
		return nil
	}
	page.Last = x.last(choices)
	x.show(http.StatusOK, "ask", page, web.Policy{})
	return nil
}

// choices are the connections that are enabled and have an identity provider, the oldest first.
func (x *exchange) choices(s *directory.Snapshot, target string) []choice {
	var choices []choice
	for r := range s.All(schema.IdentityProviderType) {
		if !readStanding(r).counts {
			continue
		}
		c := choice{cmp.Or(r.Display(), r.ID.String()), x.urls(x.org, r.ID).Login}
		if target != "" {
			c.URL += "?target=" + url.QueryEscape(target)
		}
		choices = append(choices, c)
	}
	return choices
}
