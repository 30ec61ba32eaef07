package scimapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Register adds the routes of both scopes to r. There is one route for each shape of path. Handlers tell methods apart,
// because the router would answer 404 instead of 405 with Allow (RFC 9110 §15.5.6).
func (h *Handler) Register(r *mux.Router) {
	r.SkipClean(true)
	h.register(r, "/orgs/{org}/scim/v2", h.inOrganization)
	h.register(r, "/scim/v2", h.inSystem)
}

// scoped wraps the handler of a route in the scope whose service root it is below.
type scoped func(route string, handle func(*exchange) error) http.HandlerFunc

func (h *Handler) register(r *mux.Router, root string, in scoped) {
	for _, route := range []struct {
		path   string
		handle func(*exchange) error
	}{
		{"/{endpoint}/{id}{slash:/?}", (*exchange).item},
		{"/{endpoint}{slash:/?}", (*exchange).collection},
		{"/{endpoint}/{id}/{action}{slash:/?}", (*exchange).action},
		{"{slash:/?}", (*exchange).root},
	} {
		// No subrouter: it would match the root of every request twice.
		r.Path(root + route.path).HandlerFunc(in(root+strings.TrimSuffix(route.path, "{slash:/?}"), route.handle))
	}
	r.PathPrefix(root).HandlerFunc(in(root, (*exchange).unknownPath))
}

func (h *Handler) inOrganization(route string, handle func(*exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		org := mux.Vars(r)["org"]
		base := h.public + "/orgs/" + org + "/scim/v2"
		h.serve(place{route, org, base, h.store.Organization(org)}, w, r, handle)
	}
}

func (h *Handler) inSystem(route string, handle func(*exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.serve(place{route, "", h.public + "/scim/v2", h.store.System()}, w, r, handle)
	}
}

func (x *exchange) unknownPath() error {
	return fail(http.StatusNotFound, "", "no SCIM endpoint at %s", x.r.URL.Path)
}

// endpoints are those that are not the collection of a type, by what stands below the service root.
var endpoints = map[string]func(*exchange) error{
	"Bulk":                  (*exchange).bulk,
	"Me":                    (*exchange).me,
	"ResourceTypes":         func(x *exchange) error { return x.discover("ResourceTypes", "") },
	"Schemas":               func(x *exchange) error { return x.discover("Schemas", "") },
	"ServiceProviderConfig": func(x *exchange) error { return x.discover("ServiceProviderConfig", "") },
	searchName:              func(x *exchange) error { return x.search("") },
}

// actions are our own, by the kind of the type and their name. Each finds its resource itself.
var actions = map[string]map[string]func(*exchange, directory.ID) error{
	schema.UserType:        {".endSessions": (*exchange).endSessions},
	schema.DeletedUserType: {".restore": (*exchange).restore},
}

// collection serves {endpoint}.
func (x *exchange) collection() error {
	endpoint := spelled(mux.Vars(x.r)["endpoint"])
	if serve := endpoints[endpoint]; serve != nil {
		return serve(x)
	}

	// A collection.
	t, err := x.enter(endpoint)
	if err != nil {
		return err
	}
	if ok, err := x.method(allowed(t.Kind(), x.org == "", false)); !ok {
		return err
	}
	if x.r.Method == http.MethodPost {
		return x.write(t, directory.NewID())
	}
	return x.list(t)
}

// spelled returns the name of an endpoint that belongs to no type as RFC 7644 spells it. Some clients write paths in
// lower case.
func spelled(endpoint string) string {
	for _, name := range []string{"ServiceProviderConfig", "ResourceTypes", "Schemas", "Me", "Bulk"} {
		if strings.EqualFold(name, endpoint) {
			return name
		}
	}
	return endpoint
}

// item serves {endpoint}/{id}.
func (x *exchange) item() error {
	// What is not a resource of a type.
	vars := mux.Vars(x.r)
	endpoint, id := spelled(vars["endpoint"]), vars["id"]
	switch endpoint {
	case "ServiceProviderConfig", "Me", "Bulk":
		return x.unknownPath()
	case "ResourceTypes", "Schemas":
		return x.discover(endpoint, id)
	}
	if id == searchName {
		return x.search(endpoint)
	}

	// A resource.
	t, err := x.enter(endpoint)
	if err != nil {
		return err
	}
	if ok, err := x.method(allowed(t.Kind(), x.org == "", true)); !ok {
		return err
	}
	if t.Kind() == schema.GroupMembershipType {
		return x.membership(t, id)
	}
	ref, ok := directory.ParseID(id)
	if !ok {
		return x.noResource(t, id)
	}
	return x.resource(t, ref)
}

// noResource answers for an id that no resource can have. A PATCH is judged as for any other id.
func (x *exchange) noResource(t *schema.ResourceType, id string) error {
	if x.r.Method == http.MethodPatch {
		c := x.newChange(t, directory.ID{})
		if err := cmp.Or(c.readRequest(), c.judge()); err != nil {
			return err
		}
	}
	return noSuch(t, id)
}

// resource serves one resource, whatever path named it.
func (x *exchange) resource(t *schema.ResourceType, id directory.ID) error {
	switch x.r.Method {
	case http.MethodPut, http.MethodPatch:
		return x.write(t, id)
	case http.MethodDelete:
		return x.remove(t, id)
	}
	return x.get(t, id)
}

// action serves POST {endpoint}/{id}/{action}: one of our own actions or one of a hook.
func (x *exchange) action() error {
	vars := mux.Vars(x.r)
	t, err := x.enter(vars["endpoint"])
	if err != nil {
		return err
	}

	// The action.
	hook := x.o.Hooks[t.Kind()]
	own, act := actions[t.Kind()][vars["action"]], hook.Actions[vars["action"]]
	if own == nil && act == nil {
		return x.unknownPath()
	}
	allows := x.method
	if slices.Contains(hook.Inquiries, vars["action"]) {
		allows = x.allows
	}
	if ok, err := allows([]string{http.MethodOptions, http.MethodPost}); !ok {
		return err
	}

	if err := x.refuseDryRun("an action"); err != nil {
		return err
	}

	// The resource that it is about.
	id, ok := directory.ParseID(vars["id"])
	if !ok {
		return noSuch(t, vars["id"])
	}
	if own != nil {
		return own(x, id)
	}
	if _, _, err := x.dir.Get(x.r.Context(), t.Name, id); err != nil {
		return err
	}
	return act(x.w, x.r, x.dir, id)
}

// enter begins the request and finds the type at the endpoint.
func (x *exchange) enter(endpoint string) (*schema.ResourceType, error) {
	s, err := x.begin()
	if err != nil {
		return nil, err
	}
	if t := x.typeAt(s, "/"+endpoint); t != nil {
		return t, nil
	}
	return nil, x.unknownPath()
}

// typeAt returns the type at the endpoint; nil if there is none. Unless strict, "/users" leads to /Users where nothing
// has just this name.
func (x *exchange) typeAt(s *directory.Snapshot, endpoint string) *schema.ResourceType {
	if t := s.TypeAt(endpoint); t != nil || x.actor.Profile.Strict() {
		return t
	}
	for _, t := range s.Types() {
		if strings.EqualFold(t.Endpoint, endpoint) {
			return t
		}
	}
	return nil
}
