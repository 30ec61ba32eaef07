package samlhook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Modes of group sync (IdentityProvider.groupSync.mode).
const (
	syncNone = "none"
	syncAdd  = "add"
	syncFull = "full"
)

const (
	// maxSyncGroups bounds how many groups of one assertion count.
	maxSyncGroups = 5000
	// maxCreatedGroups bounds how many Groups one sign-in creates; the next one goes on.
	maxCreatedGroups = 20
)

// GroupSync is what a connection says about the groups of an assertion.
type GroupSync struct {
	Mode              string
	Allow             []string // ids, displayNames or externalIds; all if empty
	CreateMissing     bool
	AbsentMeansNone   bool
	StripLeadingSlash bool
	CommonName        bool
	Guard             RemovalGuard
}

func readGroupSync(r *directory.Resource) GroupSync {
	v := gjson.GetBytes(r.JSON, "groupSync")
	return GroupSync{
		Mode: v.Get("mode").String(), Allow: trimmed(v.Get("allow")), CreateMissing: v.Get("createMissing").Bool(),
		AbsentMeansNone:   v.Get("absentMeansNone").Bool(),
		StripLeadingSlash: v.Get("stripLeadingSlash").Bool(), CommonName: v.Get("commonName").Bool(),
		Guard: readGuard(v),
	}
}

// Sync is what group sync does to the memberships of one person, and why not more.
type Sync struct {
	Added, Removed []directory.ID
	Kept           []directory.ID // that the connection granted before, or keeps because nothing was said
	Held           []directory.ID // that would be removed, if there were not too many removals
	Privileged     []directory.ID // that sign-in may not touch
	Created        []string       // displayNames of Groups to be created
	Unknown        []string       // asserted values that match no Group, or several

	guard removals // as it will be
}

// changes reports whether the sync stages anything.
func (s Sync) changes() bool {
	return len(s.Added)+len(s.Removed)+len(s.Held)+len(s.Created) > 0
}

// GrantsGroup reports whether group sync makes people members of the Group whose assertions name it.
func (h *Hook) GrantsGroup(s *directory.Snapshot, connection *directory.Resource, group directory.ID) bool {
	g, err := s.Get(schema.GroupType, group)
	if err != nil {
		return false
	}
	c := ReadSettings(connection)
	return c.Enabled && c.JIT && (c.Groups.Mode == syncAdd || c.Groups.Mode == syncFull) && c.mayTouch(s, group) &&
		newAllowList(c.Groups.Allow).has(group.String(), g.Text("displayName"), g.Text("externalId"))
}

// syncGroups compares the asserted groups with what the connection granted; user is nil for a User to be created. With
// just-in-time provisioning off, it does nothing.
func (d *decider) syncGroups(user *directory.Resource) Sync {
	mode := d.settings.Groups.Mode
	if !d.settings.JIT || mode != syncAdd && mode != syncFull {
		return Sync{}
	}
	y := &syncing{decider: d, granted: map[directory.ID]bool{}, wanted: map[directory.ID]bool{},
		allow: newAllowList(d.settings.Groups.Allow)}
	if user != nil {
		for g := range d.snapshot.GroupsGrantedBy(user.ID, d.settings.ID) {
			y.granted[g.ID] = true
			y.order = append(y.order, g.ID)
		}
	}
	for _, value := range d.identity.Groups[:min(len(d.identity.Groups), maxSyncGroups)] {
		y.want(value)
	}
	if mode == syncFull {
		y.removals(user)
	} else {
		y.keepRest()
	}
	y.guard(user)
	return y.Sync
}

// syncing is a Sync in the making.
type syncing struct {
	*decider
	Sync
	granted map[directory.ID]bool // by this connection, before
	order   []directory.ID        // of granted
	wanted  map[directory.ID]bool
	surplus []directory.ID // granted, and not asserted any more
	allow   *allowList     // nil: all
}

// allowList are the Groups that sign-in may change. Each value names one by its id or externalId, or by displayName.
type allowList struct{ values, names map[string]bool }

func newAllowList(list []string) *allowList {
	if len(list) == 0 {
		return nil
	}
	l := &allowList{map[string]bool{}, map[string]bool{}}
	for _, value := range list {
		l.values[value], l.names[linkForm(value)] = true, true
	}
	return l
}

