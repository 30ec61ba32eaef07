package scimapi_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/scimapi"
)

// Too many requests are answered with 429 and Retry-After (R6585-4-01): for the credential that sends them, and for a
// client that tries invalid ones.
func TestRateLimit(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	s := serve(t, scimapi.Options{Now: func() time.Time { return time.Unix(0, clock.Load()) },
		Rate: scimapi.Rate{PerSecond: 0.5, Burst: 3}, Failures: scimapi.Rate{PerSecond: 0.25, Burst: 2}})
	c, other := s.admin(t), s.admin(t)
	for range 3 {
		c.must(200, "GET", "/Users", nil)
	}
	if r := c.refused(429, "", "GET", "/Users", nil); r.header.Get("Retry-After") != "2" {
		t.Errorf("%v", r.header)
	}
	c.refused(429, "", "POST", "/Bulk", `{}`)
	c.must(200, "GET", "/ServiceProviderConfig", nil) // needs no credential
	other.must(200, "GET", "/Users", nil)
	bad := &client{t: t, base: c.base, public: c.public, token: "bad"}
	for range 2 {
		bad.refused(401, "", "GET", "/Users", nil)
	}
	if r := bad.refused(429, "", "GET", "/Users", nil); r.header.Get("Retry-After") != "4" ||
		r.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%v", r.header)
	}
	other.must(200, "GET", "/Users", nil)                 // from the same address
	none := &client{t: t, base: c.base, public: c.public} // no credential counts as a bad one
	none.refused(429, "", "GET", "/Users", nil)
	clock.Add(int64(4 * time.Second))
	bad.refused(401, "", "GET", "/Users", nil)
	for range 2 {
		c.must(200, "GET", "/Users", nil)
	}
	c.refused(429, "", "GET", "/Users", nil)
}

// hindered is an etcd client that loses every race, or whose quota is used up.
type hindered struct {
	clientv3.KV
	clientv3.Maintenance
	before  atomic.Pointer[func()] // each transaction
	full    atomic.Bool
	noSpace atomic.Bool // the next transaction is carried out and answered NOSPACE
}

func (h *hindered) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if f := h.before.Load(); f != nil && op.IsTxn() {
		(*f)()
	}
	resp, err := h.KV.Do(ctx, op)
	if err == nil && op.IsTxn() && h.noSpace.Swap(false) {
		return clientv3.OpResponse{}, rpctypes.ErrNoSpace
	}
	return resp, err
}

func (h *hindered) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	s, err := h.Maintenance.Status(ctx, endpoint)
	if err == nil && h.full.Load() {
		s.DbSizeQuota = s.DbSize
	}
	return s, err
}

func serveHindered(t *testing.T) (*server, *hindered, string) {
	etcd := directorytest.NewClient(t)
	h := &hindered{KV: etcd.KV, Maintenance: etcd.Maintenance}
	etcd.KV, etcd.Maintenance = h, h
	root := directorytest.Root()
	return serveStore(t, directorytest.Open(t, etcd, directory.Options{Root: root}), scimapi.Options{}), h, root
}

