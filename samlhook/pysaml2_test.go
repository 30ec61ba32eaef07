package samlhook

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/peers"
	"rollcall/samlhook/saml"
)

const pysamlEntity = "https://pysaml2.example.org/idp"

// pysaml runs pysaml2 as an identity provider, one answer at a time.
type pysaml struct {
	t      *testing.T
	python string
	task   map[string]any
}

func newPysaml(t *testing.T) *pysaml {
	t.Helper()
	python, xmlsec := findPython(t), peers.Find(t, "xmlsec1")
	folder := t.TempDir()
	stored, err := newKeyPair("pysaml2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	private, public, _ := strings.Cut(string(stored), "-----END PRIVATE KEY-----\n")
	files := map[string]string{"key": private + "-----END PRIVATE KEY-----\n", "certificate": public, "spMetadata": ""}
	p := &pysaml{t: t, python: python, task: map[string]any{"entityID": pysamlEntity, "xmlsec": xmlsec}}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.task[name] = path
	}
	return p
}

// findPython finds a Python that has pysaml2: Debian's own, which its package is for, or the first in the path.
func findPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import saml2").Run() == nil {
			return python
		}
	}
	peers.Missing(t, "pysaml2")
	return ""
}

// run runs the program with more of its task.
func (p *pysaml) run(more map[string]any) (string, error) {
	p.t.Helper()
	task := map[string]any{}
	for _, part := range []map[string]any{p.task, more} {
		for name, value := range part {
			task[name] = value
		}
	}
	in, err := json.Marshal(task)
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.CommandContext(p.t.Context(), p.python, "testdata/pysaml2_idp.py")
	command.Stdin = strings.NewReader(string(in))
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		p.t.Logf("pysaml2: %s", said.String())
	}
	return strings.TrimSpace(string(out)), err
}

// know gives it our metadata as it is now.
func (p *pysaml) know(s *site, connection directory.ID) {
	p.t.Helper()
	metadata := s.browser().get(s.hook.urls("default", connection).Metadata)
	if err := os.WriteFile(p.task["spMetadata"].(string), []byte(metadata.Body), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// TestPysaml2 signs in through pysaml2: what it signs, alone and together, encrypted, asked for by both bindings, and
// unasked. It checks the signature of our requests.
func TestPysaml2(t *testing.T) {
	p := newPysaml(t)
	s := newSite(t)
	metadata, err := p.run(map[string]any{"metadata": true})
	if err != nil {
		t.Fatal(err)
	}
	connection, err := s.configure(with(with(jitOn, "displayName", "pysaml2"), "metadataXml", metadata))
	if err != nil {
		t.Fatal(err)
	}
	at := s.hook.urls("default", connection)
	answer := func(t *testing.T, b *browser, binding string, more map[string]any) url.Values {
		t.Helper()
		more["acs"], more["spEntityID"] = at.ACS, at.Metadata
		if binding != "" {
			more["binding"] = binding
			for name, value := range asked(t, b, at.Login) {
				more[name] = value
			}
		}
		response, err := p.run(more)
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{"SAMLResponse": {encode(response)}}
	}
	for _, c := range []struct {
		name, binding                string
		response, assertion, encrypt bool
		settings                     map[string]any
		want                         int
		reason                       saml.Reason
	}{
		{name: "response signed", binding: "redirect", response: true, want: http.StatusSeeOther},
		{name: "assertion signed", binding: "redirect", assertion: true, want: http.StatusSeeOther},
		{name: "both signed, by POST", binding: "post", response: true, assertion: true, want: http.StatusSeeOther},
		{name: "encrypted, response signed", binding: "redirect", response: true, encrypt: true,
			want: http.StatusSeeOther, settings: map[string]any{"wantEncrypted": true}},
		{name: "encrypted, both signed", binding: "post", response: true, assertion: true, encrypt: true,
			want: http.StatusBadRequest, settings: map[string]any{"wantEncrypted": true},
			reason: saml.ReasonDecryption}, // it gives both signatures the same Id
		{name: "encrypted, assertion signed", binding: "redirect", assertion: true, encrypt: true,
			want: http.StatusSeeOther, settings: map[string]any{"wantEncrypted": true}},
		{name: "unasked", response: true, want: http.StatusSeeOther,
			settings: map[string]any{"allowIdpInitiated": true}},
		{name: "unasked, and not allowed", response: true, want: http.StatusForbidden, reason: saml.ReasonIdPInitiated},
		{name: "not encrypted", binding: "redirect", response: true, want: http.StatusBadRequest,
			settings: map[string]any{"wantEncrypted": true}, reason: saml.ReasonNotEncrypted},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
				for _, name := range []string{"wantEncrypted", "allowIdpInitiated", "binding"} {
					delete(doc, name)
				}
				for name, value := range c.settings {
					doc[name] = value
				}
				if c.binding != "" {
					doc["binding"] = c.binding
				}
			})
			p.know(s, connection)
			b := s.browser()
			form := answer(t, b, c.binding, map[string]any{"signResponse": c.response, "signAssertion": c.assertion,
				"encrypt": c.encrypt})
			if c.encrypt && strings.Contains(decoded(t, form), "pia@example.org") {
				t.Fatal("the peer did not encrypt")
			}
			landed := b.step(at.ACS, form)
			wantStatus(t, landed, c.want)
			if c.want != http.StatusSeeOther {
				s.hook.ring.flush()
				s.lastSignIn(OutcomeRefused, c.reason)
				return
			}
			page := b.get(landed.Header.Get("Location"))
			if c.binding == "" {
				wantPage(t, page, http.StatusOK, "confirm", "Pia Pysaml")
				return
			}
			wantPage(t, page, http.StatusOK, "me", "Pia Pysaml")
		})
	}

	// It does look at the signature of our requests.
	s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) { delete(doc, "binding") })
	request := asked(t, s.browser(), at.Login)
	request["relayState"] = request["relayState"].(string) + "x"
	request["binding"], request["acs"], request["spEntityID"] = "redirect", at.ACS, at.Metadata
	request["signResponse"], request["signAssertion"], request["encrypt"] = true, false, false
	if _, err := p.run(request); err == nil {
		t.Error("it accepted a request that was changed")
	}
}

// asked is the request that a login makes, by whichever binding.
func asked(t *testing.T, b *browser, login string) map[string]any {
	t.Helper()
	first := b.step(login, nil)
	if first.StatusCode == http.StatusOK { // a form that posts
		page := b.get(login)
		_, form, _ := page.Form()
		return map[string]any{"request": form.Get("SAMLRequest"), "relayState": form.Get("RelayState")}
	}
	u, err := url.Parse(first.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	return map[string]any{"request": q.Get("SAMLRequest"), "relayState": q.Get("RelayState"), "sigAlg": q.Get("SigAlg"),
		"signature": q.Get("Signature")}
}