func (l *allowList) has(id, displayName, externalID string) bool {
	return l == nil || l.values[id] || l.values[externalID] || l.names[linkForm(displayName)]
}

// want takes one asserted value into account. If it matches nothing as a whole, it may be several that were joined.
func (y *syncing) want(value string) {
	parts := []string{value}
	if joined := splitJoined(value); len(joined) > 1 && len(y.find(value)) == 0 {
		parts = joined
	}
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			name := y.nameOf(part)
			y.wantOne(name, y.find(name))
		}
	}
}

// splitJoined divides a value at each ; that is not escaped, as it is in a distinguished name.
func splitJoined(value string) []string {
	if !strings.Contains(value, ";") {
		return []string{value}
	}
	var parts []string
	from := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case ';':
			parts = append(parts, value[from:i])
			from = i + 1
		}
	}
	return append(parts, value[from:])
}

func (y *syncing) wantOne(name string, found []*directory.Resource) {
	switch {
	case len(found) == 0 && y.settings.Groups.CreateMissing && y.mayCreate(name):
		if !slices.ContainsFunc(y.Created, func(c string) bool { return compare(name, c) != different }) {
			y.Created = append(y.Created, name)
		}
	case len(found) != 1:
		y.Unknown = append(y.Unknown, saml.Clip(name))
	case y.wanted[found[0].ID] || !y.allows(found[0]):
		// asserted twice, or none of sign-in's
	default:
		y.wantGroup(found[0].ID)
	}
}

func (y *syncing) wantGroup(id directory.ID) {
	y.wanted[id] = true
	switch {
	case y.granted[id]:
		y.Kept = append(y.Kept, id)
	case !y.settings.mayTouch(y.snapshot, id):
		y.Privileged = append(y.Privileged, id)
	default:
		y.Added = append(y.Added, id)
	}
}

// nameOf is the name that an asserted value stands for.
func (y *syncing) nameOf(value string) string {
	if y.settings.Groups.CommonName {
		value = commonName(value)
	}
	if y.settings.Groups.StripLeadingSlash {
		value = strings.TrimPrefix(value, "/")
	}
	return value
}

// commonName is the value of the first RDN of a distinguished name (RFC 4514) if that is a CN; else the whole.
func commonName(value string) string {
	if len(value) < 3 || !strings.EqualFold(value[:3], "CN=") {
		return value
	}
	var name []byte
	rest := value[3:]
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == ',' || c == '+':
			return strings.TrimSpace(string(name))
		case c != '\\' || i+1 == len(rest):
			name = append(name, c)
		case i+2 < len(rest) && isHex(rest[i+1]) && isHex(rest[i+2]):
			var b byte
			fmt.Sscanf(rest[i+1:i+3], "%02x", &b)
			name = append(name, b)
			i += 2
		default:
			name = append(name, rest[i+1])
			i++
		}
	}
	return strings.TrimSpace(string(name))
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f'
}

// find finds the Groups that a name stands for: by externalId, whose case counts, else by displayName.
func (y *syncing) find(name string) []*directory.Resource {
	if name == "" {
		return nil
	}
	if found := slices.Collect(y.snapshot.Find(schema.GroupType, "externalId", name)); len(found) > 0 {
		return found
	}
	var found []*directory.Resource
	for g := range y.snapshot.Find(schema.GroupType, "displayName", name) {
		if compare(name, g.Text("displayName")) == same {
			found = append(found, g)
		}
	}
	return found
}

// allows reports whether sign-in may change the Group at all.
func (y *syncing) allows(g *directory.Resource) bool {
	return y.allow.has(g.ID.String(), g.Text("displayName"), g.Text("externalId"))
}

// mayCreate reports whether sign-in creates a Group of that name: not one that only looks like another.
func (y *syncing) mayCreate(name string) bool {
	for range y.snapshot.Find(schema.GroupType, "displayName", name) {
		return false
	}
	return name != "" && len(y.Created) < maxCreatedGroups && y.allow.has("", name, name)
}

