package scimapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// Every invalid credential and every unknown organization gets the same reply.
func TestUnauthenticated(t *testing.T) {
	now := time.Now()
	s := serve(t, scimapi.Options{})
	admin, system := s.admin(t), s.client(t, "", "admin", nil)
	system.must(201, "POST", "/Organizations",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:Organization"],"name":"other"}`)
	foreign := s.client(t, "other", "admin", nil)
	expired := s.client(t, "default", "admin",
		schema.Document{"expiresAt": now.Add(-time.Hour).UTC().Format(time.RFC3339)})
	revoked := s.client(t, "default", "admin", nil)
	for _, id := range ids(admin.must(200, "GET", "/AccessTokens", nil).body["Resources"]) {
		c := *revoked
		r := c.request("DELETE", "/AccessTokens/"+id, nil)
		if r.status == 401 { // it has revoked itself
			break
		}
		if admin.request("GET", "/AccessTokens", nil).status == 401 {
			admin = s.admin(t)
		}
	}
	good := s.admin(t)
	unknown := *good
	unknown.base = strings.Replace(good.base, "/default/", "/nosuch/", 1)
	var first reply
	for i, tc := range []struct {
		name string
		c    *client
		auth string
	}{
		{"garbage", good, "Bearer garbage"},
		{"expired", good, "Bearer " + expired.token},
		{"revoked", good, "Bearer " + revoked.token},
		{"of another organization", good, "Bearer " + foreign.token},
		{"unknown organization", &unknown, "Bearer " + good.token},
		{"another scheme", good, "Basic YTpi"},
		{"another scheme with a good secret", good, "Basic " + good.token},
		{"no secret", good, "Bearer "},
	} {
		r := tc.c.refused(401, "", "GET", "/Users", nil, "Authorization", tc.auth)
		if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="rollcall", error="invalid_token"` {
			t.Errorf("R6750-3.1-01 %s: %q", tc.name, got)
		}
		if i == 0 {
			first = r
		} else if string(r.raw) != string(first.raw) {
			t.Errorf("%s: %s, others %s", tc.name, r.raw, first.raw)
		}
	}
	r := good.refused(401, "", "GET", "/Users", nil, "Authorization", "")
	if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="rollcall"` {
		t.Errorf("R7644-2-01: %q", got)
	}
	two, err := http.NewRequest("GET", good.base+"/Users", nil)
	if err != nil {
		t.Fatal(err)
	}
	two.Header["Authorization"] = []string{"Bearer " + good.token, "Bearer " + good.token}
	if r, err := http.DefaultTransport.RoundTrip(two); err != nil || r.StatusCode != 401 {
		t.Errorf("two Authorization headers: %v %v", r, err)
	}
	system.must(200, "GET", "/Organizations", nil)
	inOrg := *system
	inOrg.base = good.base
	inOrg.must(200, "GET", "/Users", nil) // a token of the system scope is good in every organization
}

func TestScopes(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	read, write := s.client(t, "default", "read", nil), s.client(t, "default", "write", nil)
	id := admin.user("a")
	body := `{"schemas":["` + userURN + `"],"userName":"b"}`
	token := func(scope string) string {
		return `{"schemas":["` + tokenURN + `"],"displayName":"t","scopes":["` + scope + `"]}`
	}
	for _, tc := range []struct {
		name         string
		c            *client
		status       int
		method, path string
		body         any
	}{
		{"read reads", read, 200, "GET", "/Users/" + id, nil},
		{"R7644-3.12-24 read does not write", read, 403, "POST", "/Users", body},
		{"read does not PATCH", read, 403, "PATCH", "/Users/" + id, patch(`{"op":"add","path":"title","value":"x"}`)},
		{"read does not PATCH what changes nothing", read, 403, "PATCH", "/Users/" + id,
			patch(`{"op":"remove","path":"title"}`)},
		{"read does not delete", read, 403, "DELETE", "/Users/" + id, nil},
		{"write writes", write, 201, "POST", "/Users", body},
		{"write does not read configuration", write, 403, "GET", "/AccessTokens", nil},
		{"write mints no token", write, 403, "POST", "/AccessTokens", token("read")},
		{"write gives no roles", write, 403, "PATCH", "/Users/" + id,
			patch(`{"op":"add","path":"roles","value":[{"value":"administrator"}]}`)},
		{"admin mints", admin, 201, "POST", "/AccessTokens", token("admin")},
		{"admin gives roles", admin, 200, "PATCH", "/Users/" + id,
			patch(`{"op":"add","path":"roles","value":[{"value":"helper"}]}`)},
		{"an organization makes no organization", admin, 405, "POST", "/Organizations", `{}`},
	} {
		if r := tc.c.request(tc.method, tc.path, tc.body); r.status != tc.status {
			t.Errorf("%s: %d %s, want %d", tc.name, r.status, r.raw, tc.status)
		}
	}
}

func TestTokens(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	r := c.must(201, "POST", "/AccessTokens",
		`{"schemas":["`+tokenURN+`"],"displayName":"ci","scopes":["read"],"token":"mine"}`)
	secret, _ := r.body["token"].(string)
	if len(secret) < 40 {
		t.Fatalf("%s", r.raw)
	}
	id := r.body["id"].(string)
	if left := time.Until(parseTime(t, r.body["expiresAt"])); left < 364*24*time.Hour || left > 367*24*time.Hour {
		t.Errorf("R7644-7.4-01: expires in %v", left)
	}
	for _, again := range []reply{
		c.must(200, "GET", "/AccessTokens/"+id, nil),
		c.must(200, "GET", "/AccessTokens?attributes=token", nil),
		c.must(200, "PATCH", "/AccessTokens/"+id, patch(`{"op":"replace","path":"displayName","value":"ci 2"}`)),
	} {
		if strings.Contains(string(again.raw), secret) || at(again.body, "token") != nil {
			t.Errorf("the secret is shown again: %s", again.raw)
		}
	}
	made := *c
	made.token = secret
	made.must(200, "GET", "/Users", nil)
	made.must(403, "GET", "/AccessTokens", nil)
	c.must(204, "DELETE", "/AccessTokens/"+id, nil)
	made.must(401, "GET", "/Users", nil) // revoked at once
}

// Tenants see nothing of each other (R7644-2-02).
func TestIsolation(t *testing.T) {
	s := serve(t, scimapi.Options{})
	system := s.client(t, "", "admin", nil)
	system.must(201, "POST", "/Organizations",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:Organization"],"name":"other"}`)
	a, b := s.admin(t), s.client(t, "other", "admin", nil)
	id := a.user("shared", "externalId", "x")
	if b.user("shared", "externalId", "x") == id { // R7643-3.1-11
		t.Error("one id in two organizations")
	}
	for method, body := range map[string]any{
		"GET":    nil,
		"DELETE": nil,
		"PATCH":  patch(`{"op":"remove","path":"title"}`),
		"PUT":    `{"schemas":["` + userURN + `"],"userName":"x"}`,
	} {
		b.refused(404, "", method, "/Users/"+id, body)
	}
	for _, query := range []string{"", `?filter=id+eq+"` + id + `"`, `?filter=userName+eq+"shared"`} {
		r := b.must(200, "GET", "/Users"+query, nil)
		if strings.Contains(string(r.raw), id) {
			t.Errorf("%q shows another organization's User", query)
		}
	}
	b.refused(400, "invalidValue", "POST", "/Groups",
		`{"schemas":["`+groupURN+`"],"displayName":"G","members":[{"value":"`+id+`"}]}`)
	own := ids(b.must(200, "GET", "/Organizations", nil).body["Resources"])
	if len(own) != 1 {
		t.Fatalf("an organization sees %v", own)
	}
	b.must(200, "PATCH", "/Organizations/"+own[0], patch(`{"op":"replace","path":"displayName","value":"Other"}`))
	a.refused(404, "", "GET", "/Organizations/"+own[0], nil)
	system.must(204, "DELETE", "/Organizations/"+own[0], nil)
	b.must(401, "GET", "/Users", nil)
}

// A session works by cookie; changes work only from our own pages.
func TestSession(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	id := admin.user("alice")
	connection := admin.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP"}`).body["id"].(string)
	user, _ := directory.ParseID(id)
	idp, _ := directory.ParseID(connection)
	var secret string
	if _, err := s.store.Organization("default").Update(context.Background(), func(tx *directory.Tx) (err error) {
		secret, err = tx.CreateSession(user, idp, time.Now().Add(time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c := *admin
	c.token = ""
	cookie := "__Host-rollcall-default=" + secret
	me := c.must(200, "GET", "/Me", nil, "Cookie", cookie)
	if want := c.public + "/Users/" + id; me.body["id"] != id || me.header.Get("Location") != want ||
		at(me.body, "meta", "location") != want {
		t.Errorf("R7644-3.11-03: %v %s", me.header, me.raw)
	}
	title := patch(`{"op":"replace","path":"title","value":"x"}`)
	c.refused(403, "", "GET", "/Users", nil, "Cookie", cookie)
	c.refused(403, "", "PATCH", "/Me", title, "Cookie", cookie)
	c.refused(405, "", "POST", "/Me", nil, "Cookie", cookie)
	c.refused(401, "", "GET", "/Me", nil, "Cookie", cookie+"x")
	c.refused(401, "", "GET", "/Me", nil, "Cookie", cookie, "Authorization", "Bearer garbage")

	admin.must(200, "PATCH", "/Users/"+id, patch(`{"op":"add","path":"roles","value":[{"value":"administrator"}]}`))
	c.must(200, "GET", "/Users", nil, "Cookie", cookie)
	c.refused(403, "", "PATCH", "/Me", title, "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
	c.refused(403, "", "PATCH", "/Me", title, "Cookie", cookie, "Origin", "https://evil.example")
	c.must(200, "PATCH", "/Me", title, "Cookie", cookie, "Origin", publicURL)
	c.must(200, "PATCH", "/Me", title, "Cookie", cookie, "Sec-Fetch-Site", "same-origin")

	admin.must(200, "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":false}`))
	c.refused(401, "", "GET", "/Me", nil, "Cookie", cookie)
	admin.must(200, "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":true}`))
	c.refused(401, "", "GET", "/Me", nil, "Cookie", cookie) // a session that was ended stays so
}

func TestMeByToken(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	id := admin.user("alice")
	c := s.client(t, "default", "write", schema.Document{"user": map[string]any{"value": id}})
	if r := c.must(200, "GET", "/Me?attributes=userName", nil); r.body["userName"] != "alice" || len(r.body) != 3 {
		t.Errorf("%s", r.raw)
	}
	// R7644-3.11-04
	if r := c.must(200, "PATCH", "/Me", patch(`{"op":"add","path":"title","value":"x"}`)); r.body["title"] != "x" {
		t.Errorf("%s", r.raw)
	}
	admin.refused(404, "", "GET", "/Me", nil) // R7644-3.11-05
	c.must(204, "DELETE", "/Me", nil)
	if r := c.request("GET", "/Me", nil); r.status != http.StatusUnauthorized {
		t.Errorf("a token of a User who is gone: %d", r.status)
	}
}
