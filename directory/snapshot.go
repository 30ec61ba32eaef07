package directory

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// Snapshot is one scope's state at one revision, as one actor may see it. It never changes and may be used by any number of
// goroutines.
type Snapshot struct {
	store  *Store
	frozen *frozenState
	key    scope
	scope  *scopeState
	sys    *scopeState
	actor  Actor
	pinned bool // the logs, too, are read as they were
}

// Revision tells snapshots of one store apart; a later one has a greater revision.
func (s *Snapshot) Revision() int64 { return s.frozen.revision }

// Types lists the resource types that the scope offers.
func (s *Snapshot) Types() []*schema.ResourceType {
	if s.key.system() {
		return systemTypes()
	}
	return s.scope.catalog.types
}

// Type returns the scope's type of that name; nil if it has none.
func (s *Snapshot) Type(name string) *schema.ResourceType {
	for _, t := range s.Types() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// TypeAt returns the type that is served at the endpoint ("/Users", compared exactly); nil if there is none.
func (s *Snapshot) TypeAt(endpoint string) *schema.ResourceType {
	for _, t := range s.Types() {
		if t.Endpoint == endpoint {
			return t
		}
	}
	return nil
}

// home is where resources of the type live as seen from this snapshot: Organizations live in the system scope.
func (s *Snapshot) home(typ string) (scope, *scopeState) {
	if typ == organizationType {
		return scope{}, s.sys
	}
	return s.key, s.scope
}

// Get returns the resource. Errors: NotFound, also for the id of another type, scope or, in an organization, of another
// Organization; Forbidden where the actor may not read the type; its own User every actor may read.
func (s *Snapshot) Get(typ string, id ID) (*Resource, error) {
	if err := s.actor.mayRead(typ); err != nil && (typ != userType || id != s.actor.User || s.actor.Scope < ScopeSelf) {
		return nil, err
	}
	r := s.record(typ, id)
	if r == nil {
		return nil, errorf(NotFound, "", "%s %s not found", typ, id)
	}
	return s.resource(r), nil
}

func (s *Snapshot) record(typ string, id ID) *record {
	if typ == organizationType && !s.key.system() && id != s.key.org {
		return nil
	}
	_, sc := s.home(typ)
	if r := sc.get(id); r != nil && r.Type == typ {
		return r
	}
	return nil
}

// resource is the record as others see it: a Group's version moves with its members.
func (s *Snapshot) resource(r *record) *Resource {
	if r.Type != groupType {
		return &r.Resource
	}
	version, at := s.scope.modified(r)
	if version == r.Version {
		return &r.Resource
	}
	moved := r.Resource
	moved.Version, moved.LastModified = version, at
	return &moved
}

// Organization is the scope's own Organization; nil in the system scope.
func (s *Snapshot) Organization() *Resource {
	if s.key.system() {
		return nil
	}
	if r := s.sys.get(s.key.org); r != nil {
		return &r.Resource
	}
	return nil
}

// organizationNamed finds an organization by its name.
func organizationNamed(f *frozenState, name string) (ID, bool) {
	sys := f.scope(scope{})
	a := builtin(organizationType).Lookup("name")
	r := sys.first(organizationType, a, a.Key(name))
	if r == nil {
		return ID{}, false
	}
	return r.ID, true
}

// first returns the oldest record of the type with that key in the attribute's index.
func (s *scopeState) first(typ string, a *schema.Attribute, key string) *record {
	for r := range s.withKey(typ, a, key) {
		return r
	}
	return nil
}

// indexes reports whether the attribute has an index in memory.
func (s *scopeState) indexes(typ string, a *schema.Attribute) bool {
	t := s.tables[typ]
	return t == nil || t.index(a) != nil
}

// withKey yields the records of the type with that key in the attribute's index, in order of creation.
func (s *scopeState) withKey(typ string, a *schema.Attribute, key string) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		t := s.tables[typ]
		if t == nil {
			return
		}
		x := t.index(a)
		if x == nil {
			return
		}
		x.tree.Ascend(indexEntry{key: key}, func(e indexEntry) bool {
			if e.key != key {
				return false
			}
			r, ok := t.list.Get(e.ord)
			return !ok || yield(r)
		})
	}
}

