package samlhook

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/internal/chromium"
	"rollcall/internal/demoidp"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// A real browser does the whole sign-in, with an identity provider on another site (localhost beside 127.0.0.1), so
// that SameSite and the Content-Security-Policy count.
func TestChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t)
	handlers := http.NewServeMux()
	server := httptest.NewServer(handlers)
	t.Cleanup(server.Close)
	idp, err := demoidp.New(strings.Replace(server.URL, "127.0.0.1", "localhost", 1), demoidp.People())
	if err != nil {
		t.Fatal(err)
	}
	user := "alice"
	handlers.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sso" { // types the user name
			form := url.Values{}
			if err := r.ParseForm(); err == nil && r.Method == http.MethodPost {
				form = r.PostForm
			}
			form.Set("user", user)
			r.PostForm = form
			r.Form = nil
		}
		idp.Handler().ServeHTTP(w, r)
	})
	metadata, err := idp.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	connection, err := s.configure(schema.Document{"displayName": "Demo", "metadataXml": string(metadata),
		"jit": map[string]any{"enabled": true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := idp.Trust([]byte(s.browser().get(s.hook.urls("default", connection).Metadata).Body)); err != nil {
		t.Fatal(err)
	}
	login := s.url + "/orgs/default/login"
	browser := chromium.Start(t)
	open := func(name, address, selector string) string {
		t.Helper()
		return browser.Tab(t, chromium.View{}).Open(name, address, selector)
	}

	page := open("landing", login, "#me")
	if !strings.Contains(page, "Alice Archer") || !strings.Contains(page, `/orgs/default/sign-out"`) {
		t.Errorf("redirect binding ended at:\n%s", page)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("binding", "post"))
	open("landing-post", login, "#me")

	// With a second connection, the form with the e-mail address leads to the identity provider, by either binding.
	second := s.own(schema.Document{"displayName": "Second"})
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, changed("domains",
		[]any{map[string]any{"value": "corp.example", "verified": true}}))
	typing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s"><input name="email" value="x@corp.example"></form>`+
			`<script>document.forms[0].submit()</script>`, login)
	}))
	t.Cleanup(typing.Close)
	for _, binding := range []string{"redirect", "post"} {
		s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
			doc["binding"], doc["domains"] = binding, []any{"corp.example"}
		})
		open("routed-"+binding, typing.URL, "#me")
	}
	s.remove(schema.IdentityProviderType, second)

	user = "carol"
	page = open("refused", login, "#refused")
	record := s.lastSignIn(OutcomeRefused, saml.ReasonMissingAttribute)
	if !strings.Contains(page, record.Text("correlationId")) {
		t.Errorf("a refusal ended at:\n%s", page)
	}
	open("not-signed-in", s.url+"/orgs/default/me", "#notSignedIn")
}

