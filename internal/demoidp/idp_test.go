package demoidp_test

import (
	"context"
	"crypto/rand"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/demoidp"
	"rollcall/samlhook/saml"
)

// testRelay is the RelayState of every request.
const testRelay = "relay&state"

// serviceProvider is as much of one as a sign-in needs: login sends people off, acs verifies what comes back.
type serviceProvider struct {
	url        string
	connection *saml.Connection
	request    string // the id of the last one

	response *saml.Response
	refusal  *saml.Refusal
	relay    string
}

func start(t *testing.T, binding string) (*demoidp.IdP, *serviceProvider, string) {
	t.Helper()
	idpMux := http.NewServeMux()
	idpServer := httptest.NewServer(idpMux)
	t.Cleanup(idpServer.Close)
	idp, err := demoidp.New(idpServer.URL, demoidp.People())
	if err != nil {
		t.Fatal(err)
	}
	idpMux.Handle("/", idp.Handler())

	sp := &serviceProvider{}
	spMux := http.NewServeMux()
	spServer := httptest.NewServer(spMux)
	t.Cleanup(spServer.Close)
	sp.url = spServer.URL

	published, err := demoidp.NewBrowser(nil).Get(t.Context(), idp.EntityID())
	if err != nil {
		t.Fatal(err)
	}
	metadata, refusal := saml.ParseMetadata([]byte(published.Body), time.Now())
	if refusal != nil {
		t.Fatal(refusal)
	}
	if len(metadata.Certificates) != 1 || len(metadata.Warnings) != 0 || strings.Contains(published.Body, "transient") {
		t.Fatalf("metadata = %+v\n%s", metadata, published.Body)
	}
	sp.connection = &saml.Connection{
		ID: "c1", EntityID: sp.url + "/metadata", ACSURL: sp.url + "/acs",
		IdPEntityID: metadata.EntityID, SSOURL: metadata.SSOURLs[binding], Certificates: metadata.Certificates,
		CheckRequest: func(id string, _ time.Time) (time.Time, *saml.Refusal) {
			if id != sp.request {
				return time.Time{}, saml.Refuse(saml.ReasonRequestUnknown)
			}
			return time.Now(), nil
		},
	}
	ours, err := sp.connection.SPMetadata()
	if err != nil {
		t.Fatal(err)
	}
	if err := idp.Trust(ours); err != nil {
		t.Fatal(err)
	}
	spMux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { sp.login(t, w, r, binding) })
	spMux.HandleFunc("/acs", sp.acs)
	return idp, sp, idpServer.URL
}

func (sp *serviceProvider) login(t *testing.T, w http.ResponseWriter, r *http.Request, binding string) {
	sp.request = "_" + rand.Text()
	if binding == saml.BindingRedirect {
		location, err := sp.connection.RedirectURL(sp.request, testRelay, time.Now())
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, location, http.StatusFound)
		return
	}
	form, err := sp.connection.PostForm(sp.request, testRelay, time.Now())
	if err != nil {
		t.Error(err)
	}
	w.Write([]byte(`<form method="post" action="` + form.Action + `"><input type="hidden" name="SAMLRequest" value="` +
		form.SAMLRequest + `"><input type="hidden" name="RelayState" value="` + html.EscapeString(form.RelayState) +
		`"></form>`))
}

