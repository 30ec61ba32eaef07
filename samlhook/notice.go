package samlhook

import (
	"cmp"
	"net/http"

	"rollcall/directory"
	"rollcall/internal/web"
)

// notice is what notice.html shows: it says something and, if Next is not nil, offers what to do about it. Its texts
// are {Words}.title and {Words}.text.
type notice struct {
	web.Brand
	Kind   string // what kind of page it is
	Words  string
	Values map[string]any // of the placeholders in its text
	Next   *link
	Ask    string // key of the text above the number

	Correlation  string // empty if there is nothing to find
	Organization string // whose administrators can help
}

// link leads somewhere, under a text of the catalogue.
type link struct{ Text, URL string }

// fail writes the page of an error.
func (x *exchange) fail(err error) {
	if x.status != 0 {
		return // the reply is on its way; the log has the error
	}
	f := translate(err)
	if !f.untraced && !x.explain(err, f) {
		f = errTooOften
	}
	if f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests {
		x.w.Header().Set("Retry-After", "5")
	}
	n := notice{Kind: f.kind, Words: cmp.Or(f.words, f.kind), Ask: cmp.Or(f.ask, "help"), Values: f.values,
		Next: x.offer(f.next)}
	if !f.untraced {
		n.Correlation, n.Organization = x.id, x.organizationName(f.status)
		n.Brand = x.brandFor(f.status)
	}
	x.show(f.status, "notice", n, web.Policy{})
}

// offer is the link of a next step; nil if there is none.
func (x *exchange) offer(step nextStep) *link {
	l := &link{"signInAgain", x.organizationURL(x.org) + "/login"}
	switch {
	case step == noStep:
		return nil
	case step == startAgain:
		l.Text = "startAgain"
		if !x.connection.IsZero() {
			l.URL = x.urls(x.org, x.connection).Login
		}
	}
	return l
}

// organizationName is the organization's name to show. While the store does not answer, that is the one read last; the
// name in URLs if this node has read none.
func (x *exchange) organizationName(status int) string {
	if status >= http.StatusInternalServerError {
		if name, ok := x.shown.Load(x.org); ok {
			return name.(string)
		}
		return x.org
	}
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil || s.Organization() == nil {
		return x.org
	}
	return displayOrganization(s)
}

// displayOrganization is the name of the snapshot's organization to show.
func displayOrganization(s *directory.Snapshot) string {
	return cmp.Or(s.Organization().Display(), s.Organization().Text("name"))
}
