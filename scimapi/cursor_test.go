package scimapi_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// page gets a page; pairs are query parameters.
func (c *client) page(path string, pairs ...string) reply {
	c.t.Helper()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return c.request("GET", path+"?"+q.Encode(), nil)
}

func next(r reply) string {
	s, _ := r.body["nextCursor"].(string)
	return s
}

func previous(r reply) string {
	s, _ := r.body["previousCursor"].(string)
	return s
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func TestCursorWalk(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	var all []string
	for i := range 7 {
		all = append(all, c.user(fmt.Sprint("u", i)))
	}
	var pages []reply
	for cursor := ""; ; cursor = next(pages[len(pages)-1]) {
		r := c.page("/Users", "cursor", cursor, "count", "3")
		if r.status != 200 {
			t.Fatalf("%s", r.raw)
		}
		pages = append(pages, r)
		if _, more := r.body["nextCursor"]; !more {
			break
		}
	}
	var got []string
	for i, r := range pages {
		got = append(got, ids(r.body["Resources"])...)
		_, index := r.body["startIndex"]
		// R9865-2-07, -13, B-27
		if r.body["totalResults"] != 7.0 || r.body["itemsPerPage"] != float64(len(ids(r.body["Resources"]))) || index {
			t.Errorf("page %d: %s", i, r.raw)
		}
		if (previous(r) == "") != (i == 0) { // R9865-2-03
			t.Errorf("page %d: previousCursor %q", i, previous(r))
		}
		for _, s := range []string{next(r), previous(r)} { // R9865-2-05
			if s != "" && !unreserved.MatchString(s) {
				t.Errorf("a cursor with reserved characters: %s", s)
			}
		}
	}
	if len(pages) != 3 || !slices.Equal(got, all) { // R9865-2-02, -12
		t.Errorf("%d pages with %v, want %v", len(pages), got, all)
	}
	for i := len(pages) - 1; i > 0; i-- { // R9865-2-04
		back := c.page("/Users", "cursor", previous(pages[i]), "count", "3")
		if !slices.Equal(ids(back.body["Resources"]), ids(pages[i-1].body["Resources"])) ||
			(previous(back) == "") != (i == 1) || next(back) == "" {
			t.Errorf("back from page %d: %s", i, back.raw)
		}
	}
	bare := c.must(200, "GET", "/Users?cursor&count=3", nil) // R9865-2-01
	mustEqual(t, "?cursor", ids(bare.body["Resources"]), all[:3])
	if r := c.must(200, "GET", "/Users?count=3", nil); next(r) != "" || r.body["startIndex"] != 1.0 { // R9865-2.4-01
		t.Errorf("index is the default: %s", r.raw)
	}
	without := c.page("/Users", "cursor", next(pages[0])) // the walk's own count
	mustEqual(t, "without count", ids(without.body["Resources"]), all[3:6])
}

func mustEqual(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestCursorCounts(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{PageSize: 2, MaxPageSize: 3}}).admin(t)
	for i := range 5 {
		c.user(fmt.Sprint("u", i))
	}
	for _, tc := range []struct {
		name, count string
		want        int
	}{
		{"R9865-2-06", "1", 1}, {"R9865-2-10", "0", 0}, {"B-25", "-1", 0}, {"B-26", "4", 3},
		{"B-26 huge", "99999999999999999999", 3},
	} {
		r := c.page("/Users", "cursor", "", "count", tc.count)
		if len(ids(r.body["Resources"])) != tc.want || r.body["totalResults"] != 5.0 ||
			(next(r) == "") != (tc.want == 0) {
			t.Errorf("%s: %s", tc.name, r.raw)
		}
	}
	first := c.page("/Users", "cursor", "")
	if len(ids(first.body["Resources"])) != 2 { // R9865-4-05
		t.Errorf("without count: %s", first.raw)
	}
	second := c.page("/Users", "cursor", "", "count", "4")
	if r := c.page("/Users", "cursor", next(second), "count", "5"); len(ids(r.body["Resources"])) != 2 {
		t.Errorf("two counts that are capped alike: %s", r.raw)
	}
	for _, count := range []string{"abc", "1.5", ""} { // R9865-2.1-03
		c.refused(400, "invalidCount", "GET", "/Users?cursor=&count="+count, nil)
	}
	for _, count := range []string{"1", "0", "-1", "3"} {
		c.refused(400, "invalidCount", "GET", "/Users?cursor="+next(first)+"&count="+count, nil)
	}
	c.refused(400, "invalidValue", "GET", "/Users?cursor=&startIndex=1", nil) // B-28
	c.refused(400, "invalidValue", "GET", "/Users?cursor="+next(first)+"&startIndex=3", nil)
}

