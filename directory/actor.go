package directory

import (
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// Actor is who acts: a credential that was judged, or a part of the program itself.
type Actor struct {
	Type           string // "AccessToken", "Session", "Operator", "IdentityProvider", "Program"
	ID             string // the credential's or connection's id
	Rights         Rights
	System         bool // the credential belongs to the system scope
	User           ID   // whom /Me shows; zero where the credential belongs to no User
	Profile        Profile
	LenientMembers bool // unknown members are skipped and reported, not refused
	NoPagination   bool // the ServiceProviderConfig has no pagination: the client knows nothing of RFC 9865

	// maker is the User on whose behalf a session acts, or a token that depends on the User who made it. What it makes
	// depends on that User, too.
	maker ID

	// judge finds the credential on a later snapshot and returns what a commit must compare, so that a revoked
	// credential commits nothing; nil if there is nothing to compare.
	judge func(*Snapshot) ([]store.Condition, error)
}

// Program is the actor for what the program does by itself.
var Program = Actor{Type: "Program", ID: "rollcall", Rights: ScopeAdmin, System: true}

// Connection is the actor for a sign-in through an identity provider.
func Connection(id ID) Actor {
	return Actor{Type: schema.IdentityProviderType, ID: id.String(), Rights: ScopeAdmin}
}

// isUser reports whether the resource is the actor's own User, which every actor may read.
func (a Actor) isUser(typ string, id ID) bool {
	return typ == schema.UserType && id == a.User && a.Rights.Has(ScopeSelf)
}

// MayRead returns nil if the actor may read resources of the type; else Forbidden.
func (s *Snapshot) MayRead(typ string) error {
	if s.actor.Rights.Has(s.kind(typ).read) {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not read %s resources", typ)
}

// MayWrite returns nil if the actor may change resources of the type; else Forbidden. It is a first answer: the rules
// of the type may refuse parts of it (privileges.go, tuning.go).
func (s *Snapshot) MayWrite(typ string) error {
	if s.actor.Rights.Has(s.kind(typ).write) {
		return nil
	}
	return errorf(Forbidden, "", "this credential may not change %s resources", typ)
}

// MayWriteSchema reports whether the actor may set what a schema defines, where it may write the type that has it.
// Roles and protection of Groups are privileges (touchesPrivileges).
func (a Actor) MayWriteSchema(urn string) bool {
	return urn != schema.GroupAccessURN || a.Rights.Has(administer)
}

// MayReadSchema reports whether the actor may see what a schema defines, where it may read the type that has it: who
// can read people and nothing else does not see when they sign in.
func (a Actor) MayReadSchema(urn string) bool {
	return urn != schema.ActivityURN || a.Rights&(writePeople|readConnections) != 0
}

// operatorType is the Type of whoever acts with an operator token.
const operatorType = "Operator"

// Operator reports whether the actor has the operator token.
func (a Actor) Operator() bool { return a.Type == operatorType }
