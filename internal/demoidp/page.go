package demoidp

import (
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/crewjam/saml"
)

const style = `<meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
	`<style>body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#222}input,button{font:inherit;padding:.4rem .6rem}.error{color:#a00}</style>`

var loginPage = template.Must(template.New("login").Parse(`<!DOCTYPE html><html lang="en"><head>` + style + `<title>Demo identity provider</title></head><body>
<h1>Demo identity provider</h1>
{{if .Unknown}}<p class="error">There is no {{.Unknown}} here.</p>{{end}}
<form method="post" id="login">
<input type="hidden" name="SAMLRequest" value="{{.Request}}">
<input type="hidden" name="RelayState" value="{{.RelayState}}">
<label>User name <input name="user" autofocus required autocomplete="off"></label>
<button>Sign in</button>
</form>
<p>No password is asked. People: {{range $i, $p := .People}}{{if $i}}, {{end}}{{$p.Login}}{{end}}.</p>
</body></html>
`))

// responsePage posts the response on; without scripts a button does.
var responsePage = template.Must(template.New("response").Parse(`<!DOCTYPE html><html lang="en"><head>` + style + `<title>Signing in</title></head><body>
<form method="post" action="{{.URL}}" id="response">
<input type="hidden" name="SAMLResponse" value="{{.SAMLResponse}}">
<input type="hidden" name="RelayState" value="{{.RelayState}}">
<noscript><p>Scripts are off, please go on by hand.</p></noscript>
<button>Continue</button>
</form>
<script>document.getElementById('response').submit()</script>
</body></html>
`))

func (idp *IdP) writeLogin(w http.ResponseWriter, req *saml.IdpAuthnRequest, unknown string) {
	idp.mu.RLock()
	people := idp.people
	idp.mu.RUnlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Frame-Options", "DENY")
	if unknown != "" {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	// The request came deflated or not; it goes back the way a POST has it. The page
	// posts to its own address, with its query, which the POST binding ignores.
	err := loginPage.Execute(w, map[string]any{
		"Request": base64.StdEncoding.EncodeToString(req.RequestBuffer), "RelayState": req.RelayState, "People": people, "Unknown": unknown,
	})
	if err != nil {
		idp.saml.Logger.Printf("write the login page: %v", err)
	}
}