// removals finds what full sync takes back: what the connection granted and the assertion does not have, inside the
// allow-list, and no default group. An absent attribute says nothing, unless the connection says that it does, and a
// link in its place never does.
func (y *syncing) removals(user *directory.Resource) {
	says := y.identity.GroupsReceived || y.settings.Groups.AbsentMeansNone
	for _, id := range y.order {
		g, err := y.snapshot.Get(schema.GroupType, id)
		switch {
		case err != nil || y.wanted[id]:
		case !says || y.identity.GroupsLinked || slices.Contains(y.settings.DefaultGroups, id) || !y.allows(g):
			y.Kept = append(y.Kept, id)
		case !y.settings.mayTouch(y.snapshot, id) || y.snapshot.KeepsMember(id, user.ID, y.settings.ID):
			y.Privileged = append(y.Privileged, id)
		default:
			y.surplus = append(y.surplus, id)
		}
	}
}

// keepRest keeps what was granted before and is not asserted.
func (y *syncing) keepRest() {
	for _, id := range y.order {
		if !y.wanted[id] {
			y.Kept = append(y.Kept, id)
		}
	}
}

// guard divides the removals into those that are carried out and those that are held.
func (y *syncing) guard(user *directory.Resource) {
	if user == nil {
		return
	}
	before := readRemovals(y.snapshot.Note(noteRemovals, y.settings.ID))
	y.Sync.guard = before.next(y.settings.Groups.Guard, y.now)
	for _, id := range y.surplus {
		if y.Sync.guard.allows(y.snapshot, y.settings, id) {
			y.Removed = append(y.Removed, id)
			y.Sync.guard.count(id, y.now)
		} else {
			y.Held = append(y.Held, id)
		}
	}
	y.Sync.guard.hold(user.ID, y.Held, y.now)
}

// syncGroups stages what was decided, and what it does to the guard.
func (a *attempt) syncGroups(tx *directory.Tx, user *directory.Resource, s Sync) error {
	if !s.changes() && !s.guard.changed {
		return nil
	}
	tx.GrantBy(a.connection)
	if s.guard.changed {
		tx.Note(noteRemovals, a.connection)
		tx.PutNote(noteRemovals, a.connection, s.guard.encode())
	}
	added := slices.Clone(s.Added)
	for _, name := range s.Created {
		// Two sign-ins at once must not make two of it.
		until := a.at.Truncate(24 * time.Hour).Add(48 * time.Hour)
		err := tx.UseOnce(onceGroup, a.connection.String()+"\x00"+linkForm(name), until)
		if directory.KindOf(err) == directory.Exists { // it was created before, and is gone again
			a.decision.Sync.Unknown = append(slices.Clone(a.decision.Sync.Unknown), saml.Clip(name))
			continue
		}
		if err != nil {
			return err
		}
		g, err := tx.Create(schema.GroupType, newGroup(name))
		if err != nil {
			return err
		}
		added = append(added, g.ID)
	}
	last, err := tx.SyncGroups(user, added, s.Removed)
	if err != nil {
		return err
	}
	a.decision.Sync.Added = added
	a.decision.Sync.keep(last)
	return nil
}

// keep moves protected Groups that would lose their last member to those that were not touched.
func (s *Sync) keep(last []directory.ID) {
	isLast := func(id directory.ID) bool { return slices.Contains(last, id) }
	s.Removed = slices.DeleteFunc(slices.Clone(s.Removed), isLast)
	s.Privileged = append(slices.Clone(s.Privileged), last...)
}

// newGroup is the document of a Group that sign-in creates. A value that is a GUID is what the Group will be known by.
func newGroup(name string) schema.Document {
	doc := schema.Document{"displayName": name}
	if _, isID := directory.ParseID(name); isID {
		doc["externalId"] = name
	}
	return doc
}

// groupSync checks what the schema leaves open of group sync.
func (p *preparation) groupSync() error {
	sync, _ := p.doc["groupSync"].(map[string]any)
	switch mode, _ := sync["mode"].(string); mode {
	case "", syncNone, syncAdd, syncFull:
	default:
		return wrong("groupSync.mode", "must be %s, %s or %s", syncNone, syncAdd, syncFull)
	}
	allow, _ := sync["allow"].([]any)
	for i, e := range allow {
		if s, _ := e.(string); strings.TrimSpace(s) == "" {
			return wrong(fmt.Sprintf("groupSync.allow[%d]", i), "must not be blank")
		}
	}
	return nil
}
