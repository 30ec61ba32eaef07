package scimapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

const roleURN = "urn:ietf:params:scim:schemas:core:2.0:Role"

func (c *client) role(value string, more ...any) string {
	c.t.Helper()
	doc := map[string]any{"schemas": []string{roleURN}, "value": value}
	for i := 0; i < len(more); i += 2 {
		doc[more[i].(string)] = more[i+1]
	}
	return c.must(201, "POST", "/Roles", doc).body["id"].(string)
}

func rolesOf(values ...string) []any {
	var list []any
	for _, v := range values {
		list = append(list, map[string]any{"value": v})
	}
	return list
}

func TestRoles(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)

	// Those that give rights are always there, with the same ids in every organization.
	list := c.list("/Roles", "")
	if got := texts(list, "value"); got != "administrator manager auditor" {
		t.Fatalf("%s", list.raw)
	}
	s.client(t, "", "admin", nil).must(201, "POST", "/Organizations",
		`{"schemas":["`+core+`Organization"],"name":"other"}`)
	other := s.client(t, "other", "admin", nil).list("/Roles", "")
	if texts(other, "id") != texts(list, "id") {
		t.Errorf("%s %s", other.raw, list.raw)
	}
	administrator := list.body["Resources"].([]any)[0]
	id := at(administrator, "id").(string)
	if id != "8e8b00f5-43a0-5f04-b70f-2f0018da4335" { // not another one by a change of the program
		t.Errorf("another id: %s", id)
	}
	if fmt.Sprint(at(administrator, "contains")) != "[manager auditor]" || at(administrator, "supported") != true ||
		at(administrator, "containedBy") != nil || at(administrator, "meta", "resourceType") != "Role" ||
		at(administrator, "meta", "location") != c.public+"/Roles/"+id {
		t.Errorf("%v", administrator)
	}
	if got := fmt.Sprint(at(list.body["Resources"].([]any)[2], "containedBy")); got != "[administrator]" {
		t.Errorf("%s", got)
	}
	one := c.must(200, "GET", "/Roles/"+id, nil)
	if one.header.Get("ETag") != at(one.body, "meta", "version") {
		t.Errorf("%s", one.raw)
	}
	c.refused(400, "mutability", "PATCH", "/Roles/"+id, patch(`{"op":"add","path":"display","value":"x"}`))
	c.refused(400, "mutability", "PUT", "/Roles/"+id, map[string]any{"schemas": []string{roleURN},
		"value": "administrator", "display": "x"})
	c.refused(400, "mutability", "DELETE", "/Roles/"+id, nil)
	for _, value := range []string{"administrator", "Auditor"} {
		c.refused(409, "uniqueness", "POST", "/Roles", map[string]any{"schemas": []string{roleURN}, "value": value})
	}

	// The organization's own come after them.
	nurse := c.role("Nurse", "display", "Nurse", "type", "staff", "description", "Cares.")
	doctor := c.role("Doctor", "contains", []string{"Nurse"}, "supported", false)
	if r := c.must(200, "GET", "/Roles/"+nurse, nil); fmt.Sprint(r.body["containedBy"]) != "[Doctor]" ||
		r.body["supported"] != true || r.body["description"] != "Cares." {
		t.Errorf("%s", r.raw)
	}
	for filter, want := range map[string]string{
		"":                                "administrator manager auditor Nurse Doctor",
		`value eq "nurse"`:                "Nurse",
		`value eq "auditor"`:              "auditor",
		`supported eq false`:              "Doctor",
		`containedBy eq "Doctor"`:         "Nurse",
		`contains eq "manager"`:           "administrator",
		`id eq "` + id + `"`:              "administrator",
		`type eq "built-in"`:              "administrator manager auditor",
		`meta.resourceType eq "Role"`:     "administrator manager auditor Nurse Doctor",
		`display sw "N" or value sw "au"`: "auditor Nurse",
	} {
		if r := c.list("/Roles", filter); texts(r, "value") != want ||
			fmt.Sprint(r.body["totalResults"]) != fmt.Sprint(len(strings.Fields(want))) {
			t.Errorf("%s: %s", filter, r.raw)
		}
	}
	if got := texts(c.list("/Roles", "", "startIndex", "3", "count", "2"), "value"); got != "auditor Nurse" {
		t.Errorf("%s", got)
	}
	if got := texts(c.list("/Roles", "", "sortBy", "value", "count", "2"), "value"); got != "administrator auditor" {
		t.Errorf("%s", got)
	}
	if got := texts(c.list("/Roles", "", "cursor", "", "count", "4"), "value"); got !=
		"administrator manager auditor Nurse" {
		t.Errorf("%s", got)
	}
	c.refused(409, "uniqueness", "POST", "/Roles", map[string]any{"schemas": []string{roleURN}, "value": "nurse"})
	c.refused(400, "mutability", "PATCH", "/Roles/"+nurse, patch(`{"op":"replace","path":"value","value":"x"}`))
	for value, what := range map[string]string{"Nurse": "itself", "Doctor": "itself", "administrator": "built in",
		"nosuch": "no role"} {
		r := c.refused(400, "invalidValue", "PATCH", "/Roles/"+nurse,
			patch(`{"op":"add","path":"contains","value":["`+value+`"]}`))
		if !strings.Contains(fmt.Sprint(r.body["detail"]), what) {
			t.Errorf("%s: %s", value, r.raw)
		}
	}

	// Whoever may write people reads them, and only administrators make them.
	w := s.client(t, "default", "write", nil)
	w.must(200, "GET", "/Roles/"+doctor, nil)
	w.refused(403, "", "POST", "/Roles", map[string]any{"schemas": []string{roleURN}, "value": "x"})
	w.refused(403, "", "DELETE", "/Roles/"+nurse, nil)
	c.must(204, "DELETE", "/Roles/"+doctor, nil)
	c.must(404, "GET", "/Roles/"+doctor, nil)

	// They are announced, but for clients that know only RFC 7643.
	config := c.must(200, "GET", "/ServiceProviderConfig", nil).body["RolesAndEntitlements"]
	if at(config, "roles", "supported") != true || at(config, "entitlements", "supported") != false {
		t.Errorf("%v", config)
	}
	old := s.client(t, "default", "read", schema.Document{"compatibility": []any{"noPagination"}})
	if r := old.must(200, "GET", "/ServiceProviderConfig", nil); r.body["RolesAndEntitlements"] != nil {
		t.Errorf("%s", r.raw)
	}
}

