package schema

import (
	"embed"
	"sync"
)

// URNs of the schemas that other packages name.
const (
	UserURN             = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN            = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserURN   = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	SchemaURN           = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ResourceTypeURN     = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	ServiceProviderURN  = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	OriginURN           = "urn:rollcall:params:scim:schemas:extension:1.0:Origin"
	AccessURN           = "urn:rollcall:params:scim:schemas:extension:1.0:Access"
	GroupAccessURN      = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"
	enterpriseUserURN11 = "urn:scim:schemas:extension:enterprise:1.0" // SCIM 1.1, still sent by OneLogin templates
	coreURN11           = "urn:scim:schemas:core:1.0"
)

//go:embed schemas/*.json
var files embed.FS

// The built-in types are each built once, when first asked for.
var (
	user = sync.OnceValue(func() *ResourceType {
		return builtin("User", "/Users", "A person's account", "user", "enterprise_user", "origin", "access")
	})
	group = sync.OnceValue(func() *ResourceType {
		return builtin("Group", "/Groups", "A group of users and groups", "group", "group_access")
	})
	organization = sync.OnceValue(func() *ResourceType {
		return builtin("Organization", "/Organizations", "A tenant", "organization")
	})
	identityProvider = sync.OnceValue(func() *ResourceType {
		return builtin("IdentityProvider", "/IdentityProviders", "A SAML connection", "identity_provider")
	})
	accessToken = sync.OnceValue(func() *ResourceType {
		return builtin("AccessToken", "/AccessTokens", "A bearer credential", "access_token")
	})
	deletedUser = sync.OnceValue(func() *ResourceType {
		return builtin("DeletedUser", "/DeletedUsers", "What remains of a deleted User", "deleted_user")
	})
	session = sync.OnceValue(func() *ResourceType {
		return builtin("Session", "/Sessions", "A running sign-in", "session")
	})
	signIn = sync.OnceValue(func() *ResourceType {
		return builtin("SignIn", "/SignIns", "An attempt to sign in", "sign_in")
	})
	event = sync.OnceValue(func() *ResourceType {
		return builtin("Event", "/Events", "A change and who made it", "event")
	})
	schemaDefinition = sync.OnceValue(func() *ResourceType {
		return builtin("SchemaDefinition", "/SchemaDefinitions", "A schema of the organization's own", "schema_definition")
	})
	resourceTypeDefinition = sync.OnceValue(func() *ResourceType {
		return builtin("ResourceTypeDefinition", "/ResourceTypeDefinitions", "A resource type of the organization's own", "resource_type_definition")
	})
	discovery = sync.OnceValue(func() []*Schema {
		return []*Schema{embedded("service_provider_config"), embedded("resource_type"), embedded("schema")}
	})
)

// User is the type of RFC 7643 §4.1 with the enterprise extension (§4.3) and ours, Origin and Access.
func User() *ResourceType { return user() }

// Group is the type of RFC 7643 §4.2 with our extension GroupAccess.
func Group() *ResourceType { return group() }

// Organization is a tenant.
func Organization() *ResourceType { return organization() }

// IdentityProvider is a SAML connection.
func IdentityProvider() *ResourceType { return identityProvider() }

// AccessToken is a bearer credential.
func AccessToken() *ResourceType { return accessToken() }

// DeletedUser is the tombstone of a User.
func DeletedUser() *ResourceType { return deletedUser() }

// Session is a running sign-in.
func Session() *ResourceType { return session() }

// SignIn is the record of an attempt to sign in.
func SignIn() *ResourceType { return signIn() }

// Event is the record of a change.
func Event() *ResourceType { return event() }

// SchemaDefinition is a schema that an organization registers (see CompileSchema).
func SchemaDefinition() *ResourceType { return schemaDefinition() }

// ResourceTypeDefinition is a resource type that an organization registers (see NewResourceType).
func ResourceTypeDefinition() *ResourceType { return resourceTypeDefinition() }

// Discovery are the schemas of the discovery endpoints: ServiceProviderConfig,
// ResourceType, Schema (RFC 7643 §5–7). They are shared: do not change the slice.
func Discovery() []*Schema { return discovery() }

// embedded compiles a schema of ours; a failure is a mistake in the file, which
// any test that asks for the type shows.
func embedded(name string) *Schema {
	data, err := files.ReadFile("schemas/" + name + ".json")
	if err != nil {
		panic(err)
	}
	s, err := compile(data)
	if err != nil {
		panic(err)
	}
	return s
}

func builtin(name, endpoint, description, file string, extensions ...string) *ResourceType {
	s := embedded(file)
	var ext []Extension
	for _, e := range extensions {
		ext = append(ext, Extension{Schema: embedded(e)})
	}
	t, err := NewResourceType(name, endpoint, description, s, ext...)
	if err != nil {
		panic(err)
	}
	for _, path := range derived[name] {
		t.mustLookup(path).markDerived()
	}
	for path, f := range formats[name] {
		t.mustLookup(path).format = f
	}
	for _, path := range needValue[name] {
		t.mustLookup(path).needValue = true
	}
	return t
}

func (t *ResourceType) mustLookup(path string) *Attribute {
	a := t.Lookup(path)
	if a == nil {
		panic("schema: " + t.Name + " has no " + path)
	}
	return a
}

func (a *Attribute) markDerived() {
	a.Derived = true
	for _, s := range a.Sub {
		s.markDerived()
	}
}

// derived are the attributes that the server computes when they are read.
var derived = map[string][]string{
	"User":             {"groups", AccessURN + ":effectiveRoles"},
	"Group":            {"members"},
	"AccessToken":      {"lastUsed"},
	"IdentityProvider": {"health"},
}

// needValue are the attributes whose elements mean nothing without a value.
var needValue = map[string][]string{
	"Group": {"members"},
}
