package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// Limits of one change.
const (
	// MaxDocument is the largest stored document in bytes.
	MaxDocument = 1 << 20
	// MaxConditions is how many resources and values one atomic change may depend on: etcd's default limit less our
	// own.
	MaxConditions = store.MaxConditions
	// MaxUserName is how long a userName may be, in bytes: its key tells it in full, also when nothing else is left.
	MaxUserName = state.MaxKeyValue
	// MaxMemberships is how many memberships one request may change.
	MaxMemberships = 10_000
)

// Tx is a change in the making: the snapshot it decides on, what it has read, and what it will write. A change may run
// more than once, so it must be pure but for its Tx. A Tx is not safe for several goroutines.
type Tx struct {
	writeSet
	ctx     context.Context // of whoever waits for the change
	dir     *Directory
	snap    *Snapshot
	attempt attempt
	at      time.Time

	staged       map[ID]*state.Record // as they will be; nil: deleted
	results      []*state.Record      // versions are set by the commit
	touched      map[ID]*state.Record // Groups of which only the members change
	members      memberships          // added and removed
	events       events
	unknownRoles int           // how many were given (rules_role.go)
	request      string        // the id of the request that makes the change; "" for none
	ended        []ID          // Users whose sessions end
	activating   bool          // the last step of a change of definitions
	takesAway    bool          // there is no room (takeaway.go): nothing is put that may be left out
	secrets      map[ID]string // of AccessTokens created here
	warnings     []string      // see Warnings
}

// attempt is what is known of the runs of a change before this one.
type attempt struct {
	number  int             // of the runs before
	present map[string]bool // keys that exist and are not held in memory, as failed commits told
}

// next is the attempt after a commit that failed.
func (a attempt) next(o store.Outcome) attempt {
	next := attempt{a.number + 1, maps.Clone(a.present)}
	for _, key := range o.Present {
		if next.present == nil {
			next.present = map[string]bool{}
		}
		next.present[key] = true
	}
	return next
}

func newTx(ctx context.Context, d *Directory, s *Snapshot, a attempt) *Tx {
	tx := &Tx{writeSet: newWriteSet(), ctx: ctx, dir: d, snap: s, attempt: a, at: d.store.now().Truncate(time.Millisecond),
		staged: map[ID]*state.Record{}, touched: map[ID]*state.Record{}, request: requestOf(ctx),
		secrets: map[ID]string{}}
	tx.members = newMemberships(tx)
	return tx
}

// clone is a copy to go back to: when a change of a chain fails, the next one goes on from there.
func (tx *Tx) clone() Tx {
	c := *tx
	c.writeSet, c.events, c.members = tx.writeSet.clone(), tx.events.clone(), tx.members.clone()
	c.staged, c.touched = maps.Clone(tx.staged), maps.Clone(tx.touched)
	c.warnings = slices.Clone(tx.warnings)
	c.results, c.secrets, c.ended = slices.Clone(tx.results), maps.Clone(tx.secrets), slices.Clone(tx.ended)
	return c
}

// Snapshot is the state that the change decides on. The change does not depend on what is found in it; see Get.
func (tx *Tx) Snapshot() *Snapshot { return tx.snap }

// Actor is who makes the change.
func (tx *Tx) Actor() Actor { return tx.dir.actor }

// Now is the time of the change, in milliseconds.
func (tx *Tx) Now() time.Time { return tx.at }

func (tx *Tx) keys() state.ScopeKeys { return tx.snap.keys() }

// keysOf are the keys of the scope where resources of the type live.
func (tx *Tx) keysOf(typ string) state.ScopeKeys { return tx.dir.store.keys.Scope(tx.snap.homeID(typ)) }

// Get returns the resource and makes the change depend on it: the commit compares its revision. A Group is compared by
// its existence alone, so that members can be added while it is renamed; Replace, Delete and GuardMembers compare all
// of it. Errors: as Snapshot.Get.
func (tx *Tx) Get(typ string, id ID) (*Resource, error) {
	if r, ok := tx.staged[id]; ok {
		if r == nil || r.Type != typ {
			return nil, notFound(typ, id)
		}
		return &r.Resource, nil
	}
	r, err := tx.snap.Get(typ, id)
	if err != nil {
		return nil, err
	}
	tx.guard(tx.snap.record(typ, id), typ != schema.GroupType)
	return r, nil
}

