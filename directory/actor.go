package directory

import (
	"slices"

	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

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
	LenientMembers bool // unknown members are skipped and reported, not refused

	// judge finds the credential on a later snapshot and returns what a commit must compare, so that a revoked
	// credential commits nothing; nil if there is nothing to compare.
	judge func(*Snapshot) ([]store.Condition, error)
}

// Program is the actor for what the program does by itself.
var Program = Actor{Type: "Program", ID: "rollcall", Scope: ScopeAdmin, System: true}

// Connection is the actor for a sign-in through an identity provider.
func Connection(id ID) Actor {
	return Actor{Type: schema.IdentityProviderType, ID: id.String(), Scope: ScopeAdmin}
}

// isUser reports whether the resource is the actor's own User, which every actor may read.
func (a Actor) isUser(typ string, id ID) bool {
	return typ == schema.UserType && id == a.User && a.Scope >= ScopeSelf
}

func (a Actor) mayRead(typ string) error {
	if a.Scope >= kindOf(typ).read {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not read %s resources", typ)
}

func (a Actor) mayWrite(typ string) error {
	if a.Scope >= kindOf(typ).write {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not change %s resources", typ)
}

// operatorType is the Type of whoever acts with an operator token.
const operatorType = "Operator"

// Operator reports whether the actor has the operator token.
func (a Actor) Operator() bool { return a.Type == operatorType }
