package directory

// Rights is a set of what a credential may do.
type Rights uint16

const (
	readSelf        Rights = 1 << iota // its own User, at /Me
	readPeople                         // Users, Groups and resources of custom types
	readConnections                    // IdentityProviders, SignIns and the Organization
	readAll                            // everything else in the organization
	writePeople                        // Users and Groups without privileges, and resources of custom types
	writePrivileged                    // what is no privilege of Users who have some
	tuneConnections                    // of IdentityProviders what does not decide who somebody is (tuning.go)
	administer                         // everything in the organization, privileges too
)

// The sets that the scopes of a token stand for. ScopeSelf reads its own User at /Me and nothing else.
const (
	ScopeSelf  = readSelf
	ScopeRead  = ScopeSelf | readPeople
	ScopeWrite = ScopeRead | writePeople | writePrivileged
	ScopeAdmin = ScopeWrite | readConnections | readAll | tuneConnections | administer
)

// Has reports whether the set holds all rights of the other.
func (r Rights) Has(other Rights) bool { return r&other == other }

// MayChange reports whether there is anything that the rights allow to change.
func (r Rights) MayChange() bool { return r&(writePeople|tuneConnections|administer) != 0 }

// ReadEverything reports whether the rights show everything in the organization, as an auditor's and an
// administrator's do.
func (r Rights) ReadEverything() bool {
	return r.Has(ScopeSelf | readPeople | readConnections | readAll)
}

// scopes are what a token may have, by name.
var scopes = map[string]Rights{"read": ScopeRead, "write": ScopeWrite, "admin": ScopeAdmin}

// ParseScope reads "read", "write" or "admin".
func ParseScope(s string) (Rights, bool) {
	r, ok := scopes[s]
	return r, ok
}

// roleRights are the roles that give rights: what a session of a User who has the role may do. The widest come first.
var roleRights = []struct {
	role   string
	rights Rights
}{
	{"administrator", ScopeAdmin},
	{"manager", ScopeRead | readConnections | writePeople | tuneConnections},
	{"auditor", ScopeRead | readConnections | readAll},
}

// rightsOfRole are the rights that the role gives; none for most roles, which mean something to others only.
func rightsOfRole(role string) Rights {
	for _, r := range roleRights {
		if r.role == role {
			return r.rights
		}
	}
	return 0
}
