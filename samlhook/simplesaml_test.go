package samlhook

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/directory/schema"
	"rollcall/internal/peers"
	"rollcall/samlhook/saml"
)

const simpleSAMLFolder = "/usr/share/simplesamlphp/www"

// simpleSAML runs SimpleSAMLphp, an identity provider that shares no code with us, on PHP's own server. It trusts the
// service provider with our metadata's values.
func simpleSAML(t *testing.T) (base string, trust func(entityID, acs, certificate, more string)) {
	t.Helper()
	php := peers.Find(t, "php")
	if _, err := os.Stat(simpleSAMLFolder); err != nil {
		peers.Missing(t, "simplesamlphp")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()

	folder := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base = "http://" + address
	stored, err := newKeyPair("simplesamlphp", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	private, public, _ := strings.Cut(string(stored), "-----END PRIVATE KEY-----\n")
	put("cert/idp.pem", private+"-----END PRIVATE KEY-----\n")
	put("cert/idp.crt", public)
	for _, name := range []string{"data/.keep", "log/.keep", "tmp/.keep", "sessions/.keep"} {
		put(name, "")
	}
	put("config/config.php", fmt.Sprintf(`<?php
$config = [
  'baseurlpath' => '%[1]s/', 'certdir' => '%[2]s/cert/', 'loggingdir' => '%[2]s/log/',
  'datadir' => '%[2]s/data/', 'tempdir' => '%[2]s/tmp',
  'secretsalt' => 'saltsaltsaltsalt', 'auth.adminpassword' => 'not-used-here', 'timezone' => 'UTC',
  'language.default' => 'en',
  'logging.handler' => 'file', 'logging.level' => 5, 'logging.logfile' => 'ssp.log', 'session.cookie.secure' => false,
  'session.phpsession.savepath' => '%[2]s/sessions',
  'store.type' => 'phpsession', 'enable.saml20-idp' => true, 'metadatadir' => '%[2]s/metadata',
  'metadata.sources' => [['type' => 'flatfile', 'directory' => '%[2]s/metadata']],
  'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
];`, base, folder))
	put("config/authsources.php", `<?php
$config = ['people' => ['exampleauth:UserPass',
  'student:pass' => ['uid' => ['student'], 'givenName' => ['Stu'], 'sn' => ['Dent'],
    'mail' => ['student@example.org']]]];`)
	put("metadata/saml20-idp-hosted.php", `<?php
$metadata['__DYNAMIC:1__'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt',
  'auth' => 'people',
  'validate.authnrequest' => true,
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail',
    'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress']]];`)
	put("metadata/saml20-sp-remote.php", "<?php\n")

	command := exec.Command(php, "-d", "opcache.enable=0", "-d", "display_errors=0", "-S", address, "-t",
		simpleSAMLFolder)
	command.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+filepath.Join(folder, "config"))
	var log strings.Builder
	command.Stdout, command.Stderr = &log, &log
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			ssp, _ := os.ReadFile(filepath.Join(folder, "log/ssp.log"))
			t.Logf("simplesamlphp: %s\n%s", log.String(), ssp)
		}
	})
	waitFor(t, address)
	return base, func(entityID, acs, certificate, more string) {
		put("metadata/saml20-sp-remote.php", fmt.Sprintf(`<?php
$metadata['%s'] = ['AssertionConsumerService' => '%s', 'validate.authnrequest' => true, 'certData' => '%s', %s];`,
			entityID, acs, certificate, more))
	}
}

// waitFor waits until something listens at the address.
func waitFor(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing listens at %s: %v", address, err)
		}
		time.Sleep(20 * time.Millisecond) // of another program's start nobody tells us
	}
}

