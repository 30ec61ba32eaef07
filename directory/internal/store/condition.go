package store

import clientv3 "go.etcd.io/etcd/client/v3"

// Condition is one compare of a commit.
type Condition struct {
	Key      string
	kind     conditionKind
	revision int64
	value    string
}

type conditionKind uint8

const (
	modRevision conditionKind = iota
	createRevision
	valueIs
	unwritten
)

// Unchanged compares that the key was not written since revision; 0 means that it does not exist.
func Unchanged(key string, revision int64) Condition {
	return Condition{Key: key, kind: modRevision, revision: revision}
}

// Absent compares that the key does not exist.
func Absent(key string) Condition { return Unchanged(key, 0) }

// CreatedAt compares that the key has existed since revision, whatever it holds.
func CreatedAt(key string, revision int64) Condition {
	return Condition{Key: key, kind: createRevision, revision: revision}
}

// Holds compares that the key holds the value.
func Holds(key, value string) Condition { return Condition{Key: key, kind: valueIs, value: value} }

// Unwritten compares that no key with the prefix was written after revision.
func Unwritten(prefix string, revision int64) Condition {
	return Condition{Key: prefix, kind: unwritten, revision: revision}
}

// IsRange reports whether the condition is about all keys with a prefix.
func (c Condition) IsRange() bool { return c.kind == unwritten }

// IsWeak reports whether the condition asks for a key's existence alone: any other one on the key implies it.
func (c Condition) IsWeak() bool { return c.kind == createRevision }

func (c Condition) compare() clientv3.Cmp {
	switch c.kind {
	case createRevision:
		return clientv3.Compare(clientv3.CreateRevision(c.Key), "=", c.revision)
	case valueIs:
		return clientv3.Compare(clientv3.Value(c.Key), "=", c.value)
	case unwritten:
		return clientv3.Compare(clientv3.ModRevision(c.Key), "<", c.revision+1).WithPrefix()
	default:
		return clientv3.Compare(clientv3.ModRevision(c.Key), "=", c.revision)
	}
}