// An unknown role is stored, with a Warning where it nearly is a known one; where the organization takes only its Roles,
// it is refused, and what is stored stays.
func TestUnknownRoles(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c, w := s.admin(t), s.client(t, "default", "write", nil)
	nurse := c.role("Nurse")
	c.role("Retired", "supported", false)
	user := func(name string, roles ...string) map[string]any {
		return map[string]any{"schemas": []string{userURN}, "userName": name, "roles": rolesOf(roles...)}
	}
	group := func(name string, roles ...string) map[string]any {
		return map[string]any{"schemas": []string{groupURN, accessURN}, "displayName": name,
			accessURN: map[string]any{"roles": rolesOf(roles...)}}
	}
	for i, tc := range []struct {
		roles []string
		want  string
	}{
		{nil, ""},
		{[]string{"administrator", "Nurse"}, ""},
		{[]string{"adminstrator"}, "adminstrator: did you mean administrator?"},
		{[]string{"Administrator", "nurse"}, "Administrator: did you mean administrator?|nurse: did you mean Nurse?"},
		{[]string{"Norse"}, "Norse: did you mean Nurse?"},
		{[]string{"Salesperson"}, ""},
		{[]string{"N\u00fcrse"}, "N?rse: did you mean Nurse?"},
		{[]string{`Nur"se`}, "Nur?se: did you mean Nurse?"},
		{[]string{"x"}, ""},
	} {
		var want []string
		for warning := range strings.SplitSeq(tc.want, "|") {
			if warning != "" {
				want = append(want, `299 rollcall "`+warning+`"`)
			}
		}
		r := c.must(201, "POST", "/Users", user(fmt.Sprint("u", i), tc.roles...))
		if got := r.header.Values("Warning"); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%q: %q, want %q", tc.roles, got, want)
		}
		if list, _ := r.body["roles"].([]any); len(list) != len(tc.roles) {
			t.Errorf("not stored: %s", r.raw)
		}
		r = c.must(201, "POST", "/Groups", group(fmt.Sprint("g", i), tc.roles...))
		if got := r.header.Values("Warning"); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("Group, %q: %q, want %q", tc.roles, got, want)
		}
	}
	held := c.must(201, "POST", "/Users", user("held", "Nurse", "odd")).body["id"].(string)
	r := c.must(200, "PATCH", "/Users/"+held, patch(`{"op":"add","path":"title","value":"x"}`))
	if r.header.Get("Warning") != "" { // of what is new alone
		t.Errorf("%q", r.header.Values("Warning"))
	}
	rs := c.must(200, "POST", "/Bulk", `{"schemas":["`+bulkURN+`"],"Operations":[`+
		postUser("q", "bulk", "roles", rolesOf("Nurze"))+`]}`)
	if got := rs.header.Get("Warning"); got != `299 rollcall "Nurze: did you mean Nurse?"` {
		t.Errorf("Bulk: %q", got)
	}

	// Closed.
	organization := "/Organizations/" + ids(c.list("/Organizations", "").body["Resources"])[0]
	c.must(200, "PATCH", organization, patch(`{"op":"add","path":"rolesClosed","value":true}`))
	for _, who := range []*client{c, w} {
		r := who.refused(400, "invalidValue", "POST", "/Users", user("no", "Norse"))
		if !strings.Contains(fmt.Sprint(r.body["detail"]),
			`"Norse" is not a role of the organization, which are: administrator, manager, auditor, Nurse`) {
			t.Errorf("%s", r.raw)
		}
	}
	c.refused(400, "invalidValue", "POST", "/Users", user("no", "Retired"))
	c.refused(400, "invalidValue", "POST", "/Groups", group("no", "Norse"))
	c.refused(400, "invalidValue", "PATCH", "/Users/"+held,
		patch(`{"op":"add","path":"roles","value":[{"value":"more"}]}`))
	w.must(201, "POST", "/Users", user("yes", "Nurse"))
	c.must(201, "POST", "/Groups", group("yes", "auditor", "Nurse"))
	c.must(200, "PATCH", "/Users/"+held, patch(`{"op":"add","path":"title","value":"y"}`))
	c.must(200, "PATCH", "/Users/"+held, patch(`{"op":"remove","path":"roles[value eq \"odd\"]"}`))
	c.refused(400, "invalidValue", "PATCH", "/Users/"+held,
		patch(`{"op":"add","path":"roles","value":[{"value":"odd"}]}`))

	// A Role that goes is kept by whoever has it, and given to nobody else; a Bulk job finds what it makes itself.
	c.must(204, "DELETE", "/Roles/"+nurse, nil)
	if r := c.must(200, "GET", "/Users/"+held, nil); at(r.body, "roles", 0, "value") != "Nurse" {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PATCH", "/Users/"+held, patch(`{"op":"add","path":"title","value":"z"}`))
	c.refused(400, "invalidValue", "POST", "/Users", user("no", "Nurse"))
	c.must(200, "PATCH", organization, patch(`{"op":"replace","path":"rolesClosed","value":false}`))
	c.must(201, "POST", "/Users", user("late", "Nurse"))
}

// Nobody gets a role that goes at the same moment: either it was given before, or it is refused.
func TestRoleRace(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	organization := "/Organizations/" + ids(c.list("/Organizations", "").body["Resources"])[0]
	c.must(200, "PATCH", organization, patch(`{"op":"add","path":"rolesClosed","value":true}`))
	for i := range 10 {
		value := fmt.Sprint("r", i)
		role := c.role(value)
		var wait sync.WaitGroup
		var given, gone reply
		wait.Go(func() {
			given = c.request("POST", "/Users", map[string]any{"schemas": []string{userURN}, "userName": value,
				"roles": rolesOf(value)})
		})
		wait.Go(func() { gone = c.request("DELETE", "/Roles/"+role, nil) })
		wait.Wait()
		if gone.status != 204 || given.status != 201 && given.status != 400 {
			t.Fatalf("%d %s, %d %s", gone.status, gone.raw, given.status, given.raw)
		}
	}
}
