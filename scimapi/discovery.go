package scimapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rollcall/directory/schema"
)

// described is a resource of a discovery endpoint.
type described struct {
	id   string
	body json.RawMessage
}

// discover serves /ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7644 §4). They need no credential and ignore
// the parameters of paging and projection. To a credential they show what is for it.
func (x *exchange) discover(endpoint, id string) error {
	if ok, err := x.method([]string{http.MethodGet, http.MethodHead, http.MethodOptions}); !ok {
		return err
	}
	if x.r.URL.Query().Has("filter") {
		return fail(http.StatusForbidden, "", "/%s does not support filter", endpoint)
	}

	// What there is.
	var all []described
	var err error
	switch endpoint {
	case "ServiceProviderConfig":
		return x.sendConfig()
	case "ResourceTypes":
		all, err = x.resourceTypes()
	case "Schemas":
		all, err = x.schemas()
	}
	if err != nil {
		return err
	}

	// All of it or one.
	if id == "" {
		x.writeList(listOf(all))
		return nil
	}
	for _, d := range all {
		// URNs are compared without regard to case (RFC 8141).
		if d.id == id || endpoint == "Schemas" && strings.EqualFold(d.id, id) {
			x.send(http.StatusOK, d.body)
			return nil
		}
	}
	return fail(http.StatusNotFound, "", "no %s has the id %q", strings.TrimSuffix(endpoint, "s"), id)
}

// sendConfig answers with the ServiceProviderConfig. An invalid credential sees what nobody's sees: clients look here
// first to learn how to authenticate. It counts as a guess all the same; a valid one is not counted, as nobody's is
// not.
func (x *exchange) sendConfig() error {
	x.private()
	if !x.anonymous() {
		err := x.judge()
		if err != nil && translate(err).status == http.StatusUnauthorized {
			err = x.refusedAgain(err)
		}
		if err != nil && translate(err).status != http.StatusUnauthorized {
			return err
		}
	}
	body, err := json.Marshal(x.config())
	if err == nil {
		x.send(http.StatusOK, body)
	}
	return err
}

// private keeps caches from giving one credential's reply to another.
func (x *exchange) private() {
	x.w.Header().Add("Vary", "Authorization, Cookie")
	x.set("Cache-Control", "private")
}

// listOf returns a ListResponse with all resources.
func listOf(all []described) []byte {
	n := int64(len(all))
	body := strconv.AppendInt([]byte(listHead+`,"totalResults":`), n, 10)
	body = strconv.AppendInt(append(body, `,"startIndex":1,"itemsPerPage":`...), n, 10)
	body = append(body, `,"Resources":[`...)
	for i, d := range all {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, d.body...)
	}
	return append(body, "]}"...)
}

// types returns the types that the credential may use. Without one they are the built-in Users and Groups, whatever the
// organization is, and whether there is one: nobody learns from outside which organizations there are, or what they
// keep.
func (x *exchange) types() ([]*schema.ResourceType, error) {
	x.private()
	if x.anonymous() && x.org != "" {
		return []*schema.ResourceType{schema.User(), schema.Group()}, nil
	}
	if x.anonymous() { // those of the system scope are the same in every installation
		s, err := x.dir.Snapshot(x.r.Context())
		if err != nil {
			return nil, err
		}
		return s.Types(), nil
	}

	// What the credential may read; somebody's own User is at /Me.
	s, err := x.begin()
	if err != nil {
		return nil, err
	}
	var types []*schema.ResourceType
	for _, t := range s.Types() {
		if s.MayRead(t.Name) == nil || t.Name == schema.UserType && !x.actor.User.IsZero() {
			types = append(types, t)
		}
	}
	return types, nil
}

// discoveryMeta is the meta of a resource of discovery.
type discoveryMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

// typeDescription is a ResourceType (RFC 7643 §6).
type typeDescription struct {
	Schemas     []string               `json:"schemas"`
	ID          string                 `json:"id"`
	Name        string                 `json:"name"`
	Endpoint    string                 `json:"endpoint"`
	Description string                 `json:"description,omitempty"`
	Schema      string                 `json:"schema"`
	Extensions  []extensionDescription `json:"schemaExtensions,omitempty"`
	Meta        discoveryMeta          `json:"meta"`
}

type extensionDescription struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

// resourceTypes returns the descriptions of the types of the scope.
func (x *exchange) resourceTypes() ([]described, error) {
	types, err := x.types()
	if err != nil {
		return nil, err
	}
	all := make([]described, 0, len(types))
	for _, t := range types {
		d := typeDescription{
			Schemas: []string{schema.ResourceTypeURN}, ID: t.Name, Name: t.Name, Endpoint: t.Endpoint,
			Description: t.Description, Schema: t.Schema.ID,
			Meta: discoveryMeta{"ResourceType", x.base + "/ResourceTypes/" + t.Name},
		}
		for _, e := range x.extensions(t) {
			d.Extensions = append(d.Extensions, extensionDescription{e.Schema.ID, e.Required})
		}
		body, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		all = append(all, described{t.Name, body})
	}
	return all, nil
}

// extensions are those of the type that the credential may see.
func (x *exchange) extensions(t *schema.ResourceType) (list []schema.Extension) {
	for _, e := range t.Extensions {
		if x.actor.MayReadSchema(e.Schema.ID) {
			list = append(list, e)
		}
	}
	return list
}

// schemas returns the descriptions of the schemas that the types of the scope use, each once, and of those that
// discovery uses (RFC 7643 §7). What the credential may not write is readOnly in them.
func (x *exchange) schemas() ([]described, error) {
	types, err := x.types()
	if err != nil {
		return nil, err
	}

	// The schemas in use.
	var used []*schema.Schema
	for _, t := range types {
		used = append(used, t.Schema)
		for _, e := range x.extensions(t) {
			used = append(used, e.Schema)
		}
	}

	// Each of them once.
	var all []described
	seen := map[string]bool{}
	for _, s := range append(used, schema.Discovery()...) {
		if seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		meta, err := json.Marshal(discoveryMeta{"Schema", x.base + "/Schemas/" + s.ID})
		if err != nil {
			return nil, err
		}
		body := s.Definition()
		if !x.actor.MayWriteSchema(s.ID) {
			body = s.DefinitionReadOnly()
		}
		body = append(appendMember(body[:len(body)-1:len(body)-1], "meta", meta), '}')
		all = append(all, described{s.ID, body})
	}
	return all, nil
}
