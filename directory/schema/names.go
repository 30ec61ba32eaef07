package schema

// Names of the built-in types, as meta.resourceType shows them (RFC 7643 §3.1).
const (
	UserType                   = "User"
	GroupType                  = "Group"
	GroupMembershipType        = "GroupMembership"
	OrganizationType           = "Organization"
	IdentityProviderType       = "IdentityProvider"
	AccessTokenType            = "AccessToken"
	DeletedUserType            = "DeletedUser"
	SessionType                = "Session"
	SignInType                 = "SignIn"
	EventType                  = "Event"
	SchemaDefinitionType       = "SchemaDefinition"
	ResourceTypeDefinitionType = "ResourceTypeDefinition"
)
