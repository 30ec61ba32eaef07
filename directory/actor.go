package directory

import "slices"

// Scope is what a credential may do; each includes the one before.
type Scope uint8

// The scopes. ScopeSelf reads its own User at /Me and nothing else.
const (
	ScopeNone Scope = iota
	ScopeSelf
	ScopeRead
	ScopeWrite
	ScopeAdmin
)

var scopeNames = [...]string{"none", "self", "read", "write", "admin"}

func (s Scope) String() string { return scopeNames[s] }

// ParseScope reads "read", "write" or "admin".
func ParseScope(s string) (Scope, bool) {
	i := slices.Index(scopeNames[:], s)
	return Scope(max(i, 0)), i >= int(ScopeRead)
}

// Actor is who acts: a credential that was judged, or a part of the program itself.
type Actor struct {
	Type           string // "AccessToken", "Session", "Operator", "IdentityProvider", "Program"
	ID             string // the credential's or connection's id
	Scope          Scope
	System         bool // the credential belongs to the system scope
	User           ID   // whom /Me shows; zero where the credential belongs to no User
	Strict         bool // no leniency towards what clients get wrong
	LenientMembers bool // unknown members are skipped and reported instead of refused

	// judge finds the credential on a snapshot again and returns what a commit must compare so that a revoked one commits
	// nothing. nil: nothing to compare.
	judge func(*Snapshot) ([]condition, error)
}

// Program is the actor for what the program does by itself.
var Program = Actor{Type: "Program", ID: "rollcall", Scope: ScopeAdmin, System: true}

// Connection is the actor for a sign-in through an identity provider.
func Connection(id ID) Actor {
	return Actor{Type: identityProviderType, ID: id.String(), Scope: ScopeAdmin}
}

// plain types may be read and written with the scopes read and write; everything else needs admin.
func plain(typ string) bool {
	return typ == userType || typ == groupType || builtin(typ) == nil
}

func (a Actor) mayRead(typ string) error {
	if a.Scope == ScopeAdmin || (plain(typ) && a.Scope >= ScopeRead) {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not read %s resources", typ)
}

func (a Actor) mayWrite(typ string) error {
	if typ == organizationType && a.Scope == ScopeAdmin {
		return nil // what an organization's own credential may change of it is judged by the rules of the type
	}
	if a.Scope == ScopeAdmin || (plain(typ) && a.Scope >= ScopeWrite) {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not change %s resources", typ)
}