func (sp *serviceProvider) acs(w http.ResponseWriter, r *http.Request) {
	post, err := saml.ReadPost(r, 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sp.relay = post.RelayState
	sp.response, sp.refusal = sp.connection.Verify(post.Message, time.Now())
	w.Write([]byte("landed"))
}

func TestSignIn(t *testing.T) {
	for name, binding := range map[string]string{"redirect": saml.BindingRedirect, "POST": saml.BindingPost} {
		t.Run(name, func(t *testing.T) {
			_, sp, _ := start(t, binding)
			page, err := demoidp.NewBrowser(nil).SignIn(t.Context(), sp.url+"/login", "alice")
			if err != nil {
				t.Fatal(err)
			}
			if page.Body != "landed" || page.Status != http.StatusOK {
				t.Fatalf("ended at %s: %d %s", page.URL, page.Status, page.Body)
			}
			if sp.refusal != nil {
				t.Fatalf("refused: %v\n%+v", sp.refusal, sp.response.Checks)
			}
			a := sp.response.Assertion
			if a.NameID != "alice@example.com" || !strings.HasSuffix(a.NameIDFormat, ":persistent") ||
				!sp.response.ResponseSigned {
				t.Errorf("assertion = %+v", a)
			}
			if a.InResponseTo != sp.request || sp.relay != testRelay {
				t.Errorf("RelayState %q, InResponseTo %q", sp.relay, a.InResponseTo)
			}
			id, refusal := saml.MapIdentity(a, saml.AttributeMapping{})
			if refusal != nil || id.GivenName != "Alice" || id.FamilyName != "Archer" ||
				id.Email != "alice@example.com" ||
				len(id.Unmatched) != 0 {
				t.Errorf("identity = %+v, %v", id, err)
			}
		})
	}
}

func TestPeople(t *testing.T) {
	idp, sp, _ := start(t, saml.BindingRedirect)
	signIn := func(user string) saml.Identity {
		t.Helper()
		if _, err := demoidp.NewBrowser(nil).SignIn(t.Context(), sp.url+"/login", user); err != nil {
			t.Fatal(err)
		}
		if sp.refusal != nil {
			t.Fatal(sp.refusal)
		}
		id, refusal := saml.MapIdentity(sp.response.Assertion, saml.AttributeMapping{})
		if refusal != nil {
			t.Fatal(refusal)
		}
		return id
	}
	if id := signIn("bob"); id.RequireNames() != nil || id.FamilyName != "Baker" {
		t.Errorf("bob = %+v", id)
	}
	carol := signIn("carol")
	if refusal := carol.RequireNames(); refusal == nil || len(carol.Missing) != 1 ||
		carol.Missing[0].Attribute != "lastName" {
		t.Errorf("carol: %v", refusal)
	}
	idp.SetPeople([]demoidp.Person{{Login: "dan", NameID: "dan@example.com",
		Attributes: []demoidp.Attribute{{Name: "groups", Values: []string{"A", "B & C"}}}}})
	if id := signIn("dan"); strings.Join(id.Groups, "|") != "A|B & C" {
		t.Errorf("dan = %+v", id)
	}
	if _, err := demoidp.NewBrowser(nil).SignIn(t.Context(), sp.url+"/login", "alice"); err == nil ||
		!strings.Contains(err.Error(), `does not know "alice"`) {
		t.Errorf("alice, who left: %v", err)
	}
}

func TestIdPInitiated(t *testing.T) {
	_, sp, idpURL := start(t, saml.BindingRedirect)
	address := idpURL + "/start?sp=" + sp.connection.EntityID
	signIn := func() {
		t.Helper()
		if _, err := demoidp.NewBrowser(nil).SignIn(t.Context(), address, "alice"); err != nil {
			t.Fatal(err)
		}
	}
	signIn()
	if sp.refusal == nil || sp.refusal.Reason != saml.ReasonIdPInitiated {
		t.Errorf("IdP-initiated sign-in by default: %v", sp.refusal)
	}
	sp.connection.AllowIdPInitiated = true
	signIn()
	if sp.refusal != nil || sp.response.Assertion.InResponseTo != "" {
		t.Errorf("IdP-initiated sign-in where allowed: %v", sp.refusal)
	}
}

func TestStrangers(t *testing.T) {
	idp, sp, idpURL := start(t, saml.BindingRedirect)
	stranger := *sp.connection
	stranger.EntityID = "https://stranger.example.com"
	location, err := stranger.RedirectURL("_r", "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	page, err := demoidp.NewBrowser(nil).Get(context.Background(), location)
	if err != nil || page.Status != http.StatusBadRequest {
		t.Errorf("a request of a stranger: %+v, %v", page, err)
	}
	if err := idp.Trust([]byte("<x/>")); err == nil {
		t.Error("trusted something that is no metadata")
	}
	ours, err := idp.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	if err := idp.Trust(ours); err == nil {
		t.Error("trusted an identity provider as a service provider")
	}
	for _, base := range []string{"", "127.0.0.1:1", "http://x/path", "http://x?y"} {
		if _, err := demoidp.New(base, nil); err == nil {
			t.Errorf("New(%q) succeeded", base)
		}
	}
	page, err = demoidp.NewBrowser(nil).Get(context.Background(), idpURL+"/start?sp=none")
	if err != nil || page.Status != http.StatusOK || !strings.Contains(page.Body, `name="user" value="carol"`) {
		t.Errorf("login form = %+v, %v", page, err)
	}
	if policy := page.Header.Get("Content-Security-Policy"); strings.Contains(policy, "script-src") ||
		!strings.Contains(policy, "form-action 'self'") {
		t.Errorf("policy of the login form: %s", policy)
	}
}

// The page that posts the response has a policy, and a script that it allows.
func TestResponsePage(t *testing.T) {
	_, sp, idpURL := start(t, saml.BindingRedirect)
	b := demoidp.NewBrowser(nil)
	page, err := b.Post(t.Context(), idpURL+"/start?sp="+sp.connection.EntityID, url.Values{"user": {"alice"}})
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile(`<script src="(/assets/[^"]+)" defer></script>`).FindStringSubmatch(page.Body)
	if script == nil || !strings.Contains(page.Header.Get("Content-Security-Policy"), "script-src 'self'") ||
		page.Header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%v\n%s", page.Header, page.Body)
	}
	if asset, err := b.Get(t.Context(), idpURL+script[1]); err != nil || asset.Status != http.StatusOK {
		t.Errorf("the script: %+v, %v", asset, err)
	}
}
