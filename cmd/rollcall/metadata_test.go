package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/internal/demoidp"
)

// TestMetadataIsFetchedAnew: a PATCH that names metadataUrl reads it again, also with the value that it has; a PATCH
// of something else and a PUT of what was read do not.
func TestMetadataIsFetchedAnew(t *testing.T) {
	idp, err := demoidp.New("https://idp.example.com", demoidp.People())
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := idp.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var fetched atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		w.Write(metadata)
	}))
	t.Cleanup(server.Close)
	p, site := serveIn(t, t.TempDir(), "--allow-private-metadata")
	token, scim := p.operatorToken(), site+orgPath
	status, made := ask(t, "POST", scim+"/IdentityProviders", token, fmt.Sprintf(
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],"displayName":"x","metadataUrl":%q}`,
		server.URL))
	if status != http.StatusCreated || fetched.Load() != 1 {
		t.Fatalf("%d %s", status, made)
	}
	address := scim + "/IdentityProviders/" + gjson.Get(made, "id").String()
	patch := func(operation string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`
	}
	for _, c := range []struct {
		name, method, body string
		fetches            int64
	}{
		{"the same URL", "PATCH",
			patch(fmt.Sprintf(`{"op":"replace","path":"metadataUrl","value":%q}`, server.URL)), 1},
		{"the same URL without a path", "PATCH",
			patch(fmt.Sprintf(`{"op":"add","value":{"metadataUrl":%q}}`, server.URL)), 1},
		{"something else", "PATCH", patch(`{"op":"replace","path":"displayName","value":"y"}`), 0},
		{"all as it was", "PUT", "", 0},
	} {
		before := fetched.Load()
		body := c.body
		if body == "" {
			_, body = ask(t, "GET", address, token, "")
		}
		if status, reply := ask(t, c.method, address, token, body); status != http.StatusOK ||
			!strings.Contains(reply, "idp.example.com") {
			t.Errorf("%s: %d %s", c.name, status, reply)
		}
		if n := fetched.Load() - before; n != c.fetches {
			t.Errorf("%s: fetched %d times, want %d", c.name, n, c.fetches)
		}
	}
}
