package scimapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// A credential whose budget of work is used up gets 429 with Retry-After, and the log says whose it is; others, and its
// own lookups, are served.
func TestWorkBudget(t *testing.T) {
	var log bytes.Buffer
	store := directorytest.Open(t, directorytest.Client(t),
		directory.Options{Root: directorytest.Root(), WorkRate: 0.001,
			WorkBurst: 1900})
	s := serveStore(t, store, scimapi.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	admin := s.admin(t)
	var changes []func(*directory.Tx) error
	for i := range 400 {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("u%d", i)})
			return err
		})
	}
	for _, err := range store.Organization("default").UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b := s.client(t, "default", "read", nil), s.client(t, "default", "read", nil)
	for range 2 {
		a.must(200, "GET", "/Users?filter=title+co+%22zz%22", nil)
	}
	log.Reset()
	for _, path := range []string{"/Users?filter=title+co+%22zz%22", "/Users?sortBy=title", "/Users?count=400"} {
		r := a.refused(429, "", "GET", path, nil)
		if r.header.Get("Retry-After") == "" || !strings.Contains(fmt.Sprint(r.body["detail"]), "budget of work") {
			t.Errorf("%s: %v %v", path, r.header, r.body)
		}
	}
	if !strings.Contains(log.String(), "organization=default principal=AccessToken principalId=") ||
		!strings.Contains(log.String(), "the work budget of credential AccessToken/") {
		t.Errorf("the log does not say whose budget it is: %s", &log)
	}
	a.must(200, "GET", "/Users?filter=userName+eq+%22u1%22", nil)
	b.must(200, "GET", "/Users?filter=title+co+%22zz%22", nil)

	// Operations of a PATCH that go through many values, too. What is refused changes nothing.
	id := admin.user("patched", "emails", mails(100))
	long := `emails[` + strings.TrimSuffix(strings.Repeat(`value co \"zz\" or `, 100), " or ") + `].display`
	op := `{"op":"replace","path":"` + long + `","value":"x"}`
	r := b.request("PATCH", "/Users/"+id, patch(op))
	if r.status != 403 {
		t.Fatalf("read may write: %s", r.raw)
	}
	writer := s.client(t, "default", "write", nil)
	r = writer.refused(429, "", "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"x"}`, op, op))
	if admin.must(200, "GET", "/Users/"+id, nil).body["title"] != nil {
		t.Error("a refused PATCH changed something")
	}
	if r.header.Get("Retry-After") == "" {
		t.Errorf("%v", r.header)
	}
}

func mails(n int) []map[string]string {
	var list []map[string]string
	for i := range n {
		list = append(list, map[string]string{"value": fmt.Sprintf("m%d@example.com", i)})
	}
	return list
}

// Whoever reads a large body and then asks for much gives the turn of the one back before the turn of the other: where
// one task runs at a time, it would wait for itself.
func TestLargeSearch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // then there is one turn
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	s.crowd(t, 500)
	names := strings.Repeat(`"scimNoSuchAttribute",`, 20_000) + `"userName"`
	r := c.must(200, "POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],`+
		`"filter":"displayName co \"zz\" or userName sw \"crowd\"","sortBy":"userName","count":3,`+
		`"attributes":[`+names+`]}`)
	if r.body["totalResults"] != 500.0 {
		t.Errorf("%v", r.body["totalResults"])
	}
}

// Pages of a list and Bulk replies are written as they are made: nothing is kept but a chunk.
func TestRepliesAreStreamed(t *testing.T) {
	store := directorytest.New(t)
	h := newRouter(t, store, scimapi.Options{PublicURL: publicURL})
	c := (&server{store: store}).client(t, "default", "write", nil)
	title := strings.Repeat("x", 10_000)
	var operations []map[string]any
	for i := range 100 {
		operations = append(operations, map[string]any{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i),
			"data": map[string]any{"schemas": []string{userURN}, "userName": fmt.Sprintf("u%d", i), "title": title}})
	}
	job, err := json.Marshal(map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct{ method, path, body, list string }{
		{"POST", "/Bulk", string(job), "Operations"},
		{"GET", "/Users?count=100", "", "Resources"},
	} {
		r := httptest.NewRequest(q.method, "/orgs/default/scim/v2"+q.path, strings.NewReader(q.body))
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Prefer", "return=representation")
		w := &pieces{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %v", q.path, w.Code, err)
		}
		if n := len(body[q.list].([]any)); n != 100 {
			t.Errorf("%s: %d elements", q.path, n)
		}
		if w.Body.Len() < 1_000_000 || w.largest > 100_000 {
			t.Errorf("%s: of %d bytes, %d were written at once", q.path, w.Body.Len(), w.largest)
		}
	}
}

