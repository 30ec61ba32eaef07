package directory

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Roles (draft-ietf-scim-roles-entitlements) are the values that roles of Users and Groups may have. Those that give
// rights here are built in; an organization's own mean something to the services that read them, and give none.

// builtInTexts say what the roles with rights are for.
var builtInTexts = map[string]struct{ display, description string }{
	"administrator": {"Administer organization", "Reads and changes everything in the organization."},
	"manager": {"Manage organization", "Reads Users, Groups and connections; changes Users without roles, Groups that " +
		"grant nothing, and of a connection its name, just-in-time creation and ordinary groups."},
	"auditor": {"Audit organization", "Reads everything in the organization and changes nothing."},
}

// builtInSince is when the built-in Roles were made, which no store can tell (RFC 7643 §3.1: meta.created).
var builtInSince = time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC)

// builtInRoles are the Roles with rights. Their ids are made of their values, so they are the same everywhere.
var builtInRoles = sync.OnceValue(func() (roles []*state.Record) {
	for _, known := range roleRights {
		r := &state.Record{Resource: Resource{Type: schema.RoleType, ID: builtInRoleID(known.role),
			Created: builtInSince, LastModified: builtInSince}}
		doc := schema.Document{"id": r.ID.String(), "value": known.role, "type": "built-in", "supported": true,
			"display": builtInTexts[known.role].display, "description": builtInTexts[known.role].description}
		var contains []any
		for _, other := range roleRights {
			if other.role != known.role && known.rights.Has(other.rights) {
				contains = append(contains, other.role)
			}
		}
		if contains != nil {
			doc["contains"] = contains
		}
		var err error
		if r.JSON, err = schema.Role().Encode(doc); err != nil {
			panic(err) // any test that asks for the roles shows it
		}
		roles = append(roles, r)
	}
	return roles
})

func builtInRoleID(value string) ID {
	return ID(uuid.NewSHA1(uuid.NameSpaceURL, []byte(schema.RoleURN+":"+value)))
}

func isBuiltInRole(id ID) bool {
	return slices.ContainsFunc(builtInRoles(), func(r *state.Record) bool { return r.ID == id })
}

// roles yields all Roles of the organization; only the built-in ones where it has a type of its own of that name.
func (s *Snapshot) roles() iter.Seq[*state.Record] {
	if s.replaced(schema.RoleType) {
		return slices.Values(builtInRoles())
	}
	return s.withBuiltIn(schema.RoleType)
}

// MaxRoles is how many Roles of its own an organization may have: what is given to somebody is looked for among all.
const MaxRoles = 500

func createRole(tx *Tx, r *state.Record, doc schema.Document) error {
	if err := tx.atMost(MaxRoles, r, "roles"); err != nil {
		return err
	}
	value, _ := doc["value"].(string)
	if strings.TrimSpace(value) == "" {
		return errorf(Invalid, "value", "must not be blank")
	}
	for _, known := range roleRights {
		if schema.Fold(known.role) == schema.Fold(value) {
			return errorf(Exists, "value", "the role %s is built in", known.role)
		}
	}
	if _, ok := doc["supported"]; !ok {
		doc["supported"] = true
	}
	return tx.checkContains(value, doc)
}

func replaceRole(tx *Tx, was, _ *state.Record, doc schema.Document) error {
	if isBuiltInRole(was.ID) {
		return errBuiltIn(was)
	}
	if _, ok := doc["supported"]; !ok {
		doc["supported"] = true
	}
	return tx.checkContains(was.Text("value"), doc)
}

// deleteRole lets whoever has the role keep it, as a value that is not known any more: nobody's rights change.
func deleteRole(_ *Tx, r *state.Record) error {
	if isBuiltInRole(r.ID) {
		return errBuiltIn(r)
	}
	return nil
}

func errBuiltIn(r *state.Record) error {
	return errorf(Mutability, "", "the role %s is built in and cannot be changed", r.Text("value"))
}

// checkContains checks that the Role includes only other Roles of the organization, and not itself, through whichever
// others: a Role that included a built-in one would give rights. The change depends on the Roles that were looked at.
func (tx *Tx) checkContains(value string, doc schema.Document) error {
	list, _ := doc["contains"].([]any)
	if len(list) == 0 {
		return nil
	}
	g := roleGraph{tx, map[string]*state.Record{}, schema.Fold(value), map[ID]bool{}}
	for r := range tx.rolesNow() {
		g.byValue[schema.Fold(r.Text("value"))] = r
	}
	for i, e := range list {
		at := fmt.Sprintf("contains[%d]", i)
		other, _ := e.(string)
		r := g.byValue[schema.Fold(other)]
		switch {
		case r == nil:
			return errorf(Invalid, at, "no role has the value %q", other)
		case isBuiltInRole(r.ID):
			return errorf(Invalid, at, "the role %s is built in: only it gives its rights", other)
		case g.includes(r):
			return errorf(Invalid, at, "the role %q includes this one, which cannot include itself", other)
		}
	}
	return nil
}

