package samlhook

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"

	"rollcall/samlhook/saml"
)

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page is what the templates show; each uses a part of it.
type page struct {
	Heading      string
	Text         string
	Organization string
	Correlation  string // shown where there is something to find
	Logged       bool   // what it finds is in the log alone
	Again        choice // where to go from an error; none where URL is empty
	Nonce        string // of style and script; set by show

	Choices []choice  // choose
	Form    saml.Form // post
	Person  person    // confirm, me
	Action  string
	Code    string

	// formTargets are origins beside our own that a form may lead to; any is for a
	// form that posts to an identity provider, which may send it on anywhere.
	formTargets string
}

const anyTarget = "*"

type choice struct{ Name, URL string }

// person is what a page says about who is signed in.
type person struct {
	Name, UserName, Email string
	Groups                []string
	MoreGroups            bool
}

// show writes a page. Scripts do not run on it, but for the one that carries the
// nonce; no other site may frame it, and nobody may keep it.
func (x *exchange) show(status int, name string, p page) {
	nonce := make([]byte, 16)
	rand.Read(nonce)
	p.Nonce = base64.RawURLEncoding.EncodeToString(nonce)
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name+".html", p); err != nil {
		x.log.Error("write a page", "page", name, "error", err)
		status = http.StatusInternalServerError
		body.Reset()
		body.WriteString(http.StatusText(status))
	}
	policy := "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-" + p.Nonce + "'"
	if p.Form.Action != "" {
		policy += "; script-src 'nonce-" + p.Nonce + "'"
	}
	if p.formTargets != anyTarget {
		policy += "; form-action 'self'"
		if p.formTargets != "" {
			policy += " " + p.formTargets
		}
	}
	h := x.w.Header()
	x.secureHeaders()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	x.answer(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body.Bytes()) // a browser that is gone needs no page
	}
}

// secureHeaders are for every answer of ours. Not "no-referrer": with that browsers
// send "Origin: null" with our own forms.
func (x *exchange) secureHeaders() {
	h := x.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
}

func (x *exchange) answer(status int) {
	x.status = status
	x.w.WriteHeader(status)
}

// redirect sends the browser on by GET.
func (x *exchange) redirect(location string) {
	x.secureHeaders()
	x.w.Header().Set("Location", location)
	x.answer(http.StatusSeeOther)
}