// TestSimpleSAMLphp signs in through a real identity provider, by both bindings: it checks the signature of our
// requests, we that of its answers.
func TestSimpleSAMLphp(t *testing.T) {
	base, trust := simpleSAML(t)
	s := newSite(t)
	connection, err := s.configure(schema.Document{"displayName": "SimpleSAMLphp",
		"metadataUrl": base + "/saml2/idp/metadata.php", "jit": map[string]any{"enabled": true}})
	if err != nil {
		t.Fatal(err)
	}
	at := s.hook.urls("default", connection)
	l, err := s.hook.load(s.snapshot(), "default", s.connection(connection))
	if err != nil {
		t.Fatal(err)
	}
	trust(at.Metadata, at.ACS, encode(string(l.Connection.Certificate.Raw)), "")

	for _, binding := range []string{"redirect", "post"} {
		t.Run(binding, func(t *testing.T) {
			if binding == "post" {
				// It takes requests at one address by both bindings, but its metadata names redirect only.
				s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
					doc["metadataXml"] = strings.Replace(doc["metadataXml"].(string),
						"SingleSignOnService Binding=\""+saml.BindingRedirect,
						"SingleSignOnService Binding=\""+saml.BindingPost, 1)
					delete(doc, "metadataUrl")
				})
			}
			b := s.browser()
			page := b.get(s.loginURL(connection))
			for range 6 {
				action, form, found := page.Form()
				if !found || strings.Contains(page.URL.Path, "/orgs/default/me") {
					break
				}
				if form.Has("username") {
					form.Set("username", "student")
					form.Set("password", "pass")
				}
				if page, err = b.demo.Post(t.Context(), action, form); err != nil {
					t.Fatal(err)
				}
			}
			wantPage(t, page, http.StatusOK, "me", "Stu Dent")
			users := s.users("student@example.org")
			if len(users) != 1 || users[0].Text("name.familyName") != "Dent" ||
				s.signedInAs(b.session(s)) != users[0].ID {
				t.Errorf("Users %v", users)
			}
			record := s.signIns()[0]
			if record.Text("nameIdFormat") != saml.NameIDEmail || record.Text("certificate.fingerprint") == "" {
				t.Errorf("record %s", record.JSON)
			}
		})
	}
	// It does check the signature of our requests: changed, they lead to no login form.
	s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
		doc["metadataXml"] = strings.Replace(doc["metadataXml"].(string), saml.BindingPost, saml.BindingRedirect, 1)
	})
	b := s.browser()
	location := b.step(s.loginURL(connection), nil).Header.Get("Location")
	for asked, want := range map[string]bool{location: true,
		strings.Replace(location, "RelayState=", "RelayState=x", 1): false} {
		_, form, _ := s.browser().get(asked).Form()
		if form.Has("username") != want {
			t.Errorf("login form: %v, want %v", form.Has("username"), want)
		}
	}
}

// TestSimpleSAMLphpSigns signs in by whatever it can sign and encrypt, and unasked.
func TestSimpleSAMLphpSigns(t *testing.T) {
	base, trust := simpleSAML(t)
	s := newSite(t)
	connection, err := s.configure(with(with(jitOn, "displayName", "SimpleSAMLphp"), "metadataUrl",
		base+"/saml2/idp/metadata.php"))
	if err != nil {
		t.Fatal(err)
	}
	at := s.hook.urls("default", connection)
	l, err := s.hook.load(s.snapshot(), "default", s.connection(connection))
	if err != nil {
		t.Fatal(err)
	}
	certificate := encode(string(l.Connection.Certificate.Raw))
	const response, assertion, encrypted = "'saml20.sign.response' => true", "'saml20.sign.assertion' => true",
		"'assertion.encryption' => true"
	const noResponse, noAssertion = "'saml20.sign.response' => false", "'saml20.sign.assertion' => false"
	for _, c := range []struct {
		name, options string
		settings      map[string]any
		unasked       bool
	}{
		{name: "responses", options: response + ", " + noAssertion},
		{name: "assertions", options: noResponse + ", " + assertion},
		{name: "both", options: response + ", " + assertion},
		{name: "responses, encrypted", options: response + ", " + noAssertion + ", " + encrypted,
			settings: map[string]any{"wantEncrypted": true}},
		{name: "assertions, encrypted", options: noResponse + ", " + assertion + ", " + encrypted,
			settings: map[string]any{"wantEncrypted": true}},
		{name: "both, encrypted", options: response + ", " + assertion + ", " + encrypted,
			settings: map[string]any{"wantEncrypted": true}},
		{name: "unasked", options: response, settings: map[string]any{"allowIdpInitiated": true}, unasked: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust(at.Metadata, at.ACS, certificate, c.options)
			s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
				delete(doc, "wantEncrypted")
				delete(doc, "allowIdpInitiated")
				for name, value := range c.settings {
					doc[name] = value
				}
			})
			b, address := s.browser(), at.Login
			if c.unasked {
				address = base + "/saml2/idp/SSOService.php?spentityid=" + url.QueryEscape(at.Metadata)
			}
			page := b.get(address)
			for range 6 {
				action, form, found := page.Form()
				if !found || strings.Contains(page.URL.Path, "/orgs/default/me") {
					break
				}
				if form.Has("username") {
					form.Set("username", "student")
					form.Set("password", "pass")
				}
				if form.Has("SAMLResponse") {
					message := decoded(t, form)
					sealed := strings.Contains(message, "EncryptedAssertion")
					if sealed != (c.settings["wantEncrypted"] == true) {
						t.Fatalf("encrypted: %t", sealed)
					}
				}
				if page, err = b.demo.Post(t.Context(), action, form); err != nil {
					t.Fatal(err)
				}
			}
			wantPage(t, page, http.StatusOK, "me", "Stu Dent")
		})
	}
}
