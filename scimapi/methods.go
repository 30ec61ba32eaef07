package scimapi

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// allows reports whether the request's method is one of those given. OPTIONS it answers itself.
func (x *exchange) allows(allow []string) (bool, error) {
	if !slices.Contains(allow, x.r.Method) {
		x.w.Header().Set("Allow", strings.Join(allow, ", "))
		return false, fail(http.StatusMethodNotAllowed, "", "%s is not possible at %s; possible: %s", x.r.Method,
			x.r.URL.Path, strings.Join(allow, ", "))
	}
	if x.r.Method == http.MethodOptions {
		x.w.Header().Set("Allow", strings.Join(allow, ", "))
		x.w.WriteHeader(http.StatusNoContent)
		return false, nil
	}
	return true, nil
}

// method is allows for methods of which all but GET and HEAD make changes, which the credential must be good for.
func (x *exchange) method(allow []string) (bool, error) {
	if ok, err := x.allows(allow); !ok {
		return false, err
	}
	if safe := x.r.Method == http.MethodGet || x.r.Method == http.MethodHead; !safe &&
		x.actor.Scope < directory.ScopeWrite {
		// The directory refuses every write; this refuses what would turn out to write nothing as well.
		return false, &directory.Error{Kind: directory.Forbidden, Detail: "this credential may not change anything"}
	}
	return true, nil
}

// allowed lists the methods for a type's collection or for one of its resources.
func allowed(typ string, system, item bool) []string {
	readable := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	switch typ {
	case schema.SignInType, schema.EventType:
		return readable
	case schema.DeletedUserType, schema.SessionType:
		if item {
			return append(readable, http.MethodDelete)
		}
		return readable
	case schema.OrganizationType:
		if !system && item { // an organization's own administrators neither make nor delete it
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
