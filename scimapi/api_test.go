package scimapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

const (
	userURN   = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	extURN    = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchURN  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	tokenURN  = "urn:rollcall:params:scim:schemas:core:1.0:AccessToken"
	errorURN  = "urn:ietf:params:scim:api:messages:2.0:Error"
	publicURL = "https://id.example.com"
)

// server is the API over HTTP on a fresh store.
type server struct {
	store *directory.Store
	url   string
}

// client talks to one service root with one credential.
type client struct {
	t      testing.TB
	base   string
	public string // the same root as replies call it
	token  string
	cookie string // of a session, instead of a token
}

type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any // nil where the reply has none
}

func serve(t testing.TB, o scimapi.Options) *server {
	t.Helper()
	return serveStore(t, directorytest.New(t), o)
}

func serveStore(t testing.TB, store *directory.Store, o scimapi.Options) *server {
	t.Helper()
	if o.PublicURL == "" {
		o.PublicURL = publicURL
	}
	s := httptest.NewServer(newRouter(t, store, o))
	t.Cleanup(s.Close)
	return &server{store, s.URL}
}

// newRouter serves the store.
func newRouter(t testing.TB, store *directory.Store, o scimapi.Options) http.Handler {
	t.Helper()
	h, err := scimapi.New(store, o)
	if err != nil {
		t.Fatal(err)
	}
	r := mux.NewRouter()
	h.Register(r)
	return r
}

// admin is a client of the organization "default" with the scope admin.
func (s *server) admin(t testing.TB) *client { return s.client(t, "default", "admin", nil) }

// client makes an access token with the scope and more attributes; org "" is the system scope.
func (s *server) client(t testing.TB, org, scope string, more schema.Document) *client {
	t.Helper()
	d, root := s.store.System(), "/scim/v2"
	if org != "" {
		d, root = s.store.Organization(org), "/orgs/"+org+"/scim/v2"
	}
	doc := schema.Document{"displayName": "test", "scopes": []any{scope}}
	for k, v := range more {
		doc[k] = v
	}
	var secret string
	if _, err := d.Update(context.Background(), func(tx *directory.Tx) error {
		r, err := tx.Create("AccessToken", doc)
		if err == nil {
			secret = tx.Secret(r)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, base: s.url + root, public: publicURL + root, token: secret}
}

func (c *client) request(method, path string, body any, header ...string) reply {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.base+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := reply{status: resp.StatusCode, header: resp.Header}
	if out.raw, err = io.ReadAll(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	if len(out.raw) > 0 && resp.Header.Get("Content-Encoding") == "" {
		if err := json.Unmarshal(out.raw, &out.body); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, out.raw)
		}
	}
	if out.status >= 400 && method != http.MethodHead {
		c.checkError(method+" "+path, out)
	}
	return out
}

// checkError checks what is true of every refusal (R7644-3.12-15, -16, -18, R7644-3.8-01).
func (c *client) checkError(what string, r reply) {
	c.t.Helper()
	if fmt.Sprint(r.body["schemas"]) != "["+errorURN+"]" || r.body["status"] != fmt.Sprint(r.status) ||
		r.body["detail"] == "" {
		c.t.Errorf("%s: status %d with the body %s", what, r.status, r.raw)
	}
	if got := r.header.Get("Content-Type"); got != "application/scim+json" {
		c.t.Errorf("%s: an error of type %q", what, got)
	}
}

// must sends a request that must be answered with the status.
func (c *client) must(status int, method, path string, body any, header ...string) reply {
	c.t.Helper()
	r := c.request(method, path, body, header...)
	if r.status != status {
		c.t.Fatalf("%s %s: %d %s, want %d", method, path, r.status, r.raw, status)
	}
	return r
}

// refused sends a request that must be answered with the status and the scimType; "" for none.
func (c *client) refused(status int, scimType, method, path string, body any, header ...string) reply {
	c.t.Helper()
	r := c.request(method, path, body, header...)
	got, _ := r.body["scimType"].(string)
	if r.status != status || got != scimType {
		c.t.Errorf("%s %s: %d %s, want %d %q", method, path, r.status, r.raw, status, scimType)
	}
	return r
}

func (c *client) user(name string, more ...any) string {
	c.t.Helper()
	doc := map[string]any{"schemas": []string{userURN}, "userName": name}
	for i := 0; i < len(more); i += 2 {
		doc[more[i].(string)] = more[i+1]
	}
	return c.must(201, "POST", "/Users", doc).body["id"].(string)
}

func (c *client) group(name string, members ...string) string {
	c.t.Helper()
	return c.must(201, "POST", "/Groups",
		map[string]any{"schemas": []string{groupURN}, "displayName": name,
			"members": memberList(members)}).body["id"].(string)
}

func memberList(ids []string) []map[string]string {
	list := []map[string]string{}
	for _, id := range ids {
		list = append(list, map[string]string{"value": id})
	}
	return list
}

// patch returns a PatchOp message with the operations, each of which is JSON.
func patch(operations ...string) string {
	return `{"schemas":["` + patchURN + `"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// at returns a value in a reply: at(body, "name", "givenName"), at(body, "emails", 0, "value").
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

func ids(list any) []string {
	var out []string
	for _, e := range list.([]any) {
		m := e.(map[string]any)
		if id, ok := m["id"].(string); ok {
			out = append(out, id)
		} else {
			out = append(out, m["value"].(string))
		}
	}
	return out
}

func parseTime(t testing.TB, v any) time.Time {
	t.Helper()
	s, _ := v.(string)
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatalf("%v is no dateTime", v)
	}
	return at
}