// A cursor is valid only for the query that it came from (R9865-2-08).
func TestCursorOfAnotherQuery(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	for i := range 4 {
		c.user(fmt.Sprint("u", i))
		c.group(fmt.Sprint("g", i))
	}
	cursor := next(c.page("/Users", "cursor", "", "count", "2", "filter", "id pr", "sortBy", "userName",
		"attributes", "userName"))
	good := func(more ...string) []string {
		return append([]string{"cursor", cursor, "count", "2", "filter", "id pr", "sortBy", "userName", "attributes",
			"userName"}, more...)
	}
	if r := c.page("/Users", good()...); texts(r, "userName") != "u2 u3" {
		t.Fatalf("%s", r.raw)
	}
	garbage := c.page("/Users", "cursor", "garbage")
	for what, r := range map[string]reply{
		"another filter":   c.page("/Users", good("filter", `userName pr`)...),
		"another order":    c.page("/Users", good("sortOrder", "descending")...),
		"another sortBy":   c.page("/Users", good("sortBy", "id")...),
		"other attributes": c.page("/Users", good("attributes", "id")...),
		"no filter":        c.page("/Users", "cursor", cursor, "count", "2"),
		"another endpoint": c.page("/Groups", good()...),
		"the root":         c.page("/", good()...),
		"other exclusions": c.page("/Users", good("attributes", "", "excludedAttributes", "meta")...),
		"garbage":          garbage,
	} {
		// R9865-5.2-06
		if r.status != 400 || r.body["scimType"] != "invalidCursor" || string(r.raw) != string(garbage.raw) {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
	}
	c.refused(400, "invalidCursor", "GET", "/Users?cursor=&cursor=", nil)
}

// A cursor belongs to its credential, cannot be forged, and every page is judged with the credential.
func TestCursorsAreSealed(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	s.client(t, "", "admin", nil).must(201, "POST", "/Organizations",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:Organization"],"name":"other"}`)
	for i := range 4 {
		admin.user(fmt.Sprint("secretname", i))
	}
	cursor := next(admin.page("/Users", "cursor", "", "count", "1"))
	path := "/Users?count=1&cursor="
	garbage := admin.must(400, "GET", path+"garbage", nil)
	for what, c := range map[string]*client{"another token": s.client(t, "default", "admin", nil),
		"another organization": s.client(t, "other", "admin", nil)} {
		if r := c.must(400, "GET", path+cursor, nil); string(r.raw) != string(garbage.raw) { // R9865-5.2-01, -03, -06
			t.Errorf("%s: %s, garbage gets %s", what, r.raw, garbage.raw)
		}
	}
	for i := range cursor { // R9865-5.2-05
		forged := []byte(cursor)
		forged[i] = map[bool]byte{true: 'A', false: 'B'}[forged[i] != 'A']
		if r := admin.request("GET", path+string(forged), nil); string(r.raw) != string(garbage.raw) {
			t.Fatalf("changed at %d: %s", i, r.raw)
		}
	}
	// R9865-2.1-01
	for _, bad := range []string{cursor[:len(cursor)/2], cursor + "A", cursor + "=", "%00",
		strings.Repeat("A", 10_000)} {
		admin.refused(400, "invalidCursor", "GET", path+bad, nil)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(cursor); err != nil ||
		strings.Contains(string(raw), "secretname") || strings.Contains(string(raw), "User") {
		t.Errorf("the cursor shows what it is about: %q, %v", raw, err)
	}
	admin.must(200, "GET", path+cursor, nil) // none of that has spent it

	// R9865-5.2-02: the credential may do less now, so the walk has to start over.
	reader := s.client(t, "default", "admin", nil)
	cursor = next(reader.page("/", "cursor", "", "count", "1"))
	tokens := admin.list("/AccessTokens", "").body["Resources"].([]any)
	own := at(tokens[len(tokens)-1], "id").(string)
	admin.must(200, "PATCH", "/AccessTokens/"+own, patch(`{"op":"replace","path":"scopes","value":["read"]}`))
	reader.refused(400, "invalidCursor", "GET", "/?count=1&cursor="+cursor, nil)
	cursor = next(reader.page("/Users", "cursor", "", "count", "1"))
	admin.must(204, "DELETE", "/AccessTokens/"+own, nil)
	reader.refused(401, "", "GET", path+cursor, nil) // R9865-5.2-04
}

func TestCursorInSearch(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	for i := range 5 {
		c.user(fmt.Sprint("u", i))
		c.group(fmt.Sprint("u", i, "g"))
	}
	// R9865-3-01, -02, R9865-2.2-01
	for path, want := range map[string]string{"/Users": "u4 u3 u2 u1 u0", "": "u4g u4 u3g u3 u2g u2 u1g u1 u0g u0"} {
		sortBy, field := "userName", "userName"
		body := search("count", 2, "filter", `userName sw "u" or displayName sw "u"`, "sortBy", sortBy, "sortOrder",
			"descending", "cursor", "")
		if path == "" {
			for i, u := range c.list("/Users", "").body["Resources"].([]any) {
				c.must(200, "PATCH", "/Users/"+at(u, "id").(string),
					patch(fmt.Sprintf(`{"op":"add","path":"displayName","value":"u%d"}`, i)))
			}
			body["sortBy"], field = "displayName", "displayName"
		}
		var got []string
		var last reply
		for range 10 {
			last = c.must(200, "POST", path+"/.search", body)
			got = append(got, strings.Fields(texts(last, field))...)
			if next(last) == "" {
				break
			}
			body["cursor"] = next(last)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
		body["cursor"] = previous(last)
		if back := c.must(200, "POST", path+"/.search", body); len(ids(back.body["Resources"])) != 2 {
			t.Errorf("%s back: %s", path, back.raw)
		}
	}
}

// pins counts the pins under the root.
func pins(t *testing.T, root string) int {
	t.Helper()
	resp, err := directorytest.Client(t).Get(context.Background(), root, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, kv := range resp.Kvs {
		if strings.Contains(string(kv.Key), "/pin/") {
			n++
		}
	}
	return n
}

// A result that fits on one page has no pin, and the time and number of pins are bounded.
func TestPinsOfWalks(t *testing.T) {
	var seconds atomic.Int64
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(seconds.Load()) * time.Second) }
	root := directorytest.Root()
	s := serveStore(t, directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, Now: now}),
		scimapi.Options{})
	c := s.admin(t)
	for i := range 3 {
		c.user(fmt.Sprint("u", i))
	}
	for _, q := range [][]string{{"count", "3"}, {"count", "0"}, {"count", "2", "filter", `userName ne "u1"`},
		{"count", "3", "sortBy", "id"}} {
		r := c.page("/Users", append(q, "cursor", "")...)
		if r.status != 200 || next(r) != "" || previous(r) != "" {
			t.Errorf("%v: %s", q, r.raw)
		}
	}
	r := c.page("/Users", "cursor", "", "sortBy", "userName", "sortOrder", "descending")
	if texts(r, "userName") != "u2 u1 u0" {
		t.Errorf("one page, sorted: %s", r.raw)
	}
	c.refused(400, "invalidValue", "GET", "/Users?cursor=&sortBy=name", nil)
	c.refused(400, "invalidValue", "GET", "/Users?cursor=&count=1&sortBy=nosuch", nil)
	c.refused(400, "invalidFilter", "GET", "/?cursor=&count=1&filter=active+gt+true", nil)
	if n := pins(t, root); n > 0 {
		t.Errorf("%d pins for answers of one page and refusals", n)
	}
	cursor := next(c.page("/Users", "cursor", "", "count", "1"))
	if n := pins(t, root); n != 1 {
		t.Errorf("%d pins for one walk", n)
	}
	seconds.Add(int64(directory.PinLifetime.Seconds()) - 1)
	if r := c.page("/Users", "cursor", cursor, "count", "1"); r.status != 200 { // R9865-4-06
		t.Errorf("before cursorTimeout: %s", r.raw)
	}
	seconds.Add(int64(directory.PinLifetime.Seconds()) - 1)
	if r := c.page("/Users", "cursor", cursor, "count", "1"); r.status != 200 { // the time is between two requests
		t.Errorf("before cursorTimeout, again: %s", r.raw)
	}
	seconds.Add(int64(directory.PinLifetime.Seconds()) + 1)
	c.refused(400, "expiredCursor", "GET", "/Users?count=1&cursor="+cursor, nil) // R9865-2.1-02
	oldest := next(c.page("/Users", "cursor", "", "count", "1"))
	var latest string
	for range directory.MaxPins { // R9865-5.3-02
		latest = next(c.page("/Users", "cursor", "", "count", "1"))
	}
	c.refused(400, "expiredCursor", "GET", "/Users?count=1&cursor="+oldest, nil)
	c.must(200, "GET", "/Users?count=1&cursor="+latest, nil)
}

// A walk through Events shows one state, although they are not in memory and others write them meanwhile.
func TestCursorOverEvents(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	for i := range 4 {
		c.user(fmt.Sprint("u", i))
	}
	want := ids(c.list("/Events", "").body["Resources"])
	var got []string
	for first, cursor := true, ""; first || cursor != ""; first = false {
		r := c.page("/Events", "cursor", cursor, "count", "2")
		if r.status != 200 {
			t.Fatalf("after %d Events: %d %s", len(got), r.status, r.raw)
		}
		got = append(got, ids(r.body["Resources"])...)
		c.user(fmt.Sprint("more", len(got)))
		cursor = next(r)
	}
	mustEqual(t, "events", got, want)
}

// seed creates n Users at once.
func seed(t testing.TB, store *directory.Store, n int, document func(int) schema.Document) []string {
	t.Helper()
	out := make([]string, n)
	const step = 4000
	for from := 0; from < n; from += step {
		var changes []func(*directory.Tx) error
		for i := from; i < min(from+step, n); i++ {
			changes = append(changes, func(tx *directory.Tx) error {
				r, err := tx.Create("User", document(i))
				if err == nil {
					out[i] = r.ID.String()
				}
				return err
			})
		}
		for _, err := range store.Organization("default").UpdateEach(t.Context(), changes) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// A walk sees the state at its start, each User once and as it was, while others delete, create and change Users, and
// while its pages come from two nodes in turn (R9865-2-12).
func TestLongWalk(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 5000
	}
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
	all := seed(t, servers[0].store, n, func(i int) schema.Document {
		return schema.Document{"userName": fmt.Sprintf("u%06d", i*7919%n), "title": "old"}
	})
	d := servers[1].store.Organization("default")
	k := 0
	churn := func() {
		k++
		var changes []func(*directory.Tx) error
		for i := range 4 {
			id, _ := directory.ParseID(all[(k*4+i)*613%n])
			changes = append(changes, func(tx *directory.Tx) error {
				r, err := tx.Get("User", id)
				if directory.KindOf(err) == directory.NotFound {
					return nil
				}
				if err != nil {
					return err
				}
				if i%2 == 0 {
					return tx.Delete(r)
				}
				doc, err := schema.User().Decode(r.JSON)
				if err != nil {
					return err
				}
				doc["title"], doc["userName"] = "new", fmt.Sprintf("renamed-%d-%d", k, i)
				_, err = tx.Replace(r, doc)
				return err
			}, func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("a-%d-%d", k, i)})
				return err
			})
		}
		for _, err := range d.UpdateEach(t.Context(), changes) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, sorted := range []bool{false, true} {
		pairs := []string{"count", "1000", "attributes", "title", "cursor", ""}
		start := "/Users?count=0"
		if sorted {
			pairs = append(pairs, "sortBy", "userName", "sortOrder", "descending", "filter", `userName sw "u00"`)
			start += "&filter=" + url.QueryEscape(`userName sw "u00"`)
		}
		before := nodes[0].must(200, "GET", start, nil).body["totalResults"]
		if !sorted && before != float64(n) {
			t.Fatalf("%v Users at the start", before)
		}
		seen := map[string]int{}
		var order []string
		for {
			r := nodes[k%2].page("/Users", pairs...)
			if r.status != 200 || r.body["totalResults"] != before {
				t.Fatalf("page %d: %d, totalResults %v", k, r.status, r.body["totalResults"])
			}
			for _, e := range r.body["Resources"].([]any) {
				id := at(e, "id").(string)
				seen[id]++
				order = append(order, id)
				if !sorted && at(e, "title") != "old" {
					t.Fatalf("page %d shows a User as it became later", k)
				}
			}
			churn()
			if pairs[5] = next(r); pairs[5] == "" {
				break
			}
		}
		if float64(len(seen)) != before || float64(len(order)) != before {
			t.Fatalf("sorted %v: %d Users %d times, want %v", sorted, len(seen), len(order), before)
		}
		if !sorted && !slices.Equal(slices.Sorted(slices.Values(order)), slices.Sorted(slices.Values(all))) {
			t.Error("the walk saw other Users than those at its start")
		}
	}
}
