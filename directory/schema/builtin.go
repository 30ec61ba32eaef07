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
	ActivityURN         = "urn:rollcall:params:scim:schemas:extension:1.0:Activity"
	GroupAccessURN      = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"
	GrantURN            = "urn:rollcall:params:scim:schemas:extension:1.0:Grant"
	enterpriseUserURN11 = "urn:scim:schemas:extension:enterprise:1.0" // SCIM 1.1, which OneLogin templates still send
	coreURN11           = "urn:scim:schemas:core:1.0"
)

// URNs of draft-zollner-scim-group-membership, which is a draft: both may change with it.
const (
	GroupMembershipURN  = "urn:ietf:params:scim:schemas:core:2.0:GroupMembership"
	GroupMembershipsURN = "urn:ietf:params:scim:schemas:extension:groupMemberships:2.0:Group"
)

// RoleURN is of draft-ietf-scim-roles-entitlements, which is a draft, too.
const RoleURN = "urn:ietf:params:scim:schemas:core:2.0:Role"

//go:embed schemas/*.json
var files embed.FS

// Each built-in type is built once, when it is first asked for.
var (
	user = sync.OnceValue(func() *ResourceType {
		return builtin(UserType, "/Users", "The account of a person", "user", "enterprise_user", "origin", "access",
			"activity")
	})
	group = sync.OnceValue(func() *ResourceType {
		return builtin(GroupType, "/Groups", "A group of users and groups", "group", "group_access",
			"group_memberships")
	})
	groupMembership = sync.OnceValue(func() *ResourceType {
		return builtin(GroupMembershipType, "/GroupMemberships", "A direct membership of a group", "group_membership",
			"grant")
	})
	role = sync.OnceValue(func() *ResourceType {
		return builtin(RoleType, "/Roles", "A role that Users may have, and Groups give", "role")
	})
	organization = sync.OnceValue(func() *ResourceType {
		return builtin(OrganizationType, "/Organizations", "A tenant", "organization")
	})
	identityProvider = sync.OnceValue(func() *ResourceType {
		return builtin(IdentityProviderType, "/IdentityProviders", "A SAML connection", "identity_provider")
	})
	accessToken = sync.OnceValue(func() *ResourceType {
		return builtin(AccessTokenType, "/AccessTokens", "A bearer credential", "access_token")
	})
	deletedUser = sync.OnceValue(func() *ResourceType {
		return builtin(DeletedUserType, "/DeletedUsers", "The tombstone of a deleted User", "deleted_user")
	})
	session = sync.OnceValue(func() *ResourceType {
		return builtin(SessionType, "/Sessions", "A sign-in session", "session")
	})
	signIn = sync.OnceValue(func() *ResourceType {
		return builtin(SignInType, "/SignIns", "An attempt to sign in", "sign_in")
	})
	event = sync.OnceValue(func() *ResourceType {
		return builtin(EventType, "/Events", "A change and who made it", "event")
	})
	schemaDefinition = sync.OnceValue(func() *ResourceType {
		return builtin(SchemaDefinitionType, "/SchemaDefinitions", "A schema defined by the organization",
			"schema_definition")
	})
	resourceTypeDefinition = sync.OnceValue(func() *ResourceType {
		return builtin(ResourceTypeDefinitionType, "/ResourceTypeDefinitions",
			"A resource type defined by the organization", "resource_type_definition")
	})
	discovery = sync.OnceValue(func() []*Schema {
		return []*Schema{embedded("service_provider_config"), embedded("resource_type"), embedded("schema")}
	})
)

// User returns the type of RFC 7643 §4.1 with the enterprise extension (§4.3) and our own, Origin and Access.
func User() *ResourceType { return user() }

// Group returns the type of RFC 7643 §4.2 with our extension GroupAccess and that of the draft on group memberships.
func Group() *ResourceType { return group() }

// GroupMembership returns the type of direct memberships (draft-zollner-scim-group-membership) with our extension
// Grant.
func GroupMembership() *ResourceType { return groupMembership() }

// Role returns the type of roles (draft-ietf-scim-roles-entitlements).
func Role() *ResourceType { return role() }

// Organization returns the type of tenants.
func Organization() *ResourceType { return organization() }

// IdentityProvider returns the type of SAML connections.
func IdentityProvider() *ResourceType { return identityProvider() }

// AccessToken returns the type of bearer credentials.
func AccessToken() *ResourceType { return accessToken() }

// DeletedUser returns the type of the tombstones of Users.
func DeletedUser() *ResourceType { return deletedUser() }

// Session returns the type of sign-in sessions.
func Session() *ResourceType { return session() }

// SignIn returns the type of the records of sign-in attempts.
func SignIn() *ResourceType { return signIn() }

// Event returns the type of the records of changes.
func Event() *ResourceType { return event() }

// SchemaDefinition returns the type of the schemas that an organization defines (see CompileSchema).
func SchemaDefinition() *ResourceType { return schemaDefinition() }

// ResourceTypeDefinition returns the type of the resource types that an organization defines (see NewResourceType).
func ResourceTypeDefinition() *ResourceType { return resourceTypeDefinition() }

// Discovery returns the schemas of the discovery endpoints: ServiceProviderConfig, ResourceType and Schema (RFC 7643
// §5–7). The slice is shared; it must not be changed.
func Discovery() []*Schema { return discovery() }

// embedded compiles one of our schemas. It panics on a mistake in the file, which any test that asks for the type
// shows.
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

// builtin joins the schemas in the files with the rules that a file cannot express.
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
	for _, path := range unpublished[name] {
		t.mustLookup(path).unpublished = true
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

// derived lists the attributes that are not stored: the server computes them for each reply.
var derived = map[string][]string{
	UserType: {"groups", AccessURN + ":effectiveRoles", ActivityURN + ":lastSignIn", ActivityURN + ":lastConnection",
		ActivityURN + ":signInCount", ActivityURN + ":lastSeen"},
	GroupType:            {"members", GroupMembershipsURN + ":externallyManaged"},
	RoleType:             {"containedBy"},
	GroupMembershipType:  {GrantURN + ":grants"},
	AccessTokenType:      {"lastUsed", "orphaned"},
	IdentityProviderType: {"health"},
	DeletedUserType:      {"restorable"},
}

// unpublished lists what we do not offer and clients send all the same: people sign in at their identity provider.
var unpublished = map[string][]string{
	UserType: {"password"},
}

// needValue lists the attributes whose elements mean nothing without a value.
var needValue = map[string][]string{
	GroupType: {"members"},
}
