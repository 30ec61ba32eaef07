package directory

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
)

// Version tells two states of a resource apart. It is opaque: compared, never computed with.
type Version int64

// String is the version's text form, [0-9a-z]+.
func (v Version) String() string { return strconv.FormatInt(int64(v), 36) }

// Resource is a committed resource. It and its bytes are shared by all readers and never change.
type Resource struct {
	Type         string
	ID           ID
	JSON         []byte // canonical JSON: no meta, nothing derived (groups, members, effective roles)
	Created      time.Time
	LastModified time.Time
	Version      Version // set once committed

	ord  uint32 // its number in this process: the order of creation; 0 until committed
	memo *atomic.Value
}

// Memo is a place where readers keep what they worked out of the resource, such as parts of its representation; it goes with
// the bytes. nil for a resource that is not held in memory.
func (r *Resource) Memo() *atomic.Value { return r.memo }

// Text returns a top-level or dotted attribute of the stored document as text; "" if it has none.
func (r *Resource) Text(path string) string { return gjson.GetBytes(r.JSON, path).String() }

// Display is the name to show for the resource: its displayName, or the userName of a User that has none; "" if it has
// neither.
func (r *Resource) Display() string {
	if name := r.Text("displayName"); name != "" || r.Type == groupType {
		return name
	}
	return r.Text("userName")
}

// record is a resource with what only the server knows.
type record struct {
	Resource
	hash     string // of the secret that presents an AccessToken or a Session
	epoch    int64  // of a Session: the User's session epoch at its start
	released bool   // of a DeletedUser: its userName belongs to another User now

	created int64 // etcd's create revision
}

// encode writes the value of the resource's key: a line with the times in milliseconds and what only the server knows,
// then the document.
func (r *record) encode() []byte {
	b := make([]byte, 0, len(r.JSON)+64)
	b = strconv.AppendInt(b, r.Created.UnixMilli(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.LastModified.UnixMilli(), 10)
	if r.hash != "" {
		b = append(b, " hash="...)
		b = base64.RawURLEncoding.AppendEncode(b, []byte(r.hash))
	}
	if r.epoch != 0 {
		b = append(b, " epoch="...)
		b = strconv.AppendInt(b, r.epoch, 10)
	}
	if r.released {
		b = append(b, " released=1"...)
	}
	b = append(b, '\n')
	return append(b, r.JSON...)
}

// decodeRecord reads what encode wrote. The record keeps a reference to value.
func decodeRecord(typ string, id ID, value []byte, created, modified int64) (*record, error) {
	head, doc, ok := bytes.Cut(value, []byte{'\n'})
	if !ok {
		return nil, fmt.Errorf("%s %s: no header line", typ, id)
	}
	r := &record{Resource: Resource{Type: typ, ID: id, JSON: doc, Version: Version(modified), memo: new(atomic.Value)}, created: created}
	fields := strings.Fields(string(head))
	if len(fields) < 2 {
		return nil, fmt.Errorf("%s %s: header %q has no times", typ, id, head)
	}
	var err error
	if r.Created, err = parseMillis(fields[0]); err != nil {
		return nil, fmt.Errorf("%s %s: created: %w", typ, id, err)
	}
	if r.LastModified, err = parseMillis(fields[1]); err != nil {
		return nil, fmt.Errorf("%s %s: lastModified: %w", typ, id, err)
	}
	for _, f := range fields[2:] {
		name, v, _ := strings.Cut(f, "=")
		switch name {
		case "hash":
			b, err := base64.RawURLEncoding.DecodeString(v)
			if err != nil {
				return nil, fmt.Errorf("%s %s: hash: %w", typ, id, err)
			}
			r.hash = string(b)
		case "epoch":
			if r.epoch, err = strconv.ParseInt(v, 10, 64); err != nil {
				return nil, fmt.Errorf("%s %s: epoch: %w", typ, id, err)
			}
		case "released":
			r.released = v == "1"
		}
	}
	return r, nil
}

func parseMillis(s string) (time.Time, error) {
	ms, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}