// Every page in a real browser: light and dark, on a telephone and on a desk, in English and German. axe-core finds
// nothing in them that breaks WCAG 2.2 AA. With ROLLCALL_SCREENSHOTS, it leaves pictures to look at.
func TestPagesInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, changed("displayName", "Acme Works"))
	sent := func(page string, data any) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, web.AssetsPath) {
				web.Assets().ServeHTTP(w, r)
				return
			}
			shown := data
			if told, is := data.(func(string) testPage); is {
				shown = told(s.hook.Language(r))
			}
			if err := s.hook.pages.Write(w, r, http.StatusOK, page, shown, web.Policy{}); err != nil {
				t.Error(err)
			}
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	browser, axe := chromium.Start(t), chromium.FindAxe(t)
	brand := web.Brand{Name: "Acme Works"}
	ada := person{Name: "Ada Lovelace", UserName: "ada@example.com", Email: "ada@example.com",
		Groups: []string{"Editors", "Readers", "Department of Analytical Engines and Notation"}}
	refusal := func(f *failure) string {
		return sent("notice", notice{Brand: brand, Kind: f.kind, Words: cmp.Or(f.words, f.kind), Values: f.values,
			Ask: cmp.Or(f.ask, "help"), Correlation: "53b4e2ab", Organization: "Acme Works"})
	}
	idp, err := demo()
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"refused":     refusal(errNoAccount),
		"inactive":    refusal(errNotActive),
		"claim-over":  refusal(errClaimUsed),
		"too-large":   refusal(errTooLarge),
		"unavailable": refusal(errUnavailable),
		"not-found":   sent("notice", notice{Kind: "notFound", Words: "notFound", Ask: "help"}),
		"signed-out": sent("notice", notice{Brand: brand, Kind: "signedOut", Words: "signedOut", Ask: "help",
			Next: &link{"signInAgain", "/"}}),
		"ask-invalid": sent("ask", askPage{Action: "/", Invalid: true}),
		"late": sent("notice", notice{Brand: brand, Kind: "tooLate", Words: "tooLate", Ask: "help",
			Correlation: "53b4e2ab", Organization: "Acme Works", Next: &link{"startAgain", "/"}}),
		"ask": sent("ask", askPage{Brand: brand, Organization: "Acme Works", Last: &choice{"Okta", "/a"}, Action: "/",
			Unknown: "example.net"}),
		"going": sent("going", goingPage{brand, "Acme Works", "Okta", "/a"}),
		"claim": sent("claim", claimPage{Brand: brand, Organization: "Acme Works", Person: ada,
			Choices: []choice{{"Okta", "/a"}}}),
		"claimed": sent("claimed", claimPage{Brand: brand, Organization: "Acme Works", Person: ada,
			Claimant: &claimant{NameID: "ada@corp.example", Name: "Ada King"}, Action: "/"}),
		"choose": sent("choose", askPage{Brand: brand, Organization: "Acme Works",
			Choices: []choice{{"Okta", "/a"}, {"Microsoft Entra ID of the subsidiary", "/b"}}}),
		"confirm": sent("confirm", confirmPage{Brand: brand, Organization: "Acme Works", Person: ada, Action: "/"}),
		"me":      sent("me", mePage{Brand: brand, Organization: "Acme Works", Person: ada, SignOut: "/"}),
		"test": sent("test", func(language string) testPage {
			return testPage{Brand: brand, Organization: "Acme Works", Connection: "Okta", Correlation: "53b4e2ab",
				NameID: "ada@example.com", NameIDUse: "userName", Again: "/",
				Obstacles: []obstacle{{"audience", tell(language, saml.Refuse(saml.ReasonAudience).Explanation)},
					{"jit_disabled", tell(language, saml.Explanation{
						saml.Say("jit_disabled", "userName", "ada@example.com")})}},
				Checks: []toldCheck{{saml.Check{OK: true, Expected: "https://idp.example.com/metadata",
					Received: "https://idp.example.com/metadata"}, checkName(language, "issuer")},
					{saml.Check{Expected: "https://id.example.com/orgs/acme/saml/9c1/metadata", Received: "urn:other"},
						checkName(language, "audience")}},
				Attributes: []saml.ReceivedAttribute{{Name: "firstName", MapsTo: "firstName", Value: "Ada", Values: 1},
					{Name: "lastName", Values: 1}, {Name: "groups", MapsTo: "groups", Value: "Editors", Values: 12}}}
		}),
		"idp": idp.EntityID()[:strings.LastIndex(idp.EntityID(), "/")] + "/start?sp=x",
	} {
		for variant, view := range map[string]chromium.View{
			"light-1280":  {Width: 1280, Height: 900},
			"dark-1280":   {Width: 1280, Height: 900, Dark: true},
			"light-320":   {Width: 320, Height: 720},
			"light-de":    {Width: 1280, Height: 900, Language: "de"},
			"dark-320-de": {Width: 320, Height: 720, Dark: true, Language: "de"},
		} {
			tab := browser.Tab(t, view)
			page := tab.Open(name+"-"+variant, address, "main")
			if want := fmt.Sprintf(`lang="%s"`, cmp.Or(view.Language, "en")); !strings.Contains(page, want) {
				t.Errorf("%s, %s lacks %s:\n%.500s", name, variant, want, page)
			}
			for _, violation := range axe.Violations(tab) {
				t.Errorf("%s, %s: %s", name, variant, violation)
			}
			tab.Close()
		}
	}
}
