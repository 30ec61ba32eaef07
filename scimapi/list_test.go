package scimapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/scimapi"
)

func (c *client) list(path, filter string, more ...string) reply {
	c.t.Helper()
	q := url.Values{}
	if filter != "" {
		q.Set("filter", filter)
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return c.must(200, "GET", path+"?"+q.Encode(), nil)
}

func TestFilter(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	a := c.user("alice", "externalId", "E1", "title", "Boss", "name", map[string]any{"familyName": "O'Malley"},
		"emails", []any{map[string]any{"type": "work", "value": "alice@example.com"},
			map[string]any{"type": "home", "value": "a@home.org"}},
		extURN, map[string]any{"department": "D", "manager": map[string]any{"value": "m1"}})
	b := c.user("bob", "externalId", "e1", "active", false, "emails",
		[]any{map[string]any{"type": "home", "value": "bob@example.com"}})
	g := c.group("Crew", a)
	top := c.group("Top", g)
	meta := func(id, name string) string {
		return at(c.must(200, "GET", "/Users/"+id, nil).body, "meta", name).(string)
	}
	for _, tc := range []struct {
		name, path, filter string
		want               []string
	}{
		{"R7644-3.4.2.2-30", "/Users", `userName eq "ALICE"`, []string{a}},
		{"R7644-3.4.2.2-02", "/Users", `USERNAME eq "alice"`, []string{a}},
		{"R7644-3.4.2.2-31", "/Users", `externalId eq "e1"`, []string{b}},
		{"R7644-3.4.2.2-63", "/Users", `id eq "` + a + `"`, []string{a}},
		{"R7644-3.4.2.2-15", "/Users", `emails[type eq "work" and value ew "home.org"]`, nil},
		{"R7644-3.4.2.2-14", "/Users", `emails.type eq "work" and emails.value ew "home.org"`, []string{a}},
		{"Q-04 comparison after a value path", "/Users",
			`emails[type eq "work"].value eq "alice@example.com"`, []string{a}},
		{"B-05 bare word", "/Users", `userName eq alice`, []string{a}},
		{"R7644-3.10-01", "/Users", extURN + `:manager.value eq "m1"`, []string{a}},
		{"R7644-3.4.2.2-36", "/Users", `active eq false`, []string{b}},
		{"R7644-3.4.2.2-47", "/Users", `not (title pr)`, []string{b}},
		{"R7644-3.4.2.2-61", "/Users", `meta.resourceType eq "User"`, []string{a, b}},
		{"R7644-3.4.2.2-60", "/Users", `meta.created le "` + meta(b, "created") + `"`, []string{a, b}},
		{"R7644-3.4.2.2-62 location", "/Users", `meta.location eq "` + c.public + "/Users/" + a + `"`, []string{a}},
		{"R7644-3.4.2.2-62 another location", "/Users", `meta.location eq "http://elsewhere/Users/` + a + `"`, nil},
		{"R7644-3.4.2.2-62 version", "/Users", `meta.version eq "` + strings.ReplaceAll(meta(b, "version"), `"`, `\"`) +
			`"`, []string{b}},
		{"R7644-3.4.2.2-64", "/Groups", `members.value eq "` + a + `"`, []string{g}},
		{"R7644-3.4.2.2-64 value path", "/Groups", `members[value eq "` + a + `"]`, []string{g}},
		{"$ref of members", "/Groups", `members.$ref eq "` + c.public + "/Users/" + a + `"`, []string{g}},
		{"$ref of members in a value path", "/Groups", `members[$ref eq "Groups/` + g + `"]`, []string{top}},
		{"$ref elsewhere", "/Groups", `members.$ref eq "http://elsewhere/Users/` + a + `"`, nil},
		{"$ref present", "/Groups", `members.$ref pr`, []string{g, top}},
		{"displayName in another case", "/Groups", `displayName eq "crew"`, []string{g}},
		{"R7644-3.4.2.2-65", "/Users", `groups.value eq "` + g + `"`, []string{a}},
		{"R7644-3.4.2.2-65 indirect", "/Users", `groups.value eq "` + top + `"`, []string{a}},
		{"groups and not", "/Users", `not (groups.value eq "` + g + `")`, []string{b}},
		{"2.5 references by two terms", "/Groups", `id eq "` + g + `" and members eq "` + a + `"`, []string{g}},
		{"roles of nobody", "/Users", `roles pr`, nil},
	} {
		r := c.list(tc.path, tc.filter)
		got, want := ids(r.body["Resources"]), slices.Clone(tc.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || r.body["totalResults"] != float64(len(want)) {
			t.Errorf("%s: %s: %v of %v, want %v", tc.name, tc.filter, got, r.body["totalResults"], want)
		}
	}
	for _, tc := range []struct{ name, filter string }{
		{"R7644-3.4.2.2-04 empty", ``},
		{"R7644-3.4.2.2-04", `userName eq`},
		{"R7644-3.4.2.2-05", `userName regex "x"`},
		{"R7644-3.4.2.2-37", `active gt false`},
		{"R7644-3.4.2.2-43", `meta.created gt "yesterday"`},
		{"R7644-3.4.2.2-23", `password sw "a"`},
		{"B-06", `nosuch eq "x"`},
		{"order of URLs", `groups.$ref sw "https:"`},
		{"too long", `userName eq "` + strings.Repeat("x", 100_000) + `"`},
	} {
		c.refused(400, "invalidFilter", "GET", "/Users?filter="+url.QueryEscape(tc.filter), nil)
	}
	// it could not be read: not an answer with everything
	c.refused(400, "invalidValue", "GET", "/Users?filter=%zz", nil)
	c.refused(400, "invalidFilter", "GET", "/Users?filter=id+pr&filter=id+pr", nil)
	if r := c.must(200, "GET", `/Users?filter=userName+eq%20"alice"&aadOptscim062020&foo=bar`,
		nil); len(ids(r.body["Resources"])) != 1 {
		t.Errorf("R7644-3.4.2.2-22, R7644-3.4.2-06: %s", r.raw)
	}
}

func TestIndexPaging(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{MaxPageSize: 4, PageSize: 3}}).admin(t)
	var all []string
	for i := range 5 {
		all = append(all, c.user(fmt.Sprintf("u%d", i)))
	}
	for _, tc := range []struct {
		name, query string
		start, n    int
	}{
		{"R7644-3.4.2.4-06 own limit", "", 1, 3},
		{"R7644-3.4.2.4-02", "count=2", 1, 2},
		{"R7643-5-14 maxResults", "count=100", 1, 4},
		{"R7644-3.4.2.4-01 zero", "startIndex=0&count=2", 1, 2},
		{"R7644-3.4.2.4-01 negative", "startIndex=-5&count=2", 1, 2},
		{"R7644-3.4.2.4-03", "count=-1", 1, 0},
		{"R7644-3.4.2.4-04", "count=0", 1, 0},
		{"R7644-3.4.2.4-07", "startIndex=4&count=4", 4, 2},
		{"R7644-3.4.2.4-08", "startIndex=6", 6, 0},
		{"far beyond", "startIndex=9223372036854775807&count=4", 9223372036854775807, 0},
		{"huge count", "count=99999999999999999999", 1, 4},
	} {
		r := c.must(200, "GET", "/Users?"+tc.query, nil)
		got := ids(r.body["Resources"])
		if len(got) != tc.n || r.body["itemsPerPage"] != float64(tc.n) || r.body["totalResults"] != 5.0 ||
			r.body["startIndex"] != float64(tc.start) {
			t.Errorf("%s: %s", tc.name, r.raw)
		}
		if tc.n > 0 && !slices.Equal(got, all[tc.start-1:tc.start-1+tc.n]) {
			t.Errorf("%s: order %v", tc.name, got)
		}
	}
	for _, q := range []string{"count=abc", "startIndex=1.5", "count="} { // R7644-3.4.2.4-11
		c.refused(400, "invalidValue", "GET", "/Users?"+q, nil)
	}
	if r := c.list("/Users", `userName eq "nobody"`); r.body["totalResults"] != 0.0 ||
		len(r.body["Resources"].([]any)) != 0 || !strings.Contains(string(r.raw), `"Resources":[]`) {
		t.Errorf("B-04: %s", r.raw)
	}
}

