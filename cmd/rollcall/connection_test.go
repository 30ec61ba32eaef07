package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestConnectionIsReadWithoutWriting: the reply to POST has the connection's certificate, and reading the connection,
// its list and its metadata leaves no Event.
func TestConnectionIsReadWithoutWriting(t *testing.T) {
	p, site := serveIn(t, t.TempDir())
	token, scim := p.operatorToken(), site+orgPath
	status, made := ask(t, "POST", scim+"/IdentityProviders?attributes=sp,sp.certificates", token,
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],"displayName":"new"}`)
	certificate := gjson.Get(made, "sp.certificates.0.pem").String()
	if status != http.StatusCreated || !strings.Contains(certificate, "BEGIN CERTIFICATE") {
		t.Fatalf("%d %s", status, made)
	}
	events := func() string {
		_, body := ask(t, "GET", scim+"/Events", token, "")
		return gjson.Get(body, "totalResults").String()
	}
	before := events()
	for address, want := range map[string]int{
		scim + "/IdentityProviders/" + gjson.Get(made, "id").String() + "?attributes=sp.certificates": http.StatusOK,
		scim + "/IdentityProviders":                http.StatusOK,
		gjson.Get(made, "sp.metadataUrl").String(): http.StatusOK,
		gjson.Get(made, "sp.loginUrl").String():    http.StatusForbidden, // it has no identity provider yet
	} {
		status, body := ask(t, "GET", address, token, "")
		if status != want {
			t.Errorf("GET %s: %d %s", address, status, body)
		}
		if shown := gjson.Get(body, "sp.certificates.0.pem").String(); shown != "" && shown != certificate {
			t.Errorf("GET %s shows another certificate: %s", address, shown)
		}
	}
	if after := events(); after != before {
		t.Errorf("%s Events; %s before the requests", after, before)
	}
}
