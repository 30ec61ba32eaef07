package scimapi_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollcall/scimapi"
)

// anyUser returns a User with few different values, so that many are equal and many are missing.
func anyUser(r *rand.Rand, i int) map[string]any {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	doc := map[string]any{"schemas": []string{userURN},
		"userName": fmt.Sprintf("%s%02d", pick("ann", "Bob", "carl", "DORA"), i)}
	if r.IntN(3) > 0 {
		doc["title"] = pick("Boss", "boss", "Clerk", "x \"y\" \\")
	}
	if r.IntN(3) > 0 {
		doc["externalId"] = pick("E1", "e1", "E2")
	}
	if r.IntN(2) > 0 {
		doc["active"] = r.IntN(2) > 0
	}
	if r.IntN(2) > 0 {
		doc["name"] = map[string]any{"familyName": pick("Able", "baker", "Östling"), "givenName": pick("a", "B")}
	}
	if n := r.IntN(4); n > 0 {
		var emails []any
		for j := range n {
			emails = append(emails, map[string]any{"value": pick("a@x.org", "b@x.org", "c@Y.org") + fmt.Sprint(j),
				"type": pick("work", "home")})
		}
		if r.IntN(2) > 0 {
			emails[r.IntN(n)].(map[string]any)["primary"] = true
		}
		doc["emails"] = emails
	}
	if r.IntN(2) > 0 {
		doc[extURN] = map[string]any{"department": pick("Art", "art", "Zoo")}
	}
	return doc
}

// condition is a filter and what it means for a representation, by the words of RFC 7644 §3.4.2.2 and Appendix B-07.
type condition struct {
	text  string
	holds func(user map[string]any) bool
}

func anyCondition(r *rand.Rand, depth int) condition {
	if depth > 0 {
		switch r.IntN(5) {
		case 0:
			a, b := anyCondition(r, depth-1), anyCondition(r, depth-1)
			return condition{"(" + a.text + ") and (" + b.text + ")",
				func(u map[string]any) bool { return a.holds(u) && b.holds(u) }}
		case 1:
			a, b := anyCondition(r, depth-1), anyCondition(r, depth-1)
			return condition{"(" + a.text + ") or (" + b.text + ")",
				func(u map[string]any) bool { return a.holds(u) || b.holds(u) }}
		case 2:
			a := anyCondition(r, depth-1)
			return condition{"not (" + a.text + ")", func(u map[string]any) bool { return !a.holds(u) }}
		}
	}
	if r.IntN(6) == 0 {
		typ, end := []string{"work", "HOME"}[r.IntN(2)], []string{"0", "1"}[r.IntN(2)]
		return condition{fmt.Sprintf(`emails[type eq "%s" and value ew "%s"]`, typ, end), func(u map[string]any) bool {
			emails, _ := u["emails"].([]any)
			return slices.ContainsFunc(emails, func(e any) bool {
				return strings.EqualFold(fmt.Sprint(at(e, "type")), typ) &&
					strings.HasSuffix(fmt.Sprint(at(e, "value")), end)
			})
		}}
	}
	attribute := []struct {
		path  string
		exact bool
		read  []any
	}{
		{"userName", false, []any{"userName"}}, {"title", false, []any{"title"}},
		{"externalId", true, []any{"externalId"}},
		{"name.familyName", false, []any{"name", "familyName"}}, {"emails.value", false, []any{"emails", "value"}},
		{extURN + ":department", false, []any{extURN, "department"}},
		{"meta.resourceType", true, []any{"meta", "resourceType"}},
	}[r.IntN(7)]
	value := []string{"ann01", "BOB", "boss", "e1", "E2", "able", "art", "A@x.org0", "User", "o"}[r.IntN(10)]
	op := []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}[r.IntN(10)]
	holds := func(u map[string]any) bool {
		values := valuesAt(u, attribute.read)
		if op == "pr" {
			return len(values) > 0
		}
		if len(values) == 0 {
			return op == "ne"
		}
		return slices.ContainsFunc(values, func(v string) bool { return compare(op, v, value, attribute.exact) })
	}
	if op == "pr" {
		return condition{attribute.path + " pr", holds}
	}
	return condition{fmt.Sprintf("%s %s %q", attribute.path, op, value), holds}
}

// valuesAt returns the texts at a path, through lists.
func valuesAt(v any, path []any) []string {
	if list, ok := v.([]any); ok {
		var all []string
		for _, e := range list {
			all = append(all, valuesAt(e, path)...)
		}
		return all
	}
	if len(path) == 0 {
		if s, ok := v.(string); ok {
			return []string{s}
		}
		return nil
	}
	m, _ := v.(map[string]any)
	return valuesAt(m[path[0].(string)], path[1:])
}

