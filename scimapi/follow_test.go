package scimapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/scimapi"
)

// events asks for the Events behind a token.
func (c *client) events(after string, more ...string) reply {
	c.t.Helper()
	return c.must(200, "GET", eventsPath(after, more...), nil)
}

func eventsPath(after string, more ...string) string {
	values := url.Values{"after": {after}}
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return "/Events?" + values.Encode()
}

func nextAfter(r reply) string {
	token, _ := r.body["nextAfter"].(string)
	return token
}

func resources(r reply) []any {
	list, _ := r.body["Resources"].([]any)
	return list
}

// Events are read in the order of their commits, by tokens that any credential of the organization may go on with.
func TestEventsInOrder(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	for i := range 3 {
		c.user(fmt.Sprint("u", i))
		c.bulk("", postUser("a", fmt.Sprint("v", i)), postUser("b", fmt.Sprint("w", i)), postUser("c", fmt.Sprint("x", i)))
	}
	all := c.list("/Events", "").body["Resources"].([]any)
	slices.SortStableFunc(all, func(a, b any) int {
		if d := at(a, "revision").(float64) - at(b, "revision").(float64); d != 0 {
			return int(d)
		}
		return strings.Compare(at(a, "id").(string), at(b, "id").(string))
	})
	want := ids(all)
	for _, size := range []string{"1", "2", "5", "100"} {
		var got []string
		for token := ""; ; {
			r := c.events(token, "count", size)
			if _, counted := r.body["totalResults"]; counted || r.body["itemsPerPage"] != float64(len(resources(r))) {
				t.Errorf("a page: %s", r.raw)
			}
			token = nextAfter(r)
			if len(resources(r)) == 0 {
				break
			}
			got = append(got, ids(r.body["Resources"])...)
		}
		mustEqual(t, "in pages of "+size, got, want)
	}

	// With a filter, a projection, and in the body of a search; by another credential.
	filtered := c.events("", "filter", `resource.display sw "w"`, "attributes", "resource", "count", "2")
	if len(resources(filtered)) != 2 || at(resources(filtered), 0, "action") != nil {
		t.Errorf("filtered: %s", filtered.raw)
	}
	rest := s.admin(t).must(200, "POST", "/Events/.search", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"},
		"after":   nextAfter(filtered), "count": 10, "wait": 0, "filter": `resource.display sw "w"`})
	if len(resources(rest)) != 1 || at(resources(rest), 0, "resource", "display") != "w2" {
		t.Errorf("the rest: %s", rest.raw)
	}
}

// What a client may not ask for together is refused, and named.
func TestFollowParameters(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	c.user("u")
	token := nextAfter(c.events(""))
	other := s.client(t, "", "admin", nil)
	for _, q := range []struct{ path, scimType string }{
		{"/Events?after=x", "invalidCursor"},
		{"/Events?after=" + token + "x", "invalidCursor"},
		{"/Events?after=&after=", "invalidCursor"},
		{"/Events?after=&count=0", "invalidCount"},
		{"/Events?after=&count=-1", "invalidCount"},
		{"/Events?after=&cursor=", "invalidValue"},
		{"/Events?after=&startIndex=1", "invalidValue"},
		{"/Events?after=&sortBy=at", "invalidValue"},
		{"/Events?after=&wait=soon", "invalidValue"},
		{"/Events?wait=1", "invalidValue"},
		{"/Events?follow=true", "invalidValue"},
		{"/Events?after=&follow=true", "invalidValue"},
		{"/Events?cursor=&follow=perhaps", "invalidValue"},
		{"/Events?after=&filter=action", "invalidFilter"},
		{"/Users?after=", "invalidValue"},
		{"/Users?cursor=&follow=true", "invalidValue"},
		{"/SignIns?after=", "invalidValue"},
		{"/?after=", "invalidValue"},
	} {
		c.refused(400, q.scimType, "GET", q.path, nil)
	}
	other.refused(400, "invalidCursor", "GET", "/Events?after="+token, nil)
	for _, scope := range []string{"read", "write"} {
		s.client(t, "default", scope, nil).must(403, "GET", "/Events?after=", nil)
	}
}

