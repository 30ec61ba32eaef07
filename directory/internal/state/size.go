package state

// What is counted beside the documents, in bytes: for a record its key and head, for a grant and a link all of it.
const (
	recordOverhead = 128
	GrantSize      = 128 // of one grant of a membership
	linkSize       = 512
)

// Size is about what the record takes in etcd, with what is kept beside it.
func (r *Record) Size() int64 { return int64(len(r.JSON)) + r.Kept + recordOverhead }

// Size is how many resources the scope has, and about how many bytes they, their memberships and links take in etcd.
func (s *Scope) Size() (resources, bytes int64) {
	return int64(s.byID.Len()), s.bytes + GrantSize*int64(s.members.Len()) + linkSize*int64(s.links.Len())
}