func compare(op, a, b string, exact bool) bool {
	if !exact {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	switch op {
	case "eq":
		return a == b
	case "ne":
		return a != b
	case "co":
		return strings.Contains(a, b)
	case "sw":
		return strings.HasPrefix(a, b)
	case "ew":
		return strings.HasSuffix(a, b)
	case "gt":
		return a > b
	case "ge":
		return a >= b
	case "lt":
		return a < b
	}
	return a <= b
}

// A filter finds the resources for which it is true as clients see them.
func TestFilterAgainstItsWords(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := rand.New(rand.NewPCG(1, 2))
	var users []map[string]any
	for i := range 40 {
		users = append(users, c.must(201, "POST", "/Users", anyUser(r, i)).body)
	}
	some := 0
	for range 400 {
		f := anyCondition(r, 3)
		want := []string{}
		for _, u := range users {
			if f.holds(u) {
				want = append(want, u["id"].(string))
			}
		}
		got := ids(c.list("/Users", f.text).body["Resources"])
		if !slices.Equal(got, want) && (len(got) > 0 || len(want) > 0) {
			t.Errorf("%s: %d resources, want %d", f.text, len(got), len(want))
		}
		if len(want) > 0 && len(want) < len(users) {
			some++
		}
	}
	if some < 100 {
		t.Errorf("only %d filters told resources apart", some)
	}
}

// Sorting is a total order, the same in every way of paging: the whole list, its pages, a walk by cursor and .search.
func TestSortIsATotalOrder(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := rand.New(rand.NewPCG(3, 4))
	const n = 30
	var created []string
	for i := range n {
		created = append(created, c.must(201, "POST", "/Users", anyUser(r, i)).body["id"].(string))
	}
	for _, by := range []string{"userName", "title", "externalId", "active", "name.familyName", "emails", "emails.type",
		"meta.created", extURN + ":department", "id"} {
		var both [2][]string
		for i, order := range []string{"ascending", "descending"} {
			list := c.list("/Users", "", "sortBy", by, "sortOrder", order)
			both[i] = ids(list.body["Resources"])
			if !slices.Equal(slices.Sorted(slices.Values(both[i])), slices.Sorted(slices.Values(created))) {
				t.Fatalf("%s %s: not each User once: %v", by, order, both[i])
			}
			var pages, walk []string
			for start := 1; start <= n; start += 7 {
				page := c.list("/Users", "", "sortBy", by, "sortOrder", order, "startIndex",
					fmt.Sprint(start), "count", "7")
				pages = append(pages, ids(page.body["Resources"])...)
			}
			body := search("sortBy", by, "sortOrder", order, "count", 7, "cursor", "")
			for more := true; more; {
				page := c.must(200, "POST", "/Users/.search", body)
				walk = append(walk, ids(page.body["Resources"])...)
				body["cursor"] = next(page)
				more = next(page) != ""
			}
			mustEqual(t, by+" "+order+" in pages", pages, both[i]) // R7644-3.4.2.3-11
			mustEqual(t, by+" "+order+" by cursor", walk, both[i]) // R9865-2.2-01
			inOrder(t, by, list.body["Resources"].([]any), i == 1, created)
		}
	}
}

// inOrder checks neighbours: missing values last ascending and first descending, equal ones in order of creation.
func inOrder(t *testing.T, by string, list []any, descending bool, created []string) {
	t.Helper()
	key := func(u any) (string, bool) {
		switch by {
		case "emails", "emails.type":
			field := "value"
			if by == "emails.type" {
				field = "type"
			}
			emails, _ := at(u, "emails").([]any)
			for _, e := range emails {
				if at(e, "primary") == true {
					return strings.ToLower(at(e, field).(string)), true
				}
			}
			if len(emails) == 0 {
				return "", false
			}
			return strings.ToLower(at(emails, 0, field).(string)), true
		case extURN + ":department":
			s, ok := at(u, extURN, "department").(string)
			return strings.ToLower(s), ok
		}
		var path []any
		for p := range strings.SplitSeq(by, ".") {
			path = append(path, p)
		}
		v := at(u, path...)
		if b, ok := v.(bool); ok {
			return fmt.Sprint(b), true // "false" sorts before "true"
		}
		s, ok := v.(string)
		if by != "externalId" && by != "id" {
			s = strings.ToLower(s)
		}
		return s, ok
	}
	for i := 1; i < len(list); i++ {
		a, hasA := key(list[i-1])
		b, hasB := key(list[i])
		order := cmp.Compare(a, b)
		if hasA != hasB {
			order = 1
			if hasA {
				order = -1
			}
		}
		if descending {
			order = -order
		}
		born := cmp.Compare(slices.Index(created, at(list[i-1], "id").(string)),
			slices.Index(created, at(list[i], "id").(string)))
		if order > 0 || order == 0 && born >= 0 {
			t.Errorf("%s (descending %v): %q before %q", by, descending, a, b)
		}
	}
}

// PUT of what GET answers changes nothing, neither version nor lastModified, of any type.
func TestPutOfGetIsANoOp(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := rand.New(rand.NewPCG(5, 6))
	var users []string
	for i := range 30 {
		users = append(users, c.must(201, "POST", "/Users", anyUser(r, i)).body["id"].(string))
	}
	users = append(users, c.user("boss", "roles", []any{map[string]any{"value": "auditor"}}))
	users = append(users, c.user("employee", extURN, map[string]any{"manager": map[string]any{"value": users[30]}}))
	c.group("outer", c.group("inner", users[:5]...), users[7])
	c.group("empty")
	c.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP","jit":{"enabled":true}}`)
	c.must(201, "POST", "/AccessTokens", `{"schemas":["`+tokenURN+`"],"displayName":"ci","scopes":["read"],`+
		`"user":{"value":"`+users[0]+`"}}`)
	for _, endpoint := range []string{"/Users", "/Groups", "/IdentityProviders", "/AccessTokens", "/Organizations"} {
		list := c.list(endpoint, "")
		if list.body["totalResults"] == 0.0 {
			t.Fatalf("no %s", endpoint)
		}
		for _, id := range ids(list.body["Resources"]) {
			path := endpoint + "/" + id
			before := c.must(200, "GET", path, nil)
			put := c.must(200, "PUT", path, before.raw)
			after := c.must(200, "GET", path, nil)
			if put.header.Get("ETag") != before.header.Get("ETag") ||
				at(after.body, "meta", "lastModified") != at(before.body, "meta", "lastModified") {
				t.Errorf("%s is changed:\n%s\n%s", path, before.raw, put.raw)
			}
			if endpoint != "/AccessTokens" && string(after.raw) != string(before.raw) { // lastUsed moves by itself
				t.Errorf("%s differs:\n%s\n%s", path, before.raw, after.raw)
			}
		}
	}
}
