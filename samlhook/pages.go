package samlhook

import (
	"embed"
	"net/http"

	"rollcall/internal/web"
)

//go:embed pages words
var pageFiles embed.FS

// link leads somewhere under a text of the catalogue.
type link struct{ Text, URL string }

// notice is a page that says something and, where Next is not nil, what to do about it. Its texts are {Kind}.title and
// {Kind}.text.
type notice struct {
	Kind   string
	Values map[string]any // of the placeholders in its text
	Next   *link

	Correlation  string // shown where there is something to find
	Logged       bool   // what it finds is in the log alone
	Organization string // whose administrators can help
}

// person is what a page says about who is signed in.
type person struct {
	Name, UserName, Email string
	Groups                []string
	MoreGroups            bool
}

// show writes a page. It is the only answer of its request.
func (x *exchange) show(status int, page string, data any, policy web.Policy) {
	x.status = status
	if err := x.pages.Write(x.w, x.r, status, page, data, policy); err != nil {
		x.log.Error("write a page", "page", page, "error", err)
		x.status = http.StatusInternalServerError
		web.Secure(x.w.Header())
		http.Error(x.w, http.StatusText(x.status), x.status)
	}
}

// redirect sends the browser on by GET.
func (x *exchange) redirect(location string) {
	web.Secure(x.w.Header())
	x.w.Header().Set("Location", location)
	x.answer(http.StatusSeeOther)
}

func (x *exchange) answer(status int) {
	x.status = status
	x.w.WriteHeader(status)
}
