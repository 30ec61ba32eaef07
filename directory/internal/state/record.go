package state

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// Version tells two states of a resource apart. It is opaque: compared, never computed with.
type Version int64

// String is the version's text form, [0-9a-z]+.
func (v Version) String() string { return strconv.FormatInt(int64(v), 36) }

// Resource is a resource as others see it. Once committed, it and its bytes are shared by all readers and never change.
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

// Memo is a place where readers keep what they worked out of the resource, such as parts of its representation; it
// lasts as long as the bytes. It is nil for a resource that is not held in memory.
func (r *Resource) Memo() *atomic.Value { return r.memo }

// Uncommitted reports whether the resource is not in the trees: it is being created, or it was read from the log.
func (r *Resource) Uncommitted() bool { return r.ord == 0 }

// Text returns a top-level or dotted attribute of the stored document as text; "" where it has none.
func (r *Resource) Text(path string) string { return gjson.GetBytes(r.JSON, path).String() }

// Display is the name to show for the resource: its displayName, or the userName of a User that has none; "" if it has
// neither.
func (r *Resource) Display() string {
	if name := r.Text("displayName"); name != "" || r.Type == schema.GroupType {
		return name
	}
	return r.Text("userName")
}

// Record is a resource with what only the server knows.
type Record struct {
	Resource
	Hash     string // of the secret that presents an AccessToken or a Session
	Epoch    int64  // of a Session: the User's session epoch at its start
	Released bool   // of a DeletedUser: its userName belongs to another User now
	Kept     int64  // of a DeletedUser: how many bytes are kept beside it to restore its User; 0 if it cannot be restored

	// Granted are those roles of a User or Group that an administrator gave: the others give no rights. It is nil where
	// there are no roles, and in records from before roles were told apart.
	Granted *[]string
	// Suspended tells that an administrator deactivated the User.
	Suspended bool

	CreateRevision int64 // etcd's; 0 until committed
}

// NewRecord returns an empty record of a resource that is created at a time.
func NewRecord(typ string, id ID, at time.Time) *Record {
	return &Record{Resource: Resource{Type: typ, ID: id, Created: at, LastModified: at}}
}

// Next returns the record as the base of its next version: with its place in the trees, without version and memo.
func (r *Record) Next() *Record {
	next := *r
	next.Version, next.memo = 0, nil
	return &next
}

// Encode writes the value of the resource's key: a line with the times in milliseconds and what only the server knows,
// then the document.
func (r *Record) Encode() []byte {
	b := make([]byte, 0, len(r.JSON)+64)
	b = strconv.AppendInt(b, r.Created.UnixMilli(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.LastModified.UnixMilli(), 10)
	if r.Hash != "" {
		b = append(b, " hash="...)
		b = base64.RawURLEncoding.AppendEncode(b, []byte(r.Hash))
	}
	if r.Epoch != 0 {
		b = append(b, " epoch="...)
		b = strconv.AppendInt(b, r.Epoch, 10)
	}
	if r.Released {
		b = append(b, " released=1"...)
	}
	if r.Kept != 0 {
		b = append(b, " kept="...)
		b = strconv.AppendInt(b, r.Kept, 10)
	}
	if r.Granted != nil {
		list, err := json.Marshal(*r.Granted)
		if err != nil {
			panic(err) // strings only
		}
		b = append(b, " granted="...)
		b = base64.RawURLEncoding.AppendEncode(b, list)
	}
	if r.Suspended {
		b = append(b, " suspended=1"...)
	}
	b = append(b, '\n')
	return append(b, r.JSON...)
}

// DecodeRecord reads what Encode wrote, at the revisions at which its key was created and last modified. The record
// keeps a reference to value.
func DecodeRecord(typ string, id ID, value []byte, created, modified int64) (*Record, error) {
	head, doc, ok := bytes.Cut(value, []byte{'\n'})
	if !ok {
		return nil, fmt.Errorf("%s %s: no header line", typ, id)
	}
	r := &Record{CreateRevision: created}
	r.Resource = Resource{Type: typ, ID: id, JSON: doc, Version: Version(modified), memo: new(atomic.Value)}
	if err := r.decodeHead(strings.Fields(string(head))); err != nil {
		return nil, fmt.Errorf("%s %s: header: %w", typ, id, err)
	}
	return r, nil
}

func (r *Record) decodeHead(fields []string) (err error) {
	if len(fields) < 2 {
		return errors.New("no times")
	}
	if r.Created, err = parseMillis(fields[0]); err != nil {
		return fmt.Errorf("created: %w", err)
	}
	if r.LastModified, err = parseMillis(fields[1]); err != nil {
		return fmt.Errorf("lastModified: %w", err)
	}

	// What only some types have.
	for _, f := range fields[2:] {
		name, v, _ := strings.Cut(f, "=")
		switch name {
		case "hash":
			b, err := base64.RawURLEncoding.DecodeString(v)
			if err != nil {
				return fmt.Errorf("hash: %w", err)
			}
			r.Hash = string(b)
		case "epoch":
			if r.Epoch, err = strconv.ParseInt(v, 10, 64); err != nil {
				return fmt.Errorf("epoch: %w", err)
			}
		case "released":
			r.Released = v == "1"
		case "kept":
			if r.Kept, err = strconv.ParseInt(v, 10, 64); err != nil {
				return fmt.Errorf("kept: %w", err)
			}
		case "granted":
			b, err := base64.RawURLEncoding.DecodeString(v)
			if err != nil {
				return fmt.Errorf("granted: %w", err)
			}
			if err := json.Unmarshal(b, &r.Granted); err != nil {
				return fmt.Errorf("granted: %w", err)
			}
		case "suspended":
			r.Suspended = v == "1"
		}
	}
	return nil
}

func parseMillis(s string) (time.Time, error) {
	ms, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}
