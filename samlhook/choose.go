package samlhook

import (
	"cmp"
	"net/http"
	"net/url"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
)

// choosePage is what choose.html shows.
type choosePage struct {
	web.Brand
	Organization string
	Choices      []choice
}

// choice is one way to sign in.
type choice struct{ Name, URL string }

// choose is the organization's login page: it sends the person on to the only connection or the default one, or asks.
func (x *exchange) choose() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	target := x.r.URL.Query().Get("target")
	if _, ok := x.target(target, s.Organization()); !ok {
		return errTarget
	}
	organization := displayOrganization(s)
	switch choices := x.choices(s, target); len(choices) {
	case 0:
		return noConnection(organization)
	case 1:
		x.redirect(choices[0].URL)
	default:
		x.show(http.StatusOK, "choose", choosePage{Brand: x.brand(s), Organization: organization,
			Choices: choices}, web.Policy{})
	}
	return nil
}

// choices are the enabled connections, or the default one among them alone.
func (x *exchange) choices(s *directory.Snapshot, target string) []choice {
	var choices []choice
	for r := range s.All(schema.IdentityProviderType) {
		if !directory.Enabled(r.JSON) {
			continue
		}
		c := choice{cmp.Or(r.Display(), r.ID.String()), x.urls(x.org, r.ID).Login}
		if target != "" {
			c.URL += "?target=" + url.QueryEscape(target)
		}
		if r.Text("default") == "true" {
			return []choice{c}
		}
		choices = append(choices, c)
	}
	return choices
}
