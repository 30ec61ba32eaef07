package scimapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// Groups are nested as deep as the limit, whatever order they are joined in, and no deeper.
func TestNestingIsBounded(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	chain := func(name string, n int) (top, bottom string) {
		bottom = c.group(name + "0")
		top = bottom
		for i := 1; i < n; i++ {
			top = c.group(fmt.Sprint(name, i), top)
		}
		return top, bottom
	}
	top, bottom := chain("a", directory.MaxNesting)
	tooDeep := func(method, path string, body any) {
		t.Helper()
		r := c.refused(400, "invalidValue", method, path, body)
		if !strings.Contains(fmt.Sprint(r.body["detail"]), fmt.Sprintf("the limit is %d", directory.MaxNesting)) {
			t.Errorf("%s", r.raw)
		}
	}
	tooDeep("POST", "/Groups", map[string]any{"schemas": []string{groupURN}, "displayName": "above",
		"members": memberList([]string{top})})
	below := c.group("below")
	add := func(id string) string {
		return patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`)
	}
	tooDeep("PATCH", "/Groups/"+bottom, add(below))

	// In the middle: two chains that are short enough each.
	_, middle := chain("b", directory.MaxNesting/2+1)
	other, _ := chain("c", directory.MaxNesting/2)
	tooDeep("PATCH", "/Groups/"+middle, add(other))
	c.must(200, "PATCH", "/Groups/"+middle, add(below))

	// Users of the same request do not make it deeper.
	same, _ := chain("d", directory.MaxNesting-1)
	c.must(201, "POST", "/Groups", map[string]any{"schemas": []string{groupURN}, "displayName": "with users",
		"members": memberList([]string{c.user("bea"), same, c.user("cem")})})
	c.must(200, "PATCH", "/Groups/"+bottom, add(c.user("ada")))
}

// The groups of a User in very many are cut: direct ones first, with a Warning; ?effective=true has them all, and so
// have filters and roles.
func TestGroupsAreCut(t *testing.T) {
	s := serve(t, scimapi.Options{Limits: scimapi.Limits{Groups: 3}})
	c := s.admin(t)
	few, many := c.user("few"), c.user("many")
	inner := c.group("inner", few, many)
	outer := []string{c.group("outer0", inner), c.group("outer1", inner)}
	if r := c.must(200, "GET", "/Users/"+few, nil); len(r.body["groups"].([]any)) != 3 ||
		r.header.Get("Warning") != "" {
		t.Errorf("three groups: %s %v", r.raw, r.header["Warning"])
	}
	direct := []string{inner, c.group("second", many), c.group("third", many), c.group("fourth", many)}
	roles := c.must(201, "POST", "/Groups", map[string]any{"schemas": []string{groupURN}, "displayName": "admins",
		"members": memberList([]string{inner})}).body["id"].(string)
	if _, err := s.store.Organization("default").Update(context.Background(), func(tx *directory.Tx) error {
		for r := range tx.Snapshot().All("Group") {
			if r.ID.String() == roles {
				doc, err := schema.Group().Decode(r.JSON)
				if err != nil {
					return err
				}
				old, err := tx.Get("Group", r.ID)
				if err != nil {
					return err
				}
				doc[schema.GroupAccessURN] = map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}
				_, err = tx.Replace(old, doc)
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]reply{
		"one": c.must(200, "GET", "/Users/"+many+"?attributes=groups,"+schema.AccessURN, nil),
		"a list": c.must(200, "GET",
			"/Users?filter=userName+eq+%22many%22&attributes=groups,"+schema.AccessURN, nil),
	} {
		body := r.body
		if name == "a list" {
			body = at(r.body, "Resources", 0).(map[string]any)
		}
		if got := ids(body["groups"]); !slices.Equal(got, direct[:3]) {
			t.Errorf("%s: %v, want %v", name, got, direct[:3])
		}
		if !strings.Contains(r.header.Get("Warning"), "effective=true") {
			t.Errorf("%s: no warning: %v", name, r.header)
		}
		if !strings.Contains(fmt.Sprint(body[schema.AccessURN]), "administrator") {
			t.Errorf("%s: a role of a group beyond the cut does not count: %v", name, body[schema.AccessURN])
		}
	}

	// All of them, by a lookup and as one of several conditions; without effective the direct ones.
	all := append(append(slices.Clone(direct), outer...), roles)
	slices.Sort(all)
	found := func(query string) []string {
		got := ids(c.must(200, "GET", "/Groups?"+query, nil).body["Resources"])
		slices.Sort(got)
		return got
	}
	filter := "filter=members.value+eq+%22" + many + "%22"
	for _, query := range []string{filter + "&effective=true",
		filter + "+or+displayName+eq+%22nothing%22&effective=true"} {
		if got := found(query); !slices.Equal(got, all) {
			t.Errorf("%s: %v, want %v", query, got, all)
		}
	}
	if got := found(filter); len(got) != len(direct) {
		t.Errorf("without effective: %v", got)
	}
	c.refused(400, "invalidValue", "GET", "/Groups?effective=perhaps", nil)
	if n := c.must(200, "GET", "/Users?filter=groups.value+eq+%22"+outer[1]+"%22", nil).body["totalResults"]; n != 2.0 {
		t.Errorf("a group beyond the cut has %v Users", n)
	}
}

// Of 3,000 groups a User shows the first 200; the role that the last of them gives counts, and filters know all.
func TestThreeThousandGroups(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	ada, _ := directory.ParseID(c.user("ada"))
	var changes []func(*directory.Tx) error
	for i := range 3000 {
		changes = append(changes, func(tx *directory.Tx) error {
			doc := schema.Document{"displayName": fmt.Sprintf("team %04d", i)}
			if i == 2999 {
				doc[schema.GroupAccessURN] = map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}
			}
			g, err := tx.Create("Group", doc)
			if err != nil {
				return err
			}
			return tx.AddMembers(g, []directory.ID{ada})
		})
	}
	for _, err := range s.store.Organization("default").UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := c.must(200, "GET", "/Users/"+ada.String()+"?attributes=groups,"+schema.AccessURN, nil)
	if n := len(r.body["groups"].([]any)); n != 200 || r.header.Get("Warning") == "" {
		t.Errorf("%d groups, %v", n, r.header["Warning"])
	}
	if !strings.Contains(fmt.Sprint(r.body[schema.AccessURN]), "administrator") {
		t.Errorf("the role of the last group: %v", r.body[schema.AccessURN])
	}
	last := c.must(200, "GET", "/Groups?filter=displayName+eq+%22team+2999%22", nil)
	group := ids(last.body["Resources"])[0]
	for query, want := range map[string]float64{
		"/Users?filter=groups.value+eq+%22" + group + "%22":                                      1,
		"/Users?filter=groups.value+eq+%22" + group + "%22+and+userName+co+%22a%22":              1,
		"/Users?filter=groups.value+eq+%22" + group + "%22+or+title+eq+%22none%22":               1,
		"/Users?filter=groups.display+eq+%22team+2999%22":                                        1,
		"/Users?filter=groups.display+eq+%22team+3000%22":                                        0,
		"/Groups?count=0&filter=members.value+eq+%22" + ada.String() + "%22&effective=true":      3000,
		"/Groups?count=0&filter=members.value+eq+%22" + ada.String() + "%22":                     3000,
		"/Groups?count=0&filter=members.display+eq+%22ada%22":                                    3000,
		"/Groups?count=0&filter=members.display+eq+%22ada%22+and+displayName+ge+%22team+2999%22": 1,
	} {
		if n := c.must(200, "GET", query, nil).body["totalResults"]; n != want {
			t.Errorf("%s: %v, want %v", query, n, want)
		}
	}
}
