package scimapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// lines collects log lines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// last returns the line of the request with the id. The line is written after the reply.
func (l *lines) find(t *testing.T, id string) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if m["request"] == id {
			return m
		}
	}
	t.Fatalf("no line of request %s in\n%s", id, l.b.String())
	return nil
}

// outage is an etcd that does not answer while it is on.
type outage struct {
	clientv3.KV
	on atomic.Bool
}

func (o *outage) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if o.on.Load() {
		return nil, rpctypes.ErrNoLeader
	}
	return o.KV.Get(ctx, key, opts...)
}

func (o *outage) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if o.on.Load() {
		return clientv3.OpResponse{}, rpctypes.ErrNoLeader
	}
	return o.KV.Do(ctx, op)
}

func TestUnavailable(t *testing.T) {
	client := directorytest.NewClient(t)
	etcd := &outage{KV: client.KV}
	client.KV = etcd
	var log lines
	s := serveStore(t, directorytest.Open(t, client, directory.Options{Root: directorytest.Root()}),
		scimapi.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	c := s.admin(t)
	id := c.user("a")
	etcd.on.Store(true)
	for method, body := range map[string]any{"GET": nil, "PATCH": patch(`{"op":"add","path":"title","value":"x"}`),
		"DELETE": nil} {
		r := c.refused(503, "", method, "/Users/"+id, body)
		if r.header.Get("Retry-After") == "" ||
			!strings.Contains(r.body["detail"].(string), r.header.Get("X-Request-Id")) {
			t.Errorf("%s: %v %s", method, r.header, r.raw)
		}
	}
	etcd.on.Store(false)
	if r := c.must(200, "GET", "/Users/"+id, nil); r.body["title"] != nil {
		t.Errorf("%s", r.raw)
	}
}

func TestLog(t *testing.T) {
	var log lines
	done := make(chan struct{}, 1)
	s := serve(t, scimapi.Options{Log: slog.New(slog.NewJSONHandler(&notify{&log, done}, nil)),
		Hooks: map[string]scimapi.Hook{
			"Group": {Prepare: func(_ *directory.Tx, _ directory.ID, _ *directory.Resource, doc schema.Document,
				_ scimapi.Resolved) error {
				if doc["displayName"] == "panic" {
					panic("a broken hook")
				}
				return errors.New("dsn=postgres://user:secret@host")
			}},
		}})
	c := s.admin(t)
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"very-private"}`)
	<-done
	line := log.find(t, r.header.Get("X-Request-Id"))
	for key, want := range map[string]any{"organization": "default", "principal": "AccessToken", "method": "POST",
		"status": 201.0,
		"route":  "/orgs/{org}/scim/v2/{endpoint}", "level": "INFO"} {
		if line[key] != want {
			t.Errorf("%s: %v, want %v", key, line[key], want)
		}
	}
	if id, _ := line["principalId"].(string); len(id) != 36 {
		t.Errorf("%v", line)
	}
	if _, ok := line["duration"].(float64); !ok || strings.Contains(log.b.String(), "very-private") ||
		strings.Contains(log.b.String(), c.token) {
		t.Errorf("%s", log.b.String())
	}
	for _, name := range []string{"panic", "error"} {
		r := c.refused(500, "", "POST", "/Groups", `{"schemas":["`+groupURN+`"],"displayName":"`+name+`"}`)
		<-done
		id := r.header.Get("X-Request-Id")
		if strings.Contains(string(r.raw), "secret") || strings.Contains(string(r.raw), "hook") ||
			!strings.Contains(string(r.raw), id) {
			t.Errorf("R7644-3.12-22: %s", r.raw)
		}
		line := log.find(t, id)
		if cause, _ := line["cause"].(string); line["level"] != "ERROR" ||
			!strings.Contains(cause, map[string]string{"panic": "a broken hook", "error": "secret@host"}[name]) {
			t.Errorf("%v", line)
		}
	}
	for _, r := range []reply{c.must(404, "GET", "/Users/0", nil)} {
		<-done
		if line := log.find(t, r.header.Get("X-Request-Id")); line["level"] != "INFO" || line["cause"] == nil {
			t.Errorf("%v", line)
		}
	}
}

// notify tells when a line was written.
type notify struct {
	to   *lines
	done chan struct{}
}

func (n *notify) Write(b []byte) (int, error) {
	defer func() { n.done <- struct{}{} }()
	return n.to.Write(b)
}

func TestHooks(t *testing.T) {
	called := make(chan directory.Actor, 1)
	s := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"IdentityProvider": {
		Prepare: func(_ *directory.Tx, _ directory.ID, old *directory.Resource, doc schema.Document,
			_ scimapi.Resolved) error {
			if doc["displayName"] == "bad" {
				return &directory.Error{Kind: directory.Invalid, Attr: "displayName", Detail: "must be good"}
			}
			if old == nil {
				doc["metadataUrl"] = "https://prepared.example/"
			}
			return nil
		},
		Render: func(_ *directory.Snapshot, r *directory.Resource, body map[string]any) {
			body["sp"] = map[string]any{"entityId": "https://sp/" + r.ID.String(), "certificates": []any{}}
			body["health"] = map[string]any{"status": "ok"}
		},
		Actions: map[string]scimapi.Action{
			".dryRun": func(w http.ResponseWriter, _ *http.Request, d *directory.Directory, id directory.ID) error {
				called <- d.Actor()
				w.WriteHeader(http.StatusAccepted)
				return nil
			},
		},
	}}})
	c := s.admin(t)
	doc := func(name string) string {
		return `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],"displayName":"` + name +
			`","sp":{"entityId":"mine"}}`
	}
	c.refused(400, "invalidValue", "POST", "/IdentityProviders", doc("bad"))
	r := c.must(201, "POST", "/IdentityProviders", doc("good"))
	id := r.body["id"].(string)
	path := "/IdentityProviders/" + id
	if at(r.body, "sp", "entityId") != "https://sp/"+id || at(r.body, "health", "status") != "ok" ||
		r.body["metadataUrl"] != "https://prepared.example/" {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "GET", path+"?attributes=sp.entityId", nil); keys(r.body) != "id schemas sp" {
		t.Errorf("%s", r.raw)
	}
	on := c.must(200, "PATCH", path, patch(`{"op":"replace","path":"jit.enabled","value":true}`))
	if at(on.body, "jit", "enabled") != true {
		t.Errorf("%s", on.raw)
	}
	if same := c.must(200, "PUT", path, on.raw); same.header.Get("ETag") != on.header.Get("ETag") {
		t.Errorf("PUT(GET): %s", same.raw)
	}
	c.must(202, "POST", path+"/.dryRun", nil)
	if a := <-called; a.Type != "AccessToken" || a.Rights != directory.ScopeAdmin {
		t.Errorf("%+v", a)
	}
	c.refused(405, "", "GET", path+"/.dryRun", nil)
	c.refused(404, "", "POST", path+"/.nosuch", nil)
	c.refused(404, "", "POST", "/IdentityProviders/11111111-1111-4111-8111-111111111111/.dryRun", nil)
	c.refused(404, "", "POST", "/IdentityProviders/0/.dryRun", nil)
	s.client(t, "default", "write", nil).refused(403, "", "POST", path+"/.dryRun", nil)
	if len(called) != 0 {
		t.Error("a refused action was run")
	}
}