func TestListShape(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a", "title", "x", "emails", []any{map[string]any{"value": "a@x", "type": "work"}})
	c.group("G", id)
	one := c.must(200, "GET", "/Users/"+id, nil)
	r := c.list("/Users", "")
	// R7644-3.4.2-08
	if got, _ := json.Marshal(at(r.body, "Resources", 0)); string(got) != string(mustJSON(t, one.body)) {
		t.Errorf("in a list %s\nalone %s", got, one.raw)
	}
	for query, want := range map[string]string{
		"attributes=userName":                 "id schemas userName",
		"attributes=meta.version,name":        "id meta schemas",
		"attributes=groups.value":             "groups id schemas",
		"attributes=nosuch":                   "id schemas",
		"attributes=":                         "active emails groups id meta schemas title userName",
		"excludedAttributes=meta,groups":      "active emails id schemas title userName",
		"attributes=emails[type eq \"work\"]": "emails id schemas",
	} {
		k, v, _ := strings.Cut(query, "=")
		for _, body := range []any{
			at(c.list("/Users", "", k, v).body, "Resources", 0),
			any(c.must(200, "GET", "/Users/"+id+"?"+url.Values{k: {v}}.Encode(), nil).body),
		} {
			if got := keys(body); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	}
	c.refused(400, "invalidValue", "GET", "/Users?attributes=id&excludedAttributes=meta", nil) // B-09
	if got := keys(c.must(201, "POST", "/Users?attributes=userName",
		`{"schemas":["`+userURN+`"],"userName":"b"}`).body); got != "id schemas userName" {
		t.Errorf("R7644-3.9-01 POST: %s", got)
	}
	full := c.must(200, "GET", "/Users/"+id+"?attributes=userName", nil)
	if full.header.Get("ETag") != one.header.Get("ETag") {
		t.Error("R7644-3.9-08")
	}
}

func keys(v any) string {
	var names []string
	for k := range v.(map[string]any) {
		names = append(names, k)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGzip(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	for i := range 20 {
		c.user(fmt.Sprintf("u%d", i))
	}
	plain := c.must(200, "GET", "/Users", nil, "Accept-Encoding", "identity")
	packed := c.must(200, "GET", "/Users", nil, "Accept-Encoding", "gzip")
	if packed.header.Get("Content-Encoding") != "gzip" || packed.header.Get("Vary") != "Accept-Encoding" ||
		len(packed.raw) >= len(plain.raw) {
		t.Fatalf("%v, %d bytes of %d", packed.header, len(packed.raw), len(plain.raw))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.raw))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || string(got) != string(plain.raw) {
		t.Errorf("%v: %s", err, got)
	}
}

func TestEvents(t *testing.T) {
	var tick atomic.Int64 // Events are in order of time: no two at one moment here
	now := func() time.Time { return time.Now().Add(time.Duration(tick.Add(1)) * time.Second) }
	s := serveStore(t,
		directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: now}),
		scimapi.Options{})
	c := s.admin(t)
	id := c.user("a")
	c.must(204, "DELETE", "/Users/"+id, nil)
	r := c.list("/Events", `resource.value eq "`+id+`"`)
	events := r.body["Resources"].([]any)
	if len(events) != 2 || at(events, 0, "action") != "delete" || at(events, 1, "action") != "create" {
		t.Fatalf("%s", r.raw)
	}
	event := at(events, 1, "id").(string)
	one := c.must(200, "GET", "/Events/"+event, nil)
	if at(one.body, "actor", "type") != "AccessToken" || at(one.body, "meta", "location") != c.public+"/Events/"+event {
		t.Errorf("%s", one.raw)
	}
	c.refused(404, "", "GET", "/Events/11111111-1111-4111-8111-111111111111", nil)
	gone := c.must(200, "GET", "/DeletedUsers/"+id, nil)
	if gone.body["userName"] != "a" {
		t.Errorf("%s", gone.raw)
	}
	c.must(204, "DELETE", "/DeletedUsers/"+id, nil)
	c.refused(404, "", "GET", "/DeletedUsers/"+id, nil)
}
