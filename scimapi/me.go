package scimapi

import (
	"net/http"

	"rollcall/directory"
)

// me serves /Me (RFC 7644 §3.11): the User that a session or an access token belongs to, under its permanent URI.
func (x *exchange) me() error {
	t, err := x.enter("Users")
	if err != nil {
		return err
	}
	if ok, err := x.method(allowed(t.Kind(), x.org == "", true)); !ok {
		return err
	}
	if x.actor.User.IsZero() {
		return fail(http.StatusNotFound, "", "this credential does not belong to a User")
	}
	if x.w.Header().Get("Warning") != "" {
		return &directory.Error{Kind: directory.Unavailable, Detail: "/Me cannot be served from stale data"}
	}
	return x.resource(t, x.actor.User)
}
