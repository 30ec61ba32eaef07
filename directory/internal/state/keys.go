package state

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
)

// Keyspace spells every key under one root. The documentation of the package directory has the layout.
type Keyspace struct{ root string }

// NewKeyspace returns the keys under the root, which may end in a slash.
func NewKeyspace(root string) Keyspace { return Keyspace{root: strings.TrimSuffix(root, "/") + "/"} }

// All is the prefix of every key.
func (k Keyspace) All() string { return k.root }

// Format is the key that holds the version of the data.
func (k Keyspace) Format() string { return k.root + "format" }

// Job is the key of the election of the node that does the job.
func (k Keyspace) Job(name string) string { return k.root + "job/" + name }

// Operators is the prefix of what each running node shows of its operator tokens.
func (k Keyspace) Operators() string { return k.root + "operator/" }

// Activity is the key that says which SignIns have been counted that were made before sign-ins were counted.
func (k Keyspace) Activity() string { return k.root + "activity" }

// System spells the keys of the system scope.
func (k Keyspace) System() ScopeKeys { return k.Scope(System) }

// Organization spells the keys of an organization.
func (k Keyspace) Organization(id ID) ScopeKeys { return k.Scope(ScopeID{id}) }

// Organizations is the prefix of the keys of every organization.
func (k Keyspace) Organizations() string { return k.root + "org/" }

// OrganizationOf is the organization that a key with that prefix belongs to.
func (k Keyspace) OrganizationOf(key string) (ID, bool) {
	p, ok := k.locate(key)
	return p.scope.Organization, ok && !p.scope.IsSystem()
}

// Scope spells the keys of a scope.
func (k Keyspace) Scope(id ScopeID) ScopeKeys { return ScopeKeys{k.root + id.Path()} }

// ScopeID names the system scope (zero) or an organization.
type ScopeID struct{ Organization ID }

// System is the scope that holds the organizations.
var System ScopeID

// IsSystem reports whether it is the system scope.
func (id ScopeID) IsSystem() bool { return id.Organization.IsZero() }

// Path is the scope as it stands in keys, with a slash at the end.
func (id ScopeID) Path() string {
	if id.IsSystem() {
		return "sys/"
	}
	return "org/" + id.Organization.Raw() + "/"
}

// ScopeKeys spells the keys of one scope.
type ScopeKeys struct{ prefix string }

// All is the prefix of every key of the scope.
func (k ScopeKeys) All() string { return k.prefix }

// Control is the scope key, which every write of the scope compares.
func (k ScopeKeys) Control() string { return k.prefix + "scope" }

// Nest is the key that changes of nested groups compare and put.
func (k ScopeKeys) Nest() string { return k.prefix + "nest" }

// Resources is the prefix of the resources of a type.
func (k ScopeKeys) Resources(typ string) string { return k.prefix + "r/" + typ + "/" }

// Resource is the key of a resource.
func (k ScopeKeys) Resource(typ string, id ID) string { return k.Resources(typ) + id.Raw() }

// Stamp is the key that says when a group's members changed last.
func (k ScopeKeys) Stamp(group ID) string { return k.prefix + "v/" + group.Raw() }

// Note is the key of a note.
func (k ScopeKeys) Note(kind string, id ID) string { return k.prefix + "n/" + noteName(kind, id) }

func noteName(kind string, id ID) string { return kind + "/" + id.Raw() }

// Secret is the key of a sealed secret.
func (k ScopeKeys) Secret(kid string) string { return k.prefix + "k/" + kid }

// Events is the prefix of the Events of a class.
func (k ScopeKeys) Events(c EventClass) string { return k.prefix + eventClasses[c] + "/" }

// EventClass divides the Events: each class is kept for itself, so that none pushes out those of another.
type EventClass uint8

// Events that do not concern access, those that do, and of these the ones that administrators left.
const (
	OrdinaryEvents EventClass = iota
	AccessEvents
	AdministrationEvents
)

var eventClasses = [...]string{OrdinaryEvents: "e", AccessEvents: "e-access", AdministrationEvents: "e-admin"}

const trimmedKeys = "trimmed"

// AllTrimmed is the prefix of what sweeps write down of the Events that they remove.
func (k ScopeKeys) AllTrimmed() string { return k.prefix + trimmedKeys + "/" }

// Trimmed is the key that holds the place of the last Event of a class, in the order of the scope, that was removed
// because the class keeps no more.
func (k ScopeKeys) Trimmed(c EventClass) string { return k.AllTrimmed() + eventClasses[c] }

// EventClasses are all of them.
var EventClasses = []EventClass{OrdinaryEvents, AccessEvents, AdministrationEvents}

// SignIns is the prefix of the SignIns.
func (k ScopeKeys) SignIns() string { return k.prefix + "s/" }

// Numbers is the prefix of the keys that lead from numbers to SignIns.
func (k ScopeKeys) Numbers() string { return k.prefix + "number/" }

// NumbersOf is the prefix of those of a day.
func (k ScopeKeys) NumbersOf(at time.Time) string {
	const day = 24 * 60 * 60
	return k.Numbers() + string(binary.BigEndian.AppendUint32(nil, uint32(at.Unix()/day))) + "/"
}

// Numbered is the prefix of the keys of a number on a day; the ids of the SignIns follow.
func (k ScopeKeys) Numbered(number string, at time.Time) string {
	return k.NumbersOf(at) + digest(number)[:numberBytes]
}

const numberBytes = 8

// Identities is the prefix of what is kept of people who signed in.
func (k ScopeKeys) Identities() string { return k.prefix + "i/" }

