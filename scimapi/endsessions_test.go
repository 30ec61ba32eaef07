package scimapi_test

import (
	"context"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/scimapi"
)

// POST /Users/{id}/.endSessions ends every session of the User. It needs the scope admin.
func TestEndSessions(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	id := admin.user("ann")
	idp := admin.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP"}`).body["id"].(string)
	user, _ := directory.ParseID(id)
	connection, _ := directory.ParseID(idp)
	var secret string
	if _, err := s.store.Organization("default").Update(context.Background(), func(tx *directory.Tx) (err error) {
		secret, err = tx.CreateSession(user, connection, time.Now().Add(time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	browser := *admin
	browser.token = ""
	cookie := "__Host-rollcall-default=" + secret
	browser.must(200, "GET", "/Me", nil, "Cookie", cookie)
	path := "/Users/" + id + "/.endSessions"
	s.client(t, "default", "write", nil).refused(403, "", "POST", path, nil)
	browser.must(200, "GET", "/Me", nil, "Cookie", cookie)
	admin.refused(405, "", "GET", path, nil)
	admin.refused(404, "", "POST", "/Users/"+directory.NewID().String()+"/.endSessions", nil)
	admin.must(204, "POST", path, nil)
	browser.refused(401, "", "GET", "/Me", nil, "Cookie", cookie)
	if r := admin.must(200, "GET", "/Sessions", nil); r.body["totalResults"] != float64(0) {
		t.Errorf("sessions after all were ended: %s", r.raw)
	}
}
