package directory

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
)

// keyspace spells every key under one root. See doc.go for the layout.
type keyspace struct{ root string }

func newKeyspace(root string) keyspace { return keyspace{root: strings.TrimSuffix(root, "/") + "/"} }

func (k keyspace) all() string            { return k.root }
func (k keyspace) format() string         { return k.root + "format" }
func (k keyspace) job(name string) string { return k.root + "job/" + name }
func (k keyspace) system() scopeKeys      { return scopeKeys{k.root + "sys/"} }

func (k keyspace) org(id ID) scopeKeys     { return scopeKeys{k.root + "org/" + id.raw() + "/"} }
func (k keyspace) scope(s scope) scopeKeys { return scopeKeys{k.root + s.path()} }

// scope names the system scope (zero) or an organization.
type scope struct{ org ID }

func (s scope) system() bool { return s.org.IsZero() }

func (s scope) path() string {
	if s.system() {
		return "sys/"
	}
	return "org/" + s.org.raw() + "/"
}

// scopeKeys spells the keys of one scope.
type scopeKeys struct{ prefix string }

func (k scopeKeys) scope() string                     { return k.prefix + "scope" }
func (k scopeKeys) nest() string                      { return k.prefix + "nest" }
func (k scopeKeys) resources() string                 { return k.prefix + "r/" }
func (k scopeKeys) resourcesOf(typ string) string     { return k.prefix + "r/" + typ + "/" }
func (k scopeKeys) resource(typ string, id ID) string { return k.prefix + "r/" + typ + "/" + id.raw() }
func (k scopeKeys) stamp(group ID) string             { return k.prefix + "v/" + group.raw() }
func (k scopeKeys) note(kind string, id ID) string    { return k.prefix + "n/" + kind + "/" + id.raw() }
func (k scopeKeys) secret(kid string) string          { return k.prefix + "k/" + kid }
func (k scopeKeys) events() string                    { return k.prefix + "e/" }
func (k scopeKeys) event(id ID) string                { return k.prefix + "e/" + id.raw() }
func (k scopeKeys) signIns() string                   { return k.prefix + "s/" }
func (k scopeKeys) signIn(id ID) string               { return k.prefix + "s/" + id.raw() }
func (k scopeKeys) pins() string                      { return k.prefix + "pin/" }
func (k scopeKeys) pin(id ID) string                  { return k.prefix + "pin/" + id.raw() }
func (k scopeKeys) onces() string                     { return k.prefix + "once/" }

func (k scopeKeys) grant(group, member ID, g grantor) string {
	return k.prefix + "m/" + group.raw() + "/" + member.raw() + "/" + g.raw()
}

// leftovers are the ids of what was deleted and left keys that are yet to be swept: organizations in the system scope,
// connections in an organization.
func (k scopeKeys) leftovers() string          { return k.prefix + "leftover/" }
func (k scopeKeys) leftover(id ID) string      { return k.leftovers() + id.raw() }
func (k scopeKeys) links(connection ID) string { return k.prefix + "l/" + connection.raw() + "/" }

func (k scopeKeys) link(connection ID, nameID string) string {
	return k.links(connection) + digest(nameID)
}

// maxKeyValue bounds what stands in a key: longer values are replaced by their hash.
const maxKeyValue = 256

// unique is the key that holds a unique value; key is already folded by the attribute's case rule.
func (k scopeKeys) unique(typ, attr, key string) string {
	if len(key) > maxKeyValue {
		key = "#" + digest(key)
	} else if strings.HasPrefix(key, "#") {
		key = "#" + key // so that no value can be spelt like a hash
	}
	return k.prefix + "u/" + typ + "/" + attr + "/" + key
}

// once is the key of an id that may be used once. Everything of a minute goes when that minute is over.
func (k scopeKeys) once(kind string, until time.Time, id string) string {
	return k.oncesUntil(kind, until.Truncate(time.Minute).Add(time.Minute)) + digest(id)
}

func (k scopeKeys) oncesUntil(kind string, minute time.Time) string {
	return k.prefix + "once/" + kind + "/" + string(binary.BigEndian.AppendUint32(nil, uint32(minute.Unix()/60))) + "/"
}

// onceMinute reads the minute back out of what follows onces().
func onceMinute(rest string) (kind string, over time.Time, ok bool) {
	kind, rest, ok = strings.Cut(rest, "/")
	if !ok || len(rest) < 5 {
		return "", time.Time{}, false
	}
	return kind, time.Unix(int64(binary.BigEndian.Uint32([]byte(rest[:4])))*60, 0), true
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}

// place is where a key below the root belongs: the scope, the kind of key (its first segment) and what follows.
type place struct {
	scope scope
	kind  string
	rest  string
}

// locate takes a key apart; ok is false for keys that belong to no scope.
func (k keyspace) locate(key string) (p place, ok bool) {
	rest := key[len(k.root):]
	switch {
	case strings.HasPrefix(rest, "sys/"):
		rest = rest[len("sys/"):]
	case strings.HasPrefix(rest, "org/") && len(rest) > len("org/")+17:
		p.scope.org = ID([]byte(rest[4:20]))
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
	id, ok = rawID(raw)
	return typ, id, ok
}

// grantPlace reads {group}/{member}/{grantor}.
func grantPlace(rest string) (group, member ID, g grantor, ok bool) {
	if len(rest) < 35 {
		return group, member, g, false
	}
	g, ok = parseGrantor(rest[34:])
	return ID([]byte(rest[:16])), ID([]byte(rest[17:33])), g, ok
}

// prefixEnd is the end of the range of all keys with the prefix.
func prefixEnd(prefix string) string {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return string(end[:i+1])
		}
	}
	return "\x00"
}