// guard compares the record: all of it, or only that it exists.
func (tx *Tx) guard(r *state.Record, whole bool) {
	keys := tx.keysOf(r.Type)
	if whole {
		tx.require(unchangedRecord(keys, r))
	} else {
		tx.require(store.CreatedAt(keys.Resource(r.Type, r.ID), r.CreateRevision))
	}
}

// guardUnlessStaged compares all of the record, unless this change writes it.
func (tx *Tx) guardUnlessStaged(r *state.Record) {
	if _, ok := tx.staged[r.ID]; !ok {
		tx.guard(r, true)
	}
}

// record is the resource as this change has it so far; nil if there is none.
func (tx *Tx) record(typ string, id ID) *state.Record {
	if r, ok := tx.staged[id]; ok {
		if r == nil || r.Type != typ {
			return nil
		}
		return r
	}
	return tx.snap.record(typ, id)
}

// Create adds a resource and gives it an ID. The document holds what Parse and Check of its type allow. The returned
// resource has its version once the change is committed. Errors: Exists naming the attribute, Invalid, TooLarge,
// Forbidden; *schema.Error where the document breaks its schema.
func (tx *Tx) Create(typ string, doc schema.Document) (*Resource, error) {
	return tx.CreateAs(NewID(), typ, doc)
}

// CreateAs is Create with an ID that was chosen by NewID before, so that other resources can refer to it already.
func (tx *Tx) CreateAs(id ID, typ string, doc schema.Document) (*Resource, error) {
	if err := tx.snap.MayWrite(typ); err != nil {
		return nil, err
	}
	return tx.create(id, typ, doc, nil)
}

// create adds a resource; server, unless nil, sets what only the server knows.
func (tx *Tx) create(id ID, typ string, doc schema.Document, server func(*state.Record)) (*Resource, error) {
	t := tx.snap.Type(typ)
	if t == nil {
		return nil, errorf(NotFound, "", "no resource type %s", typ)
	}
	if p := tx.snap.scope.Proposed(); p != nil && p.Type(typ) == nil {
		return nil, errorf(Busy, "", "the resource type %s is being removed", typ)
	}

	// The record, completed by the server and the rules of its type.
	r := state.NewRecord(typ, id, tx.at)
	doc = maps.Clone(doc)
	doc["id"] = id.String()
	if server != nil {
		server(r)
	}
	if err := tx.touchesPrivileges(typ, deed{next: doc}); err != nil {
		return nil, err
	}
	if rule := tx.snap.kind(typ).rule.create; rule != nil {
		if err := rule(tx, r, doc); err != nil {
			return nil, err
		}
	}
	if err := tx.encode(t, r, doc); err != nil {
		return nil, err
	}

	return &r.Resource, tx.add(t, r, doc, "create")
}

// add stages a record that is new, or new again: its key must be absent, and its unique values free. Error: Exists
// naming the attribute.
func (tx *Tx) add(t *schema.ResourceType, r *state.Record, doc schema.Document, action string) error {
	for _, u := range tx.uniqueAttributes(t) {
		for _, key := range state.AttributeKeys(u, r.JSON) {
			if err := tx.unique(r, u).claim(key); err != nil {
				return err
			}
		}
	}
	tx.require(store.Absent(tx.keysOf(r.Type).Resource(r.Type, r.ID)))
	event := tx.stage(r, action)
	for name := range doc {
		event.touch(name)
	}
	return nil
}

// encode checks the document and writes it into the record.
func (tx *Tx) encode(t *schema.ResourceType, r *state.Record, doc schema.Document) error {
	if err := t.Check(doc); err != nil {
		return err
	}
	b, err := t.Encode(doc)
	if err != nil {
		return err
	}
	if len(b) > MaxDocument {
		return errorf(TooLarge, "", "the resource has %d bytes; at most %d are stored", len(b), MaxDocument)
	}
	r.JSON = b
	if next := tx.proposedType(t); next != nil {
		return conforms(next, r)
	}
	return nil
}

// stage puts the record and makes it a result of the change.
func (tx *Tx) stage(r *state.Record, action string) *eventDraft {
	tx.putRecord(r)
	tx.staged[r.ID] = r
	tx.results = append(tx.results, r)
	return tx.about(action, r.Type, r.ID)
}

// putRecord writes the record; as a mark, where it only withdraws what the resource allowed before.
func (tx *Tx) putRecord(r *state.Record) {
	key := tx.keysOf(r.Type).Resource(r.Type, r.ID)
	if was := tx.snap.record(r.Type, r.ID); was != nil && tx.withdraws(was, r) {
		tx.mark(key, r.Encode())
	} else {
		tx.put(key, r.Encode())
	}
}

