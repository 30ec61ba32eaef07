package directory_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

func mail(pairs ...string) []any {
	var list []any
	for i := 0; i < len(pairs); i += 2 {
		e := map[string]any{"value": pairs[i], "type": "t" + pairs[i]}
		if pairs[i+1] == "primary" {
			e["primary"] = true
		}
		list = append(list, e)
	}
	return list
}

func TestSort(t *testing.T) {
	d := home(t)
	for _, doc := range []schema.Document{
		{"userName": "C", "externalId": "B", "title": "x", "emails": mail("z@x", "", "a@x", "primary")},
		{"userName": "a", "externalId": "a", "emails": mail("m@x", "", "b@x", "")},
		{"userName": "B", "externalId": "c", "title": "X", "active": false},
		{"userName": "d", "title": "a", "emails": mail("k@x", "")},
	} {
		create(t, d, "User", doc)
	}
	create(t, d, "Group", schema.Document{"displayName": "bb"})
	for _, c := range []struct {
		by, want, why string
		desc          bool
	}{
		{"userName", "a B C d", "R7644-3.4.2.3-04: without case", false},
		{"userName", "d C B a", "R7644-3.4.2.3-03", true},
		{"URN:ietf:params:scim:schemas:core:2.0:User:USERNAME", "a B C d", "R7644-3.4.2.3-09", false},
		{"externalId", "C a B d", "R7644-3.4.2.3-04: with case; missing last", false},
		{"externalId", "d B a C", "R7644-3.4.2.3-06: missing first descending", true},
		{"title", "d C B a", "ties in order of creation", false},
		{"emails", "C d a B", "R7644-3.4.2.3-07: primary, else first", false},
		{"emails.value", "C d a B", "R7644-3.4.2.3-07", false},
		{"active", "B C a d", "false before true", false},
		{"meta.created", "C a B d", "R7644-3.4.2.3-05", false},
	} {
		var got []string
		for offset := 0; ; offset += 3 { // the order holds across pages (R7644-3.4.2.3-11)
			page, err := d.Query(t.Context(), directory.Query{Type: "User", SortBy: c.by, Descending: c.desc,
				Offset: offset, Limit: 3})
			if err != nil || page.Total != 4 {
				t.Fatalf("%s: total %d, %v", c.by, page.Total, err)
			}
			for _, r := range page.Resources {
				got = append(got, r.Text("userName"))
			}
			if len(page.Resources) < 3 {
				break
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("sortBy %s (desc %v): %v, want %s: %s", c.by, c.desc, got, c.want, c.why)
		}
	}
	for _, by := range []string{"name", "nosuch", "password"} {
		_, err := d.Query(t.Context(), directory.Query{Type: "User", SortBy: by, Limit: 3})
		if e, ok := err.(*schema.Error); !ok || e.Type != schema.InvalidValue {
			t.Errorf("sortBy %s: %v, want invalidValue", by, err)
		}
	}
}

func TestQueryOverAllTypes(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	createUser(t, d, "ann")
	createGroup(t, d, "b")
	createUser(t, d, "carl")
	secret, _ := token(t, d, scoped("read"))
	var all []string
	for _, typ := range snapshot(t, d).Types() {
		all = append(all, typ.Name)
	}
	ask := func(d *directory.Directory, expr, sort string) []string {
		t.Helper()
		q := directory.Query{Types: all, Limit: 100, SortBy: sort}
		if expr != "" {
			e, err := filter.Parse(expr, filter.Options{})
			if err != nil {
				t.Fatal(err)
			}
			q.Filter = e
		}
		page, err := d.Query(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		var got []string
		for _, r := range page.Resources {
			got = append(got, r.Type)
		}
		return got
	}
	reader := bearer(t, d, secret)
	for _, c := range []struct {
		d          *directory.Directory
		expr, sort string
		want       []string
	}{
		{reader, "", "", []string{"User", "User", "Group", "Role", "Role", "Role"}},
		{reader, "userName pr", "", []string{"User", "User"}},
		{reader, `displayName eq "b"`, "", []string{"Group"}},
		{reader, `userName eq "ann" or displayName eq "b"`, "displayName", []string{"Group", "User"}},
		{d, `scopes eq "read"`, "", []string{"AccessToken"}},
		{d, `action eq "create" and resource.type eq "Group"`, "", []string{"Event"}},
	} {
		if got := ask(c.d, c.expr, c.sort); !slices.Equal(got, c.want) {
			t.Errorf("%q sorted by %q: %v, want %v", c.expr, c.sort, got, c.want)
		}
	}
}
