package directory

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/directory/schema"
)

// Limits of one change.
const (
	// MaxDocument is the largest stored document in bytes.
	MaxDocument = 1 << 20
	// MaxConditions is how many resources and values one atomic change may rest on: etcd's default limit less our own.
	MaxConditions = 120
	// MaxMemberships is how many memberships one request may change.
	MaxMemberships = 10_000
)

// Tx is a change in the making: the snapshot it decides on, what it has read, and what it will write. A change may run more
// than once, so it must be pure but for its Tx. A Tx is not safe for several goroutines.
type Tx struct {
	dir     *Directory
	snap    *Snapshot
	attempt int
	at      time.Time

	conditions map[string]condition
	writes     map[string]entry
	order      []string       // keys of writes, as first written
	staged     map[ID]*record // as they will be; nil: deleted
	touched    map[ID]*record // Groups of which only the members change
	edges      map[[2]ID]bool // memberships added (true) and removed in this change
	changed    int            // memberships
	event      eventDraft
	results    []*record // versions are set by the commit
	frees      bool      // deletes something: allowed when the store is full
	grantor    grantor
	activating bool          // the last step of a change of definitions
	secrets    map[ID]string // of AccessTokens created here
}

func newTx(d *Directory, s *Snapshot, attempt int) *Tx {
	return &Tx{dir: d, snap: s, attempt: attempt, at: d.store.now().Truncate(time.Millisecond), conditions: map[string]condition{},
		writes: map[string]entry{}, staged: map[ID]*record{}, touched: map[ID]*record{}, edges: map[[2]ID]bool{}, event: eventDraft{paths: map[string]bool{}}}
}

// Snapshot is the state that the change decides on. What is found in it is not guarded; see Get.
func (tx *Tx) Snapshot() *Snapshot { return tx.snap }

// Actor is who makes the change.
func (tx *Tx) Actor() Actor { return tx.dir.actor }

// Now is the time of the change, in milliseconds.
func (tx *Tx) Now() time.Time { return tx.at }

func (tx *Tx) keys() scopeKeys { return tx.dir.store.keys.scope(tx.snap.key) }

// keysOf are the keys of the scope where resources of the type live.
func (tx *Tx) keysOf(typ string) scopeKeys {
	home, _ := tx.snap.home(typ)
	return tx.dir.store.keys.scope(home)
}

func (tx *Tx) put(key string, value []byte) { tx.write(entry{key: key, value: value}) }
func (tx *Tx) delete(key string)            { tx.write(entry{key: key, deleted: true}) }

func (tx *Tx) write(e entry) {
	if _, ok := tx.writes[e.key]; !ok {
		tx.order = append(tx.order, e.key)
	}
	tx.writes[e.key] = e
}

// require adds a condition of the commit. The stronger of two on one key stays.
func (tx *Tx) require(c condition) {
	if had, ok := tx.conditions[c.key]; !ok || had.kind == createRevision {
		tx.conditions[c.key] = c
	}
}

// Get returns the resource and makes the change rest on it: the commit compares its revision. A Group is compared by its
// existence alone, so that members can be added while it is renamed; Replace, Delete and GuardMembers compare all of it.
// Errors: as Snapshot.Get.
func (tx *Tx) Get(typ string, id ID) (*Resource, error) {
	if r, ok := tx.staged[id]; ok {
		if r == nil || r.Type != typ {
			return nil, errorf(NotFound, "", "%s %s not found", typ, id)
		}
		return &r.Resource, nil
	}
	r, err := tx.snap.Get(typ, id)
	if err != nil {
		return nil, err
	}
	tx.guard(tx.snap.record(typ, id), typ != groupType)
	return r, nil
}

// guard compares the record: all of it, or only that it exists.
func (tx *Tx) guard(r *record, whole bool) {
	key := tx.keysOf(r.Type).resource(r.Type, r.ID)
	if whole {
		tx.require(unchanged(key, int64(r.Version)))
	} else {
		tx.require(condition{key: key, kind: createRevision, revision: r.created})
	}
}

// record is the resource as this change has it so far; nil if there is none.
func (tx *Tx) record(typ string, id ID) *record {
	if r, ok := tx.staged[id]; ok {
		if r == nil || r.Type != typ {
			return nil
		}
		return r
	}
	return tx.snap.record(typ, id)
}

// Create adds a resource and gives it an id. The document holds what Parse and Check of its type allow. The returned
// resource has its version once the change is committed. Errors: Exists naming the attribute, Invalid, TooLarge, Forbidden;
// *schema.Error where the document breaks its schema.
func (tx *Tx) Create(typ string, doc schema.Document) (*Resource, error) {
	return tx.CreateAs(NewID(), typ, doc)
}

// CreateAs is Create with an id that was chosen by NewID before, so that other resources can refer to it already.
func (tx *Tx) CreateAs(id ID, typ string, doc schema.Document) (*Resource, error) {
	if err := tx.dir.actor.mayWrite(typ); err != nil {
		return nil, err
	}
	return tx.create(id, typ, doc, nil)
}

func (tx *Tx) create(id ID, typ string, doc schema.Document, server func(*record)) (*Resource, error) {
	t := tx.snap.Type(typ)
	if t == nil {
		return nil, errorf(NotFound, "", "no resource type %s", typ)
	}
	r := &record{Resource: Resource{Type: typ, ID: id, Created: tx.at, LastModified: tx.at}}
	if p := tx.snap.scope.pending; p != nil && p.byName[typ] == nil {
		return nil, errorf(Busy, "", "the resource type %s is being removed", typ)
	}
	doc = maps.Clone(doc)
	doc["id"] = r.ID.String()
	if server != nil {
		server(r)
	}
	if rule := rules[typ].create; rule != nil {
		if err := rule(tx, r, doc); err != nil {
			return nil, err
		}
	}
	if err := tx.encode(t, r, doc); err != nil {
		return nil, err
	}
	for _, u := range tx.uniqueAttributes(t) {
		for _, key := range attributeKeys(u, r.JSON) {
			if err := tx.claim(r, u, key); err != nil {
				return nil, err
			}
		}
	}
	tx.require(absent(tx.keysOf(typ).resource(typ, r.ID)))
	tx.stage(r, "create")
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		tx.touch(r.ID, name)
	}
	return &r.Resource, nil
}