// Identity is the key of what is kept of the person of a SignIn.
func (k ScopeKeys) Identity(signIn ID) string { return k.Identities() + signIn.Raw() }

// Kept is the key of what is kept of a User that was deleted, to restore it.
func (k ScopeKeys) Kept(user ID) string { return k.prefix + "d/" + user.Raw() }

// Rings is the prefix of the rings of all connections.
func (k ScopeKeys) Rings() string { return k.prefix + "ring/" }

// Ring is the prefix of a connection's ring.
func (k ScopeKeys) Ring(connection ID) string { return k.Rings() + connection.Raw() + "/" }

// RingSlot is the key of a slot in a connection's ring: the slots of a network stand together.
func (k ScopeKeys) RingSlot(connection ID, network string, n byte) string {
	return k.Ring(connection) + digest(network)[:ringNetworkBytes] + string([]byte{n})
}

const ringNetworkBytes = 8

// RingPlace reads what follows the prefix of a ring in the key of a slot.
func RingPlace(rest string) (network string, n byte, ok bool) {
	if len(rest) != ringNetworkBytes+1 {
		return "", 0, false
	}
	return rest[:ringNetworkBytes], rest[ringNetworkBytes], true
}

// Pins is the prefix of the pins.
func (k ScopeKeys) Pins() string { return k.prefix + "pin/" }

// Pin is the key of a pin.
func (k ScopeKeys) Pin(id ID) string { return k.Pins() + id.Raw() }

// Grant is the key of one grant of a membership.
func (k ScopeKeys) Grant(group, member ID, g Grantor) string {
	return k.prefix + "m/" + group.Raw() + "/" + member.Raw() + "/" + g.raw()
}

// Leftovers is the prefix of the IDs that were deleted and left keys to sweep: of organizations in the system scope, of
// connections in an organization.
func (k ScopeKeys) Leftovers() string { return k.prefix + "leftover/" }

// Leftover is the key of such an ID.
func (k ScopeKeys) Leftover(id ID) string { return k.Leftovers() + id.Raw() }

// Links is the prefix of a connection's links.
func (k ScopeKeys) Links(connection ID) string { return k.prefix + "l/" + connection.Raw() + "/" }

// Link is the key of the link of that name: a NameID, or what else tells it from others of the connection.
func (k ScopeKeys) Link(connection ID, name string) string {
	return k.prefix + "l/" + linkName(connection, name)
}

func linkName(connection ID, name string) string { return connection.Raw() + "/" + digest(name) }

// MaxKeyValue bounds what stands in a key: longer values are replaced by their hash.
const MaxKeyValue = 256

// Uniques is the prefix of the unique values of an attribute.
func (k ScopeKeys) Uniques(typ, attr string) string { return k.prefix + "u/" + typ + "/" + attr + "/" }

// Unique is the key that holds a unique value; key is already folded by the attribute's case rule.
func (k ScopeKeys) Unique(typ, attr, key string) string {
	if len(key) > MaxKeyValue {
		key = "#" + digest(key)
	} else if strings.HasPrefix(key, "#") {
		key = "#" + key // so that no value can be spelt like a hash
	}
	return k.Uniques(typ, attr) + key
}

// OnceAll is the prefix of all used IDs.
func (k ScopeKeys) OnceAll() string { return k.prefix + "once/" }

// OnceKind is the prefix of the used IDs of a kind.
func (k ScopeKeys) OnceKind(kind string) string { return k.OnceAll() + kind + "/" }

// Once is the key of an ID that may be used once, until a time. All keys of a minute go when that minute is over.
func (k ScopeKeys) Once(kind string, until time.Time, id string) string {
	return k.OnceBefore(kind, until.Truncate(time.Minute).Add(time.Minute)) + digest(id)
}

// OnceBefore is where the keys of the minute begin: all before it are of minutes that are over.
func (k ScopeKeys) OnceBefore(kind string, minute time.Time) string {
	return k.OnceKind(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(minute.Unix()/60))) + "/"
}

// OnceKindOf reads the kind out of the key of a used ID.
func (k ScopeKeys) OnceKindOf(key string) (kind string, ok bool) {
	kind, _, ok = strings.Cut(strings.TrimPrefix(key, k.OnceAll()), "/")
	return kind, ok
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}

// place is where a key below the root belongs: the scope, the kind of key (its first segment) and what follows.
type place struct {
	scope ScopeID
	kind  string
	rest  string
}

// locate takes a key apart; ok is false for keys that belong to no scope.
func (k Keyspace) locate(key string) (p place, ok bool) {
	rest := key[len(k.root):]
	switch {
	case strings.HasPrefix(rest, "sys/"):
		rest = rest[len("sys/"):]
	case strings.HasPrefix(rest, "org/") && len(rest) > len("org/")+17:
		p.scope.Organization = ID([]byte(rest[4:20]))
		rest = rest[21:]
	default:
		return p, false
	}
	p.kind, p.rest, _ = strings.Cut(rest, "/")
	return p, true
}

// resourcePlace reads {Type}/{id}.
func resourcePlace(rest string) (typ string, id ID, ok bool) {
	typ, raw, ok := strings.Cut(rest, "/")
	if !ok {
		return "", ID{}, false
	}
	id, ok = RawID(raw)
	return typ, id, ok
}

// grantPlace reads {group}/{member}/{grantor}.
func grantPlace(rest string) (group, member ID, g Grantor, ok bool) {
	if len(rest) < 35 {
		return group, member, g, false
	}
	g, ok = parseGrantor(rest[34:])
	return ID([]byte(rest[:16])), ID([]byte(rest[17:33])), g, ok
}
