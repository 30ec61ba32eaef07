package samlhook

import (
	"net/http"
	"net/url"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
)

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
	for r := range s.All(schema.IdentityProviderType) {
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
