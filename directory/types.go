package directory

import (
	"sync"

	"rollcall/directory/schema"
)

// organizationTypes are the built-in types of an organization, systemTypes those of the system scope, in the order in
// which they are shown.
var organizationTypes = sync.OnceValue(func() []*schema.ResourceType {
	return []*schema.ResourceType{schema.User(), schema.Group(), schema.IdentityProvider(), schema.AccessToken(),
		schema.Organization(), schema.DeletedUser(), schema.Session(), schema.SignIn(), schema.Event()}
})

var systemTypes = sync.OnceValue(func() []*schema.ResourceType {
	return []*schema.ResourceType{schema.Organization(), schema.AccessToken(), schema.Event()}
})

var builtins = sync.OnceValue(func() map[string]*schema.ResourceType {
	m := map[string]*schema.ResourceType{}
	for _, t := range organizationTypes() {
		m[t.Name] = t
	}
	return m
})

func builtin(typ string) *schema.ResourceType { return builtins()[typ] }

var indexed = sync.OnceValue(func() map[string][]*schema.Attribute {
	m := map[string][]*schema.Attribute{}
	for name, t := range builtins() {
		for _, path := range []string{"userName", "externalId", "emails.value", "displayName"} {
			if a := t.Lookup(path); a != nil {
				m[name] = append(m[name], a)
			}
		}
		for _, a := range uniqueAttributes(t) {
			if a.Name != "userName" {
				m[name] = append(m[name], a)
			}
		}
	}
	return m
})

// indexedAttributes are the attributes of a type that have an index in memory, beside meta.lastModified.
func indexedAttributes(typ string) []*schema.Attribute { return indexed()[typ] }

// uniqueAttributes are the attributes of which a value belongs to one resource at most. The id is unique by itself.
func uniqueAttributes(t *schema.ResourceType) []*schema.Attribute {
	var unique []*schema.Attribute
	for a := range t.Attributes() {
		if a.Uniqueness != schema.UniqueNone && a.URN != "" {
			unique = append(unique, a)
		}
	}
	return unique
}
