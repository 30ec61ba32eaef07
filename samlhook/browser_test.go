package samlhook

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/directory/schema"
	"rollcall/internal/demoidp"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// chromium opens an address in a real browser and returns the page it ends at, once scripts have run. With
// ROLLCALL_SCREENSHOTS naming a folder, it leaves a picture there.
func chromium(t *testing.T, name, address string) string {
	t.Helper()
	program := samltest.Peer(t, "chromium")
	flags := func(folder string) []string {
		return []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
			"--disable-component-update", "--disable-sync",
			"--no-first-run", "--disable-dev-shm-usage", "--user-data-dir=" + folder, "--virtual-time-budget=4000",
			"--timeout=20000", "--window-size=900,700"}
	}
	run := func(more ...string) string {
		folder, err := os.MkdirTemp("", "chromium")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		var out, log strings.Builder
		command := exec.CommandContext(t.Context(), program, append(flags(folder), more...)...)
		command.Stdout, command.Stderr, command.WaitDelay = &out, &log, 5*time.Second
		if err := command.Run(); err != nil {
			t.Fatalf("chromium: %v\n%s", err, log.String())
		}
		return out.String()
	}
	if pictures := os.Getenv("ROLLCALL_SCREENSHOTS"); pictures != "" {
		run("--screenshot="+filepath.Join(pictures, name+".png"), address)
	}
	return run("--dump-dom", address)
}

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

	page := chromium(t, "landing", login)
	if !strings.Contains(page, `id="me"`) || !strings.Contains(page, "Alice Archer") ||
		!strings.Contains(page, `/orgs/default/sign-out"`) {
		t.Errorf("redirect binding ended at:\n%s", page)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("binding", "post"))
	if page := chromium(t, "landing-post", login); !strings.Contains(page, `id="me"`) {
		t.Errorf("POST binding ended at:\n%s", page)
	}
	user = "carol"
	page = chromium(t, "refused", login)
	record := s.lastSignIn(OutcomeRefused, saml.ReasonMissingAttribute)
	if !strings.Contains(page, `id="refused"`) || !strings.Contains(page, record.Text("correlationId")) {
		t.Errorf("a refusal ended at:\n%s", page)
	}
	if page := chromium(t, "not-signed-in", s.url+"/orgs/default/me"); !strings.Contains(page, `id="notSignedIn"`) {
		t.Errorf("without session:\n%s", page)
	}
}