// Find yields the resources of the type whose indexed attribute (userName, externalId, emails.value, displayName) equals
// the value by the attribute's case rule, in order of creation.
func (s *Snapshot) Find(typ, attribute, value string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		_, sc := s.home(typ)
		t := s.Type(typ)
		if t == nil {
			return
		}
		a := t.Lookup(attribute)
		if a == nil {
			return
		}
		for r := range sc.withKey(typ, a, a.Key(value)) {
			if !yield(s.resource(r)) {
				return
			}
		}
	}
}

// All yields every resource of the type in order of creation.
func (s *Snapshot) All(typ string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		_, sc := s.home(typ)
		t := sc.tables[typ]
		if t == nil {
			return
		}
		t.list.Scan(func(_ uint32, r *record) bool {
			if typ == organizationType && !s.key.system() && r.ID != s.key.org {
				return true
			}
			return yield(s.resource(r))
		})
	}
}

// Tombstone returns the DeletedUser that still holds the userName; nil if there is none.
func (s *Snapshot) Tombstone(userName string) *Resource {
	a := builtin(deletedUserType).Lookup("userName")
	if r := s.scope.holder(a.Key(userName)); r != nil {
		return &r.Resource
	}
	return nil
}

// TombstoneOf returns the DeletedUser with the id of a User that was deleted; nil if there is none.
func (s *Snapshot) TombstoneOf(user ID) *Resource {
	if r := s.scope.get(user); r != nil && r.Type == deletedUserType {
		return &r.Resource
	}
	return nil
}

func (s *scopeState) holder(userNameKey string) *record {
	for r := range s.withKey(deletedUserType, builtin(deletedUserType).Lookup("userName"), userNameKey) {
		if !r.released {
			return r
		}
	}
	return nil
}

// Active reports whether a User's document says that the account may be used: absent counts as active.
func Active(doc []byte) bool {
	return gjson.GetBytes(doc, "active").Type != gjson.False
}

// Roles are the User's effective roles: its own and those of every Group it is in, directly or not; sorted.
func (s *Snapshot) Roles(user ID) []string {
	r := s.scope.get(user)
	if r == nil || r.Type != userType {
		return nil
	}
	roles := roleValues(gjson.GetBytes(r.JSON, "roles"))
	for g := range s.groupsOf(r) {
		roles = append(roles, roleValues(groupAccess(g.group.JSON, "roles"))...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func roleValues(list gjson.Result) []string {
	var values []string
	for _, e := range list.Array() {
		if v := e.Get("value").String(); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// groupAccess reads an attribute of the Group's extension Access.
func groupAccess(doc []byte, name string) gjson.Result {
	return gjson.GetBytes(doc, escapedGroupAccess+"."+name)
}

// groupAccessURN is the Group's extension that grants roles and protects.
const groupAccessURN = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"

var escapedGroupAccess = strings.ReplaceAll(groupAccessURN, ".", `\.`)

// privileged reports whether membership of the group means more than membership: it has roles or is protected.
func privileged(doc []byte) bool {
	return groupAccess(doc, "protected").Bool() || len(groupAccess(doc, "roles").Array()) > 0
}

// privileges reports whether membership of the group, or of a group that it is in, means more than membership.
func (s *Snapshot) privileges(g *record) bool {
	if privileged(g.JSON) {
		return true
	}
	for outer := range s.groupsOf(g) {
		if privileged(outer.group.JSON) {
			return true
		}
	}
	return false
}

// Privileged reports whether the User has roles or is in a protected Group: whoever links it to a sign-in takes them over.
func (s *Snapshot) Privileged(user ID) bool {
	r := s.scope.get(user)
	if r == nil || r.Type != userType {
		return false
	}
	if len(gjson.GetBytes(r.JSON, "roles").Array()) > 0 {
		return true
	}
	for g := range s.groupsOf(r) {
		if privileged(g.group.JSON) {
			return true
		}
	}
	return false
}

// Note returns a note's value; nil if there is none.
func (s *Snapshot) Note(kind string, id ID) []byte {
	n, _ := s.scope.notes.Get(kind + "/" + id.raw())
	return n.value
}
