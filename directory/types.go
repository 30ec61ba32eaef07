package directory

import (
	"sync"

	"rollcall/directory/schema"
)

// organizationTypes are the built-in types of an organization, systemTypes those of the system scope, in the order in
// which they are shown.
var organizationTypes = sync.OnceValue(func() []*schema.ResourceType {
	return []*schema.ResourceType{schema.User(), schema.Group(), schema.IdentityProvider(), schema.AccessToken(),
		schema.Organization(), schema.SchemaDefinition(), schema.ResourceTypeDefinition(), schema.DeletedUser(), schema.Session(),
		schema.SignIn(), schema.Event()}
})

var systemTypes = sync.OnceValue(func() []*schema.ResourceType {
	return []*schema.ResourceType{schema.Organization(), schema.AccessToken(), schema.Event()}
})

// builtinCatalog is what every organization has without definitions of its own.
var builtinCatalog = sync.OnceValue(func() *catalog { return newCatalog(organizationTypes()) })

func builtin(typ string) *schema.ResourceType { return builtinCatalog().byName[typ] }
