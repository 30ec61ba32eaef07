package demoidp

import (
	"embed"
	"encoding/base64"
	"net/http"

	"github.com/crewjam/saml"

	"rollcall/internal/web"
)

//go:embed pages words
var pageFiles embed.FS

var pages = web.MustParse(pageFiles)

// loginPage is what login.html shows.
type loginPage struct {
	SAMLRequest, RelayState string // go back with the form
	Unknown                 string // what was typed and belongs to nobody
	People                  []string
	web.Brand
}

// writeLogin asks who signs in. The request came deflated or not; it goes back the way a POST has it. The page posts to
// its own address, with its query, which the POST binding ignores.
func (idp *IdP) writeLogin(w http.ResponseWriter, req *saml.IdpAuthnRequest, unknown string) {
	idp.mu.RLock()
	logins := make([]string, 0, len(idp.people))
	for _, p := range idp.people {
		logins = append(logins, p.Login)
	}
	idp.mu.RUnlock()
	status := http.StatusOK
	if unknown != "" {
		status = http.StatusUnprocessableEntity
	}
	page := loginPage{SAMLRequest: base64.StdEncoding.EncodeToString(req.RequestBuffer), RelayState: req.RelayState,
		Unknown: unknown, People: logins, Brand: web.Brand{Name: "Demo IdP"}}
	if err := pages.Write(w, req.HTTPRequest, status, "login", page, web.Policy{}); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// responseHeaders sets the headers of the page that posts the response: the library writes the page and sets none. The
// login page sets its own.
func responseHeaders(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		web.Secure(h)
		web.Policy{Scripts: true, AnyFormTarget: true}.Set(h)
		h.Set("Content-Type", "text/html; charset=utf-8")
		next(w, r)
	}
}
