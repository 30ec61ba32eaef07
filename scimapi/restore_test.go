package scimapi_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/scimapi"
)

// POST /DeletedUsers/{id}/.restore answers with the User as it was, and with a Warning where something of it is gone.
func TestRestore(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin, write := s.admin(t), s.client(t, "default", "write", nil)
	id, kept, gone := admin.user("ann", "title", "boss"), admin.group("kept"), admin.group("gone")
	for _, g := range []string{kept, gone} {
		admin.must(201, "POST", "/GroupMemberships", membership(g, id))
	}
	before := admin.must(200, "GET", "/Users/"+id, nil)
	path := "/DeletedUsers/" + id + "/.restore"
	write.refused(404, "", "POST", path, nil)
	write.must(204, "DELETE", "/Users/"+id, nil)
	if r := admin.must(200, "GET", "/DeletedUsers/"+id, nil); r.body["restorable"] != true {
		t.Errorf("the DeletedUser: %s", r.raw)
	}
	admin.must(204, "DELETE", "/Groups/"+gone, nil)

	// What refuses it.
	admin.refused(405, "", "GET", path, nil)
	admin.refused(404, "", "POST", "/DeletedUsers/none/.restore", nil)
	admin.refused(501, "", "POST", path+"?dryRun=true", nil)
	s.client(t, "default", "read", nil).refused(403, "", "POST", path, nil)
	other := admin.user("ANN")
	if r := write.refused(409, "uniqueness", "POST", path, nil); !strings.Contains(string(r.raw), "userName") {
		t.Errorf("it names no attribute: %s", r.raw)
	}
	admin.must(204, "DELETE", "/Users/"+other, nil)

	// The User as it was, in one group.
	r := write.must(200, "POST", path, nil)
	if r.body["id"] != id || r.body["title"] != "boss" || r.body["userName"] != "ann" ||
		len(r.body["groups"].([]any)) != 1 || !strings.Contains(string(r.raw), kept) {
		t.Errorf("restored: %s", r.raw)
	}
	created := func(body map[string]any) any { return body["meta"].(map[string]any)["created"] }
	if created(r.body) != created(before.body) {
		t.Errorf("created %v, was %v", created(r.body), created(before.body))
	}
	if etag := r.header.Get("ETag"); etag == "" || etag == before.header.Get("ETag") ||
		!strings.HasSuffix(r.header.Get("Location"), "/Users/"+id) {
		t.Errorf("headers: %v", r.header)
	}
	want := `299 rollcall "not restored: groups that were deleted meanwhile: ` + gone + `"`
	if got := r.header["Warning"]; !slices.Equal(got, []string{want}) {
		t.Errorf("Warning %q, want %q", got, want)
	}
	write.refused(404, "", "POST", path, nil)
	admin.must(404, "GET", "/DeletedUsers/"+id, nil)
}
