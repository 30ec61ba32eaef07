package scimapi_test

import (
	"context"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// Derived parts of a reference are shown and not stored (R7643-4.3-02, -03).
func TestManager(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	boss := c.user("boss", "displayName", "The Boss")
	manager := func(more string) string {
		return `{"schemas":["` + userURN + `","` + extURN + `"],"userName":"a","` + extURN +
			`":{"department":"D","manager":{"value":"` + boss + `"` + more + `},"division":"V"}}`
	}
	r := c.must(201, "POST", "/Users", manager(`,"displayName":"ignored"`))
	path := "/Users/" + r.body["id"].(string)
	check := func(what string, r reply, name any) {
		t.Helper()
		m := at(r.body, extURN, "manager")
		if at(m, "value") != boss || at(m, "$ref") != c.public+"/Users/"+boss || at(m, "displayName") != name ||
			at(r.body, extURN, "division") != "V" {
			t.Errorf("%s: %s", what, r.raw)
		}
	}
	check("POST", r, "The Boss")
	if same := c.must(200, "PUT", path, r.raw); string(same.raw) != string(r.raw) { // R7644-3.5.1-13
		t.Errorf("PUT(GET):\n got %s\nhad %s", same.raw, r.raw)
	}
	check("an address of the client's", c.must(200, "PUT", path, manager(`,"$ref":"http://h/scim/Users/`+boss+`"`)),
		"The Boss")
	r = c.must(200, "GET", path+"?attributes="+extURN+":manager.displayName", nil)
	if at(r.body, extURN, "manager", "displayName") != "The Boss" || at(r.body, extURN, "manager", "value") != nil {
		t.Errorf("%s", r.raw)
	}
	c.refused(400, "mutability", "PATCH", path,
		patch(`{"op":"replace","path":"`+extURN+`:manager.displayName","value":"x"}`))
	c.must(200, "PATCH", "/Users/"+boss, patch(`{"op":"replace","path":"displayName","value":"Chief"}`))
	check("renamed", c.must(200, "GET", path, nil), "Chief")
	c.must(200, "PATCH", "/Users/"+boss, patch(`{"op":"remove","path":"displayName"}`))
	check("without a displayName", c.must(200, "GET", path, nil), "boss")
	c.must(204, "DELETE", "/Users/"+boss, nil)
	if r := c.must(200, "GET", path, nil); at(r.body, extURN, "manager", "value") != boss ||
		len(at(r.body, extURN, "manager").(map[string]any)) != 1 {
		t.Errorf("deleted: %s", r.raw)
	}
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"`+extURN+`:manager","value":"271"}`))
	if r := c.must(200, "GET", path, nil); at(r.body, extURN, "manager", "value") != "271" {
		t.Errorf("no id: %s", r.raw)
	}
}

// Tokens and sessions show the names of their Users and connections.
func TestNamesOfReferences(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	id := c.user("a", "displayName", "Ann")
	user, _ := directory.ParseID(id)
	r := c.must(201, "POST", "/AccessTokens",
		map[string]any{"schemas": []string{tokenURN}, "displayName": "t", "scopes": []string{"read"},
			"user": map[string]any{"value": id}})
	if at(r.body, "user", "display") != "Ann" || at(r.body, "user", "value") != id {
		t.Errorf("%s", r.raw)
	}
	if _, err := s.store.Organization("default").Update(context.Background(), func(tx *directory.Tx) error {
		idp, err := tx.Create("IdentityProvider", schema.Document{"displayName": "Corporate"})
		if err != nil {
			return err
		}
		_, err = tx.CreateSession(user, idp.ID, tx.Now().Add(time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r = c.must(200, "GET", "/Sessions", nil)
	if session := at(r.body, "Resources", 0); at(session, "user", "display") != "Ann" ||
		at(session, "connection", "display") != "Corporate" {
		t.Errorf("%s", r.raw)
	}
}