// waiting sends a request that waits for an Event; its reply comes on the channel.
func (c *client) waiting(ctx context.Context, path string) <-chan reply {
	c.t.Helper()
	replies := make(chan reply, 1)
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	go func() {
		defer close(replies)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return // it was given up
		}
		defer resp.Body.Close()
		out := reply{status: resp.StatusCode, header: resp.Header}
		out.raw, _ = io.ReadAll(resp.Body)
		_ = json.Unmarshal(out.raw, &out.body)
		replies <- out
	}()
	return replies
}

// untilWaiting waits until so many requests wait at the handler.
func untilWaiting(t *testing.T, h *scimapi.Handler, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); scimapi.Waiting(h) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests wait, want %d", scimapi.Waiting(h), n)
		}
	}
}

// serveHandler is serveStore with the handler.
func serveHandler(t *testing.T, store *directory.Store) (*server, *scimapi.Handler) {
	t.Helper()
	h, err := scimapi.New(store, scimapi.Options{PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	r := mux.NewRouter()
	h.Register(r)
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	return &server{store, web.URL}, h
}

// A request waits until there is an Event that matches, whichever node commits it.
func TestWaitForAnEvent(t *testing.T) {
	root := directorytest.Root()
	open := func() (*server, *scimapi.Handler) {
		return serveHandler(t, directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}))
	}
	s, h := open()
	elsewhere, _ := open()
	c := s.admin(t)
	far := *c
	far.base = elsewhere.url + strings.TrimPrefix(c.base, s.url)
	token := nextAfter(c.events(""))
	if r := c.events(token, "wait", "1"); len(resources(r)) > 0 || nextAfter(r) == "" {
		t.Errorf("nothing happened: %s", r.raw)
	}
	for i, writer := range []*client{c, &far} {
		got := c.waiting(t.Context(), eventsPath(token, "wait", "60"))
		untilWaiting(t, h, 1)
		id := writer.user(fmt.Sprint("u", i))
		r := <-got
		if len(resources(r)) != 1 || at(resources(r), 0, "resource", "value") != id {
			t.Fatalf("writer %d: %d %s", i, r.status, r.raw)
		}
		token = nextAfter(r)
	}

	// What does not match is passed over.
	got := c.waiting(t.Context(), eventsPath(token, "wait", "60", "filter", `resource.display eq "wanted"`))
	untilWaiting(t, h, 1)
	c.user("unwanted")
	far.user("wanted")
	if r := <-got; len(resources(r)) != 1 || at(resources(r), 0, "resource", "display") != "wanted" {
		t.Fatalf("filtered: %s", r.raw)
	}
}

// A request that waits ends with its client, with the node, and with its credential; and only so many wait.
func TestWaitsEnd(t *testing.T) {
	s, h := serveHandler(t, directorytest.New(t))
	c := s.admin(t)
	token := nextAfter(c.events(""))
	path := eventsPath(token, "wait", "60")
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	const most = 8
	for range most {
		c.waiting(ctx, path)
	}
	untilWaiting(t, h, most)
	r := c.must(429, "GET", path, nil)
	if r.header.Get("Retry-After") == "" || !strings.Contains(string(r.raw), "8 requests of this credential") {
		t.Errorf("one too many: %s", r.raw)
	}
	c.must(200, "GET", eventsPath(token), nil) // which does not wait
	giveUp()
	untilWaiting(t, h, 0)

	// A credential that is revoked learns nothing of what comes.
	revoked := s.admin(t)
	mine := nextAfter(c.events(token))
	got := revoked.waiting(t.Context(), eventsPath(mine, "wait", "60"))
	untilWaiting(t, h, 1)
	c.must(204, "DELETE", "/AccessTokens/"+newest(c, "/AccessTokens"), nil)
	if r := <-got; r.status != 401 || len(resources(r)) > 0 {
		t.Errorf("revoked while it waits: %d %s", r.status, r.raw)
	}

	// A node that shuts down lets nobody wait.
	mine = nextAfter(c.events(mine))
	got = c.waiting(t.Context(), eventsPath(mine, "wait", "60"))
	untilWaiting(t, h, 1)
	h.EndWaits()
	if r := <-got; r.status != 200 || len(resources(r)) > 0 || nextAfter(r) == "" {
		t.Errorf("at the end: %d %s", r.status, r.raw)
	}
	c.must(200, "GET", path, nil)
}