// Replace gives the resource, which was read by Get, another document. An equal document writes nothing and returns
// old. Attributes that the directory derives keep their values. Errors: as Create; VersionMismatch cannot
// occur, a lost race runs the change again.
func (tx *Tx) Replace(old *Resource, doc schema.Document) (*Resource, error) {
	if err := tx.snap.MayWrite(old.Type); err != nil {
		return nil, err
	}
	return tx.replace(old, doc)
}

func (tx *Tx) replace(old *Resource, doc schema.Document) (*Resource, error) {
	was := tx.record(old.Type, old.ID)
	if was == nil {
		return nil, notFound(old.Type, old.ID)
	}

	// The next record, completed by the rules of its type.
	t, r := tx.snap.Type(old.Type), was.Next()
	doc = maps.Clone(doc)
	doc["id"] = r.ID.String()
	if err := tx.touchesPrivileges(r.Type, deed{was: was, next: doc}); err != nil {
		return nil, err
	}
	if rule := tx.snap.kind(old.Type).rule.replace; rule != nil {
		if err := rule(tx, was, r, doc); err != nil {
			return nil, err
		}
	}
	if err := tx.encode(t, r, doc); err != nil {
		return nil, err
	}
	if string(r.JSON) == string(was.JSON) {
		return old, nil
	}

	// It depends on the record as it was, and on its new unique values being free.
	tx.guardUnlessStaged(was)
	for _, u := range tx.uniqueAttributes(t) {
		if err := tx.unique(r, u).moveFrom(was); err != nil {
			return nil, err
		}
	}

	r.LastModified = tx.later(old.LastModified)
	paths, err := changedPaths(t, was.JSON, doc)
	if err != nil {
		return nil, err
	}
	event := tx.stage(r, "update")
	for _, p := range paths {
		event.touch(p)
	}
	return &r.Resource, nil
}

// later is the time of the change, moved on where the clock has not: lastModified only goes forward.
func (tx *Tx) later(before time.Time) time.Time {
	if tx.at.After(before) {
		return tx.at
	}
	return before.Add(time.Millisecond)
}

// Delete removes the resource, which was read by Get. Deleting a User leaves a DeletedUser of the same ID; deleting a
// DeletedUser frees its userName. Errors: Forbidden, Mutability.
func (tx *Tx) Delete(old *Resource) error {
	if err := tx.snap.MayWrite(old.Type); err != nil {
		return err
	}
	r := tx.record(old.Type, old.ID)
	if r == nil {
		return notFound(old.Type, old.ID)
	}
	if err := tx.touchesPrivileges(r.Type, deed{was: r}); err != nil {
		return err
	}
	return tx.remove(r)
}

func (tx *Tx) remove(r *state.Record) error {
	tx.guardUnlessStaged(r)
	tx.about("delete", r.Type, r.ID)
	if rule := tx.snap.kind(r.Type).rule.delete; rule != nil {
		if err := rule(tx, r); err != nil {
			return err
		}
	}
	for _, u := range tx.uniqueAttributes(tx.snap.Type(r.Type)) {
		if !isUserName(r.Type, u) { // which stays with its DeletedUser
			tx.unique(r, u).release()
		}
	}
	tx.delete(tx.keysOf(r.Type).Resource(r.Type, r.ID))
	tx.staged[r.ID] = nil
	return nil
}

// Touched is the resource as it will be after the commit: of a Group whose members change, with the time of the change.
// Its version is set by the commit.
func (tx *Tx) Touched(old *Resource) *Resource {
	if r := tx.staged[old.ID]; r != nil {
		return &r.Resource
	}
	if r := tx.touched[old.ID]; r != nil {
		return &r.Resource
	}
	return old
}

// changedPaths are the top-level attributes, and those of extensions, whose values differ.
func changedPaths(t *schema.ResourceType, was []byte, doc schema.Document) ([]string, error) {
	before, err := t.Decode(was)
	if err != nil {
		return nil, fmt.Errorf("stored %s: %w", t.Name, err)
	}
	var paths []string
	for a := range t.Attributes() {
		b, d := map[string]any(before), map[string]any(doc)
		if ext := t.Extension(a.URN); ext != nil {
			b, _ = b[ext.ID].(map[string]any)
			d, _ = d[ext.ID].(map[string]any)
		}
		if !schema.EqualValues(b[a.Name], d[a.Name]) {
			paths = append(paths, a.Path)
		}
	}
	return paths, nil
}
