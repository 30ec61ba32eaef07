package directory

import (
	"iter"
	"sync"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// kind is what is special about a built-in resource type beyond its schema, which has its name, URN, endpoint and
// attributes. To add a type, write its schema, its row here, and its rules.
type kind struct {
	schema func() *schema.ResourceType
	shown  scopeSet // the scopes that offer it

	read, write Rights // what a credential needs

	central    bool // lives in the system scope, where an organization sees its own alone
	logged     bool // kept in etcd only, and listed with the newest first
	extensible bool // organizations may add extensions
	defines    bool // a change of it changes the types of its organization
	access     bool // every change of it concerns access (eventclass.go)
	minor      bool // its resources tell of themselves: a change has an Event about one only if it is about nothing else

	// unstored finds a resource of a type whose resources are not stored but made of others, by its id, which is longer
	// than an ID; nil for all other types.
	unstored func(s *Snapshot, id string) *state.Record
	// builtIn are resources that every organization has beside its own, before them; nobody changes them.
	builtIn func() []*state.Record

	recorded []string // paths of which an Event has the values before and after (changes.go)

	// withdraws reports whether a document takes away what the one before it allowed; nil: no document does.
	withdraws func(was, now []byte) bool

	// derived are JSON of attributes that are not stored; nil where they have no value.
	derived map[string]func(View) []byte
	// lists are derived lists of references, with their types.
	lists map[string]func(View) iter.Seq2[*state.Record, string]
	rule  rule
}

// scopeSet says which scopes offer a type.
type scopeSet uint8

const (
	inOrganizations scopeSet = 1 << iota
	inSystem
	everywhere = inOrganizations | inSystem
)

// rule holds what the directory itself demands of a type, beyond its schema. Each may change the document or the record
// that is being written and stage more writes; nil demands nothing.
type rule struct {
	create  func(tx *Tx, r *state.Record, doc schema.Document) error
	replace func(tx *Tx, was, r *state.Record, doc schema.Document) error
	delete  func(tx *Tx, r *state.Record) error
}

// kinds are the built-in types, in the order in which they are shown. It is assigned in init, because the rules create
// and replace resources of other types.
var kinds []*kind

func init() {
	kinds = []*kind{
		{schema: schema.User, shown: inOrganizations, read: readPeople, write: writePeople, extensible: true,
			derived: map[string]func(View) []byte{schema.AccessURN: derivedAccess, schema.ActivityURN: derivedActivity},
			lists:   map[string]func(View) iter.Seq2[*state.Record, string]{"groups": derivedGroups},
			rule:    rule{createUser, replaceUser, deleteUser}, withdraws: withdrawsUser,
			recorded: []string{"active", "roles"}},
		{schema: schema.Group, shown: inOrganizations, read: readPeople, write: writePeople, extensible: true,
			derived:  map[string]func(View) []byte{schema.GroupMembershipsURN: derivedExternallyManaged},
			lists:    map[string]func(View) iter.Seq2[*state.Record, string]{"members": derivedMembers},
			rule:     rule{createGroup, replaceGroup, deleteGroup},
			recorded: []string{schema.GroupAccessURN + ":protected", schema.GroupAccessURN + ":roles"}},
		{schema: schema.GroupMembership, shown: inOrganizations, read: readPeople, write: writePeople,
			unstored: (*Snapshot).membershipNamed, rule: rule{create: unstoredAlone},
			derived: map[string]func(View) []byte{schema.GrantURN: derivedGrants}},
		{schema: schema.Role, shown: inOrganizations, read: readPeople, write: administer, access: true,
			builtIn: builtInRoles, rule: rule{createRole, replaceRole, deleteRole},
			derived: map[string]func(View) []byte{"containedBy": derivedContainedBy}},
		{schema: schema.IdentityProvider, shown: inOrganizations, read: readConnections, write: tuneConnections, access: true,
			derived: map[string]func(View) []byte{"health": derivedHealth},
			rule:    rule{createConnection, replaceConnection, deleteConnection}, withdraws: disables("enabled"),
			recorded: []string{"domains", "enabled", "groupSync.*", "jit.*", "linkBy", "linkPrivileged"}},
		{schema: schema.AccessToken, shown: everywhere, read: readAll, write: administer, access: true,
			derived: map[string]func(View) []byte{"lastUsed": derivedLastUsed, "orphaned": derivedOrphaned},
			rule:    rule{createAccessToken, replaceAccessToken, deleteAccessToken}, withdraws: withdrawsToken,
			recorded: []string{"expiresAt", "scopes"}},
		{schema: schema.Organization, shown: everywhere, read: readConnections, write: administer, central: true,
			access: true, rule: rule{createOrganization, replaceOrganization, deleteOrganization}, withdraws: disables("active"),
			recorded: []string{"active", "domains", "name"}},
		{schema: schema.SchemaDefinition, shown: inOrganizations, read: readAll, write: administer, defines: true,
			access: true},
		{schema: schema.ResourceTypeDefinition, shown: inOrganizations, read: readAll, write: administer, defines: true,
			access: true},
		{schema: schema.DeletedUser, shown: inOrganizations, read: readAll, write: administer,
			derived: map[string]func(View) []byte{"restorable": derivedRestorable},
			rule:    rule{delete: deleteTombstone}},
		{schema: schema.Session, shown: inOrganizations, read: readAll, write: administer, minor: true},
		{schema: schema.SignIn, shown: inOrganizations, read: readConnections, write: administer, logged: true,
			minor: true},
		{schema: schema.Event, shown: everywhere, read: readAll, write: administer, logged: true},
	}
}

// custom is the kind of every type that an organization defined.
var custom = &kind{shown: inOrganizations, read: readPeople, write: writePeople}

var kindsByName = sync.OnceValue(func() map[string]*kind {
	byName := map[string]*kind{}
	for _, k := range kinds {
		byName[k.schema().Name] = k
	}
	return byName
})

// IsAdministrative reports whether the type's resources are for administrators, who must not believe that something was
// stored which was not.
func (s *Snapshot) IsAdministrative(typ string) bool { return s.kind(typ).access }

// kind is the kind of the type as the scope has it. One that the organization defined is custom, also where it hides a
// built-in type of the same name, which came later.
func (s *Snapshot) kind(typ string) *kind {
	if !s.id.IsSystem() {
		if t := s.scope.Catalog().Type(typ); t != nil && t.Custom {
			return custom
		}
	}
	return kindOf(typ)
}

// replaced reports whether the organization has a type of its own with the name of the built-in one: resources of that
// name are not of the built-in type then.
func (s *Snapshot) replaced(typ string) bool { return s.kind(typ) == custom }

// kindOf is the kind of a built-in type.
func kindOf(typ string) *kind {
	if k := kindsByName()[typ]; k != nil {
		return k
	}
	return custom
}

// builtinCatalog is what every organization has without definitions of its own.
var builtinCatalog = sync.OnceValue(func() *state.Catalog {
	var extensible []string
	for _, k := range kinds {
		if k.extensible {
			extensible = append(extensible, k.schema().Name)
		}
	}
	return state.NewCatalog(typesShown(inOrganizations), extensible...)
})

// systemTypes are the types of the system scope.
var systemTypes = sync.OnceValue(func() []*schema.ResourceType { return typesShown(inSystem) })

func typesShown(in scopeSet) (types []*schema.ResourceType) {
	for _, k := range kinds {
		if k.shown&in != 0 {
			types = append(types, k.schema())
		}
	}
	return types
}
