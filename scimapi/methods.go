package scimapi

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// allows reports whether the request's method is one of those given. It answers OPTIONS itself and then returns false.
func (x *exchange) allows(methods []string) (bool, error) {
	list := strings.Join(methods, ", ")
	if !slices.Contains(methods, x.r.Method) {
		x.w.Header().Set("Allow", list)
		return false, fail(http.StatusMethodNotAllowed, "", "%s is not allowed on %s; allowed: %s",
			x.r.Method, x.r.URL.Path, list)
	}
	if x.r.Method == http.MethodOptions {
		x.w.Header().Set("Allow", list)
		x.w.WriteHeader(http.StatusNoContent)
		return false, nil
	}
	return true, nil
}

// method is allows for methods that all make changes, except GET and HEAD: they need a credential that may write. The
// directory refuses a change without one; this also refuses a change that would turn out to write nothing.
func (x *exchange) method(methods []string) (bool, error) {
	if ok, err := x.allows(methods); !ok {
		return false, err
	}
	safe := x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
	if !safe && !x.actor.Rights.MayChange() {
		return false, &directory.Error{Kind: directory.Forbidden, Detail: "this credential is read-only"}
	}
	return true, nil
}

// allowed lists the methods for the collection of a type of the kind or, if item, for one of its resources.
func allowed(kind string, system, item bool) []string {
	readable := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	switch kind {
	case schema.SignInType, schema.EventType:
		return readable
	case schema.DeletedUserType, schema.SessionType:
		if item {
			return append(readable, http.MethodDelete)
		}
		return readable
	case schema.GroupMembershipType: // both of its ends are immutable, so there is nothing to change
		if item {
			return append(readable, http.MethodDelete)
		}
		return append(readable, http.MethodPost)
	case schema.OrganizationType:
		if !system && item { // only the system scope creates and deletes organizations
			return append(readable, http.MethodPatch, http.MethodPut)
		}
		if !system {
			return readable
		}
	}
	if item {
		return append(readable, http.MethodPatch, http.MethodPut, http.MethodDelete)
	}
	return append(readable, http.MethodPost)
}