// newest is the id of the resource of an endpoint that was created last.
func newest(c *client, endpoint string) string {
	list := ids(c.list(endpoint, "").body["Resources"])
	return list[len(list)-1]
}

// A walk and then following has every Event once, whatever is written meanwhile, on two nodes that take turns: with a
// walk of one page and of several, with changes that leave several Events at one revision.
func TestWalkThenFollow(t *testing.T) {
	root := directorytest.Root()
	var nodes [2]*client
	var servers [2]*server
	for i := range nodes {
		servers[i] = serveStore(t, directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}),
			scimapi.Options{})
	}
	nodes[0] = servers[0].admin(t)
	other := *nodes[0]
	other.base = servers[1].url + strings.TrimPrefix(nodes[0].base, servers[0].url)
	nodes[1] = &other
	for range 10 {
		nodes[0].user(fmt.Sprint("before", rand.Uint64()))
	}

	// Writers on both nodes: single creations, Bulk requests, groups with members.
	var writers sync.WaitGroup
	turns := make(chan struct{}, 4) // about one for each request of the readers
	for i, c := range nodes {
		writers.Go(func() {
			n := 0
			for range turns {
				n++
				name := fmt.Sprint("n", i, "-", n)
				switch n % 3 {
				case 0:
					c.user(name)
				case 1:
					c.bulk("", postUser("a", name+"a"), postUser("b", name+"b"), postGroup("g", name, "bulkId:a", "bulkId:b"),
						postUser("c", name+"c"))
				default:
					c.bulk("", postUser("a", name+"a"), postUser("b", name+"b"), postUser("c", name+"c"))
				}
			}
		})
	}
	var followers []*eventFollower
	turn := 0
	node := func() *client {
		select {
		case turns <- struct{}{}:
		default: // the writers are busy
		}
		turn++
		return nodes[turn%2]
	}
	for i := range 9 {
		f := &eventFollower{seen: map[string]int{}}
		count, cursor := []string{"20", "7", "1000"}[i%3], ""
		for first := true; first || cursor != ""; first = false {
			r := node().page("/Events", "cursor", cursor, "count", count, "follow", "true")
			if r.status != 200 {
				t.Fatalf("walk: %s", r.raw)
			}
			for _, id := range ids(r.body["Resources"]) {
				f.seen[id]++
			}
			cursor, f.token = next(r), r.header.Get("Rollcall-Follow")
			if (cursor == "") != (f.token != "") {
				t.Fatalf("the walk goes on: %v, and its token is %q", cursor != "", f.token)
			}
		}
		followers = append(followers, f)
		for _, f := range followers { // each goes on for some pages
			f.follow(node, 2)
		}
	}
	followers = append(followers, &eventFollower{seen: map[string]int{}}) // from the oldest, without a walk
	close(turns)
	writers.Wait()
	node = func() *client { turn++; return nodes[turn%2] }
	want := map[string]bool{}
	for first, cursor := true, ""; first || cursor != ""; first = false {
		r := node().page("/Events", "cursor", cursor, "count", "1000")
		for _, id := range ids(r.body["Resources"]) {
			want[id] = true
		}
		cursor = next(r)
	}
	for i, f := range followers {
		for f.follow(node, 1) > 0 {
		}
		for id := range want {
			if f.seen[id] != 1 {
				t.Fatalf("follower %d saw an Event %d times", i, f.seen[id])
			}
		}
		if len(f.seen) != len(want) {
			t.Fatalf("follower %d saw %d Events of %d", i, len(f.seen), len(want))
		}
	}
	t.Logf("%d Events, %d followers", len(want), len(followers))
}

// eventFollower reads Events and counts how often it saw each.
type eventFollower struct {
	seen  map[string]int
	token string
}

// follow reads some pages, small ones, and returns how many Events they had.
func (f *eventFollower) follow(node func() *client, pages int) (n int) {
	for range pages {
		r := node().events(f.token, "count", "5")
		for _, id := range ids(r.body["Resources"]) {
			f.seen[id]++
			n++
		}
		f.token = nextAfter(r)
	}
	return n
}