// encode checks the document and writes it into the record.
func (tx *Tx) encode(t *schema.ResourceType, r *record, doc schema.Document) error {
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
	if next := tx.pendingType(t); next != nil {
		return conforms(next, r)
	}
	return nil
}

// pendingType is the type as a pending change of definitions would have it; nil where it stays as it is.
func (tx *Tx) pendingType(t *schema.ResourceType) *schema.ResourceType {
	if tx.activating || tx.snap.scope.pending == nil {
		return nil
	}
	next := tx.snap.scope.pending.byName[t.Name]
	if next == nil || same(t, next) {
		return nil
	}
	return next
}

// uniqueAttributes are those of the type and of what a pending change would make of it.
func (tx *Tx) uniqueAttributes(t *schema.ResourceType) []*schema.Attribute {
	unique := uniqueAttributes(t)
	if next := tx.pendingType(t); next != nil {
		for _, a := range uniqueAttributes(next) {
			if old := t.Lookup(a.Path); old == nil || old.Uniqueness == schema.UniqueNone {
				unique = append(unique, a)
			}
		}
	}
	return unique
}

func (tx *Tx) stage(r *record, action string) {
	tx.put(tx.keysOf(r.Type).resource(r.Type, r.ID), r.encode())
	tx.staged[r.ID] = r
	tx.results = append(tx.results, r)
	tx.mention(action, r.Type, r.ID)
}

// Replace gives the resource, which was read by Get, another document. An equal document writes nothing and returns old.
// Attributes that the directory derives or guards itself (roles for those who may not change them) keep their values.
// Errors: as Create; VersionMismatch cannot occur, a lost race runs the change again.
func (tx *Tx) Replace(old *Resource, doc schema.Document) (*Resource, error) {
	if err := tx.dir.actor.mayWrite(old.Type); err != nil {
		return nil, err
	}
	return tx.replace(old, doc)
}

func (tx *Tx) replace(old *Resource, doc schema.Document) (*Resource, error) {
	was := tx.record(old.Type, old.ID)
	if was == nil {
		return nil, errorf(NotFound, "", "%s %s not found", old.Type, old.ID)
	}
	t := tx.snap.Type(old.Type)
	r := *was
	r.Version, r.memo = 0, nil
	doc = maps.Clone(doc)
	doc["id"] = r.ID.String()
	if rule := rules[old.Type].replace; rule != nil {
		if err := rule(tx, was, &r, doc); err != nil {
			return nil, err
		}
	}
	if err := tx.encode(t, &r, doc); err != nil {
		return nil, err
	}
	if string(r.JSON) == string(was.JSON) {
		return old, nil
	}
	tx.guardUnlessStaged(was)
	for _, u := range tx.uniqueAttributes(t) {
		if err := tx.reclaim(was, &r, u); err != nil {
			return nil, err
		}
	}
	r.LastModified = tx.later(old.LastModified)
	paths, err := changedPaths(t, was.JSON, doc)
	if err != nil {
		return nil, err
	}
	tx.stage(&r, "update")
	for _, p := range paths {
		tx.touch(r.ID, p)
	}
	return &r.Resource, nil
}

func (tx *Tx) guardUnlessStaged(r *record) {
	if _, ok := tx.staged[r.ID]; !ok {
		tx.guard(r, true)
	}
}

// later is the time of the change, moved on where the clock has not: lastModified only goes forward.
func (tx *Tx) later(before time.Time) time.Time {
	if tx.at.After(before) {
		return tx.at
	}
	return before.Add(time.Millisecond)
}

// Delete removes the resource, which was read by Get. Deleting a User leaves a DeletedUser of the same id; deleting a
// DeletedUser frees its userName. Errors: Forbidden, Mutability.
func (tx *Tx) Delete(old *Resource) error {
	if err := tx.dir.actor.mayWrite(old.Type); err != nil {
		return err
	}
	r := tx.record(old.Type, old.ID)
	if r == nil {
		return errorf(NotFound, "", "%s %s not found", old.Type, old.ID)
	}
	tx.guardUnlessStaged(r)
	tx.frees = true
	tx.mention("delete", r.Type, r.ID)
	if rule := rules[old.Type].delete; rule != nil {
		if err := rule(tx, r); err != nil {
			return err
		}
	}
	for _, u := range tx.uniqueAttributes(tx.snap.Type(r.Type)) {
		if isUserName(r.Type, u) {
			continue // stays with its DeletedUser
		}
		for _, key := range attributeKeys(u, r.JSON) {
			tx.delete(tx.keysOf(r.Type).unique(r.Type, u.Path, key))
		}
	}
	tx.delete(tx.keysOf(r.Type).resource(r.Type, r.ID))
	tx.staged[r.ID] = nil
	return nil
}

// Touched is the resource as it will be after the commit: of a Group whose members change, with the time of the change. Its
// version is set by the commit.
func (tx *Tx) Touched(old *Resource) *Resource {
	if r := tx.staged[old.ID]; r != nil {
		return &r.Resource
	}
	if r := tx.touched[old.ID]; r != nil {
		return &r.Resource
	}
	return old
}

func (tx *Tx) empty() bool { return len(tx.writes) == 0 }

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