// A Group of very many members is written while they are rendered, with all of them, as its query wants them.
func TestMembersAreStreamed(t *testing.T) {
	store := directorytest.New(t)
	h := newRouter(t, store, scimapi.Options{PublicURL: publicURL})
	s := &server{store: store}
	c := s.client(t, "default", "read", nil)
	const n = 2000
	id := s.crowd(t, n)
	get := func(method, path string) *pieces {
		r := httptest.NewRequest(method, "/orgs/default/scim/v2"+path, nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		w := &pieces{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		return w
	}
	for _, q := range []struct{ path, keys string }{
		{"/Groups/" + id, "$ref display type value"},
		{"/Groups/" + id + "?attributes=members", "$ref display type value"},
		{"/Groups/" + id + "?attributes=members.value", "value"},
		{"/Groups/" + id + "?attributes=members.display,displayName", "display"},
		{"/Groups/" + id + "?excludedAttributes=members.$ref,members.display", "type value"},
		{"/Groups/" + id + "?excludedAttributes=members", ""},
		{"/Groups/" + id + "?attributes=displayName", ""},
		{"/Groups?attributes=members.value", "value"},
		{"/Groups", "$ref display type value"},
	} {
		w := get("GET", q.path)
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %v", q.path, w.Code, err)
		}
		if list, ok := body["Resources"].([]any); ok {
			body = list[0].(map[string]any)
		}
		seen, keys := map[any]bool{}, map[string]bool{}
		members, _ := body["members"].([]any)
		for _, m := range members {
			for k, v := range m.(map[string]any) {
				keys[k] = true
				if k == "value" || k == "display" {
					seen[v] = true
				}
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(keys)), " "); got != q.keys || body["id"] != id {
			t.Errorf("%s: members have %q, expected %q", q.path, got, q.keys)
		}
		if _, has := body["members"]; q.keys == "" && has || q.keys != "" && (len(members) != n || len(seen) < n) {
			t.Errorf("%s: %d members, %d different", q.path, len(members), len(seen))
		}
		if w.largest > 70_000 || w.Body.Len() > 100_000 && w.Header().Get("Content-Length") != "" {
			t.Errorf("%s: of %d bytes, %d were written at once", q.path, w.Body.Len(), w.largest)
		}
		if strings.HasPrefix(q.path, "/Groups/") && w.Header().Get("ETag") == "" {
			t.Errorf("%s has no ETag", q.path)
		}
	}
	if w := get("GET", "/Groups/"+directory.NewID().String()); w.Code != 404 || w.Header().Get("ETag") != "" {
		t.Errorf("a Group that does not exist: %d %v", w.Code, w.Header())
	}
}

// crowd makes a Group of n Users.
func (s *server) crowd(t *testing.T, n int) string {
	t.Helper()
	var users []directory.ID
	var changes []func(*directory.Tx) error
	for i := range n {
		changes = append(changes, func(tx *directory.Tx) error {
			r, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("crowd%d", i)})
			if err == nil {
				users = append(users, r.ID)
			}
			return err
		})
	}
	d := s.store.Organization("default")
	for _, err := range d.UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	users = users[len(users)-n:]
	var id directory.ID
	if _, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		g, err := tx.Create("Group", schema.Document{"displayName": "crowd"})
		if err != nil {
			return err
		}
		id = g.ID
		return tx.AddMembers(g, users)
	}); err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// What a reply of unknown size takes is owed, and what a body takes to read is paid: the credential's next request that
// asks for much waits for it, another one's does not.
func TestRepliesAndBodiesAreCharged(t *testing.T) {
	store := directorytest.Open(t, directorytest.Client(t),
		directory.Options{Root: directorytest.Root(), WorkRate: 0.001, WorkBurst: 20_000})
	s := serveStore(t, store, scimapi.Options{})
	group := s.crowd(t, 2000)
	scan := func(c *client) reply { return c.request("GET", "/Users?filter=title+co+%22zz%22", nil) }
	long := `{"schemas":["` + userURN + `"],"emails":[` + strings.Repeat(`{"value":"a@example.com"},`, 20_000) + `{}]}`
	for name, ask := range map[string]func(*client){
		"members": func(c *client) {
			for range 40 {
				c.must(200, "GET", "/Groups/"+group, nil)
			}
		},
		"a filter on members": func(c *client) {
			for range 40 {
				c.request("GET", "/Groups?filter=members.display+co+%22zz%22", nil)
			}
		},
		"a large body": func(c *client) {
			for range 2 {
				if r := c.request("POST", "/Users", long); r.status != 400 && r.status != 429 {
					t.Errorf("%d %.200s", r.status, r.raw)
				}
			}
		},
	} {
		c := s.client(t, "default", "write", nil)
		if r := scan(c); r.status != 200 {
			t.Fatalf("%s: the first scan: %d", name, r.status)
		}
		ask(c)
		if r := scan(c); r.status != 429 {
			t.Errorf("%s: a scan after it is answered %d", name, r.status)
		}
		c.must(200, "GET", "/Users?count=1", nil) // what is small is free
	}
	if r := scan(s.client(t, "default", "read", nil)); r.status != 200 {
		t.Errorf("another credential pays, too: %d", r.status)
	}
}

// pieces remembers the largest write.
type pieces struct {
	*httptest.ResponseRecorder
	largest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.largest = max(p.largest, len(b))
	return p.ResponseRecorder.Write(b)
}

// A client that is gone ends the reply, which nobody may take for complete.
func TestStreamEndsWithItsClient(t *testing.T) {
	store := directorytest.New(t)
	h := newRouter(t, store, scimapi.Options{PublicURL: publicURL})
	c := (&server{store: store}).client(t, "default", "write", nil)
	for i := range 20 {
		if _, err := store.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
			_, err := tx.Create("User",
				schema.Document{"userName": fmt.Sprintf("u%d", i), "title": strings.Repeat("x", 20_000)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest("GET", "/orgs/default/scim/v2/Users", nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	w := &broken{ResponseRecorder: httptest.NewRecorder()}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the reply ends as if it were complete (%v)", p)
		}
		if w.writes != 2 {
			t.Errorf("%d writes to a client that was gone at the second", w.writes)
		}
	}()
	h.ServeHTTP(w, r)
}

// broken is a connection that breaks at the second write.
type broken struct {
	*httptest.ResponseRecorder
	writes int
}

func (b *broken) Write(p []byte) (int, error) {
	if b.writes++; b.writes > 1 {
		return 0, fmt.Errorf("the connection is gone")
	}
	return b.ResponseRecorder.Write(p)
}
