package directory

import clientv3 "go.etcd.io/etcd/client/v3"

// condition is one compare of a commit.
type condition struct {
	key      string
	kind     conditionKind
	revision int64
	value    string
}

type conditionKind uint8

const (
	modRevision    conditionKind = iota // the key was last written at revision; 0: it does not exist
	createRevision                      // the key exists since revision, whatever it holds
	valueIs                             // the key holds value
	unwritten                           // no key that begins with key was written after revision
)

// unchanged compares that the key was not written since revision; 0 means that it does not exist.
func unchanged(key string, revision int64) condition {
	return condition{key: key, kind: modRevision, revision: revision}
}

func absent(key string) condition { return unchanged(key, 0) }

func (c condition) compare() clientv3.Cmp {
	switch c.kind {
	case createRevision:
		return clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.revision)
	case valueIs:
		return clientv3.Compare(clientv3.Value(c.key), "=", c.value)
	case unwritten:
		return clientv3.Compare(clientv3.ModRevision(c.key), "<", c.revision+1).WithPrefix()
	default:
		return clientv3.Compare(clientv3.ModRevision(c.key), "=", c.revision)
	}
}
