// Package elimity is a server on scim.Server of github.com/elimity-com/scim, for
// the suite to be tried on: a peer that can be installed by name.
package elimity

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/elimity-com/scim"
	scimerrors "github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	scimschema "github.com/elimity-com/scim/schema"
)

// memory is a plain store behind elimity's Server: it keeps what the library
// hands it and leaves everything else to the library.
type memory struct {
	mu     sync.Mutex
	schema scimschema.Schema
	exts   []scimschema.Schema
	unique string
	ids    []string
	data   map[string]scim.Resource
	serial int
}

func (m *memory) copyOf(r scim.Resource) scim.Resource {
	r.Attributes = copied(r.Attributes).(map[string]any)
	return r
}

func (m *memory) taken(attrs scim.ResourceAttributes, self string) error {
	for id, r := range m.data {
		if m.unique != "" && id != self && strings.EqualFold(fmt.Sprint(r.Attributes[m.unique]),
			fmt.Sprint(attrs[m.unique])) {
			return scimerrors.ScimErrorUniqueness
		}
	}
	return nil
}

func external(attrs scim.ResourceAttributes) optional.String {
	if v, ok := attrs["externalId"].(string); ok {
		return optional.NewString(v)
	}
	return optional.String{}
}

func (m *memory) Create(_ *http.Request, attrs scim.ResourceAttributes) (scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.taken(attrs, ""); err != nil {
		return scim.Resource{}, err
	}
	m.serial++
	now := time.Now()
	r := scim.Resource{ID: fmt.Sprintf("%s-%d", m.schema.Name.Value(), m.serial), ExternalID: external(attrs),
		Attributes: attrs, Meta: scim.Meta{Created: &now, LastModified: &now}}
	m.ids = append(m.ids, r.ID)
	m.data[r.ID] = m.copyOf(r)
	return r, nil
}

func (m *memory) get(id string) (scim.Resource, error) {
	r, ok := m.data[id]
	if !ok {
		return scim.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	return m.copyOf(r), nil
}

func (m *memory) Get(_ *http.Request, id string) (scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.get(id)
}

func (m *memory) GetAll(_ *http.Request, p scim.ListRequestParams) (scim.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := scim.Page{Resources: []scim.Resource{}}
	for _, id := range m.ids {
		r, err := m.get(id)
		if err != nil {
			continue
		}
		if p.FilterValidator != nil {
			whole := copied(r.Attributes).(map[string]any)
			whole["id"] = r.ID
			whole["meta"] = map[string]any{"created": r.Meta.Created.Format(time.RFC3339),
				"lastModified": r.Meta.LastModified.Format(time.RFC3339)}
			if p.FilterValidator.PassesFilter(whole) != nil {
				continue
			}
		}
		page.TotalResults++
		if page.TotalResults >= p.StartIndex && len(page.Resources) < p.Count {
			page.Resources = append(page.Resources, r)
		}
	}
	return page, nil
}

func (m *memory) store(id string, attrs scim.ResourceAttributes) (scim.Resource, error) {
	r, err := m.get(id)
	if err != nil {
		return r, err
	}
	if err := m.taken(attrs, id); err != nil {
		return r, err
	}
	now := time.Now()
	r.Attributes, r.ExternalID, r.Meta.LastModified = attrs, external(attrs), &now
	m.data[id] = m.copyOf(r)
	return r, nil
}

func (m *memory) Replace(_ *http.Request, id string, attrs scim.ResourceAttributes) (scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store(id, attrs)
}

func (m *memory) Delete(_ *http.Request, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.get(id); err != nil {
		return err
	}
	delete(m.data, id)
	return nil
}

func (m *memory) Patch(_ *http.Request, id string, ops []scim.PatchOperation) (scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.get(id)
	if err != nil {
		return r, err
	}
	attrs, err := scim.ApplyPatch(r.Attributes, ops, m.schema, m.exts...)
	if err != nil {
		return r, err
	}
	return m.store(id, attrs)
}

// Handler is the server, below /v2. A panic of the library becomes a 500, where
// package http would cut the connection.
func Handler() (http.Handler, error) {
	user := &memory{schema: scimschema.CoreUserSchema(),
		exts: []scimschema.Schema{scimschema.ExtensionEnterpriseUser()}, unique: "userName",
		data: map[string]scim.Resource{}}
	group := &memory{schema: scimschema.CoreGroupSchema(), data: map[string]scim.Resource{}}
	srv, err := scim.NewServer(&scim.ServerArgs{
		ServiceProviderConfig: &scim.ServiceProviderConfig{SupportFiltering: true, SupportPatch: true, MaxResults: 200},
		ResourceTypes: []scim.ResourceType{
			{ID: optional.NewString("User"), Name: "User", Endpoint: "/Users", Schema: user.schema, Handler: user,
				SchemaExtensions: []scim.SchemaExtension{{Schema: user.exts[0]}}},
			{ID: optional.NewString("Group"), Name: "Group", Endpoint: "/Groups", Schema: group.schema, Handler: group},
		},
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if e := recover(); e != nil { // net/http would cut the connection
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		http.StripPrefix("/v2", srv).ServeHTTP(w, r)
	}), nil
}

// copied copies JSON values deeply.
func copied(v any) any {
	switch v := v.(type) {
	case scim.ResourceAttributes:
		return copied(map[string]any(v))
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = copied(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copied(x)
		}
		return out
	}
	return v
}