// roleGraph looks for a Role among those that others include, at each of which it looks once.
type roleGraph struct {
	tx      *Tx
	byValue map[string]*state.Record // folded
	folded  string                   // the value that is looked for
	seen    map[ID]bool              // and does not include it
}

// includes reports whether the Role is, or includes, the one that is looked for.
func (g roleGraph) includes(r *state.Record) bool {
	if schema.Fold(r.Text("value")) == g.folded {
		return true
	}
	if g.seen[r.ID] {
		return false
	}
	g.seen[r.ID] = true
	g.tx.guardUnlessStaged(r)
	for _, e := range gjson.GetBytes(r.JSON, "contains").Array() {
		if inner := g.byValue[schema.Fold(e.String())]; inner != nil && g.includes(inner) {
			return true
		}
	}
	return false
}

// allContainers is the key of containers among what a snapshot remembers.
type allContainers struct{}

// containers are the values of the Roles that include a Role, by its value, folded.
func (s *Snapshot) containers() map[string][]string {
	return s.Once(allContainers{}, func() any {
		by := map[string][]string{}
		for r := range s.roles() {
			value, named := r.Text("value"), map[string]bool{}
			for _, e := range gjson.GetBytes(r.JSON, "contains").Array() {
				if folded := schema.Fold(e.String()); !named[folded] {
					named[folded] = true
					by[folded] = append(by[folded], value)
				}
			}
		}
		return by
	}).(map[string][]string)
}

// derivedContainedBy are the values of the Roles that include a Role.
func derivedContainedBy(v View) []byte {
	by := v.snap.containers()[schema.Fold(v.rec.Text("value"))]
	if by == nil {
		return nil
	}
	b, err := json.Marshal(by)
	if err != nil {
		return nil
	}
	return b
}

// knowRoles judges the roles that a change gives for the first time; was is the User or Group as it is, nil for a new
// one. Where the organization takes only its Roles (rolesClosed), the error is Invalid at attr and names them; else a
// value that is nearly one of them is warned of. What is stored may stay.
func (tx *Tx) knowRoles(attr string, was *state.Record, after any) error {
	var had, given []string
	if was != nil {
		had = slices.Collect(rolesOf(was))
	}
	for _, role := range values(after) {
		if !slices.Contains(had, role) {
			given = append(given, role)
		}
	}
	if given == nil {
		return nil
	}
	closed := tx.snap.scope.Control().RolesClosed
	known, names := tx.rolesToGive()
	for _, role := range given {
		r := known[role]
		switch {
		case r == nil && closed:
			return errorf(Invalid, attr, "%q is not a role of the organization, which are: %s", role, listed(names))
		case r == nil:
			tx.warnOfRole(role, names)
		case closed && !isBuiltInRole(r.ID): // then the change depends on it
			tx.guardUnlessStaged(r)
		}
	}
	return nil
}

// rolesToGive are the Roles that may be given, as this change has them, by their values, and these in order.
func (tx *Tx) rolesToGive() (known map[string]*state.Record, names []string) {
	known = map[string]*state.Record{}
	for r := range tx.rolesNow() {
		if gjson.GetBytes(r.JSON, "supported").Type != gjson.False {
			name := r.Text("value")
			known[name], names = r, append(names, name)
		}
	}
	return known, names
}

// rolesNow yields all Roles as this change has them.
func (tx *Tx) rolesNow() iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		for r := range tx.snap.roles() {
			if now, staged := tx.staged[r.ID]; staged {
				r = now
			}
			if r != nil && !yield(r) {
				return
			}
		}
		for _, r := range tx.staged {
			if r != nil && r.Type == schema.RoleType && r.Uncommitted() && !yield(r) {
				return
			}
		}
	}
}

// listed joins names, the first fifty of them.
func listed(names []string) string {
	const most = 50
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// warnOfRole warns of a role that is not known and nearly is one that is. Of one change, it looks at the first few.
func (tx *Tx) warnOfRole(role string, known []string) {
	const most, few = 3, 20
	if tx.unknownRoles++; tx.unknownRoles > few {
		return
	}
	var near []string
	for _, k := range known {
		if len(near) == most {
			break
		}
		if nearly(role, k) {
			near = append(near, k)
		}
	}
	if near != nil {
		tx.warnings = append(tx.warnings, clip(role)+": did you mean "+strings.Join(near, " or ")+"?")
	}
}

// Warnings are what the change tells whoever makes it, in the order in which it found them.
func (tx *Tx) Warnings() []string { return tx.warnings }

// nearly reports whether two short texts differ by their case, or by few letters.
func nearly(a, b string) bool {
	const short = 64 // bytes: comparing costs their product
	if len(a) > short || len(b) > short {
		return false
	}
	x, y := schema.Fold(a), schema.Fold(b)
	few := min(utf8.RuneCountInString(x), utf8.RuneCountInString(y)) / 4
	return levenshtein.ComputeDistance(x, y) <= few
}