// A change that loses every race is refused with 503, in a request and in Bulk.
func TestBusy(t *testing.T) {
	s, h, root := serveHindered(t)
	c := s.admin(t)
	id := c.user("a")
	user, _ := directory.ParseID(id)
	rival, n := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}).Organization("default"), 0
	faster := func() {
		n++
		if _, err := rival.Update(context.Background(), func(tx *directory.Tx) error {
			r, err := tx.Get("User", user)
			if err != nil {
				return err
			}
			doc, err := tx.Snapshot().Type("User").Decode(r.JSON)
			if err != nil {
				return err
			}
			doc["title"] = fmt.Sprint(n)
			_, err = tx.Replace(r, doc)
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	h.before.Store(&faster)
	change := patch(`{"op":"add","path":"nickName","value":"x"}`)
	if r := c.refused(503, "", "PATCH", "/Users/"+id, change); r.header.Get("Retry-After") == "" {
		t.Errorf("%v", r.header)
	}
	if got := c.statuses(c.bulk("", bulkOp("PATCH", "/Users/"+id, change))); got != "503" {
		t.Error(got)
	}
	h.before.Store(nil)
	if r := c.must(200, "PATCH", "/Users/"+id, change); r.body["title"] != fmt.Sprint(n) || n < 2 {
		t.Errorf("after %d changes of the other: %s", n, r.raw)
	}
}

// A store that is nearly full refuses everything except deletion (507), in a request and in Bulk.
func TestFull(t *testing.T) {
	root := directorytest.Root()
	before := serveStore(t, directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}),
		scimapi.Options{})
	c := before.admin(t)
	a, b := c.user("a"), c.user("b")
	etcd := directorytest.NewClient(t)
	h := &hindered{KV: etcd.KV, Maintenance: etcd.Maintenance}
	h.full.Store(true)
	etcd.Maintenance = h
	now := serveStore(t, directorytest.Open(t, etcd, directory.Options{Root: root}), scimapi.Options{})
	c.base = now.url + "/orgs/default/scim/v2"
	deadline := time.Now().Add(20 * time.Second)
	for n := 0; ; n++ { // the quota is looked at beside the requests
		r := c.request("POST", "/Users",
			map[string]any{"schemas": []string{userURN}, "userName": fmt.Sprint("early", n)})
		if r.status == 507 {
			break
		}
		if r.status != 201 || time.Now().After(deadline) {
			t.Fatalf("%d %s", r.status, r.raw)
		}
	}
	c.refused(507, "", "PUT", "/Users/"+a, map[string]any{"schemas": []string{userURN}, "userName": "c"})
	if got := c.statuses(c.bulk("", postUser("q", "d"), bulkOp("DELETE", "/Users/"+a, nil))); got != "507 204" {
		t.Error(got)
	}
	c.must(200, "GET", "/Users/"+b, nil)
	c.must(204, "DELETE", "/Users/"+b, nil)
}

// An etcd whose quota is used up refuses what is to be stored (507), and nothing of it is there.
func TestNoSpace(t *testing.T) {
	etcd, err := embedded.StartSmall(t.Context(), t.TempDir(), 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcd.Close)
	s := serveStore(t, directorytest.Open(t, etcd.Client, directory.Options{}), scimapi.Options{})
	c := s.admin(t)
	a := c.user("a")
	for n := 0; err == nil; n++ {
		if n == 50 {
			t.Fatal("the quota is not used up")
		}
		_, err = etcd.Client.Put(t.Context(), fmt.Sprint("/filler/", n), strings.Repeat("x", 1<<20))
	}
	c.refused(507, "", "POST", "/Users", map[string]any{"schemas": []string{userURN}, "userName": "b"})
	c.refused(507, "", "PUT", "/Users/"+a, map[string]any{"schemas": []string{userURN}, "userName": "c"})
	if got := c.statuses(c.bulk("", postUser("q", "d"), postUser("r", "e"))); got != "507 507" {
		t.Error(got)
	}
	r := c.must(200, "GET", "/Users", nil)
	if r.body["totalResults"] != 1.0 || !strings.Contains(string(r.raw), `"userName":"a"`) {
		t.Errorf("%s", r.raw)
	}
}

// What etcd carried out and answered NOSPACE to was done. A node that has had that answer asks etcd for its size before
// it writes again, so each request here is the first of its node to get it.
func TestNoSpaceButDone(t *testing.T) {
	for name, request := range map[string]func(c *client, a string){
		"POST": func(c *client, _ string) { c.user("b") },
		"Bulk": func(c *client, _ string) {
			if got := c.statuses(c.bulk("", postUser("q", "b"), postUser("r", "c"))); got != "201 201" {
				c.t.Error(got)
			}
		},
		"DELETE": func(c *client, a string) { c.must(204, "DELETE", "/Users/"+a, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s, h, _ := serveHindered(t)
			c := s.admin(t)
			a := c.user("a")
			h.noSpace.Store(true)
			request(c, a)
			want := map[string]float64{"POST": 2, "Bulk": 3, "DELETE": 0}[name]
			if r := c.must(200, "GET", "/Users", nil); r.body["totalResults"] != want {
				t.Errorf("%s", r.raw)
			}
		})
	}
}
