package samlhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml/samltest"
)

// syncing is JIT with these settings of group sync.
func syncingWith(mode string, pairs ...any) schema.Document {
	sync := map[string]any{"mode": mode}
	for i := 0; i < len(pairs); i += 2 {
		sync[pairs[i].(string)] = pairs[i+1]
	}
	return with(jitOn, "groupSync", sync)
}

// groupsOf has an assertion say these groups; nil sends no attribute, an empty list one without values.
func groupsOf(values []string) func(string) string {
	return func(m string) string {
		if values == nil {
			return m
		}
		return strings.Replace(m, "</saml:AttributeStatement>", samltest.Attribute("groups", values...)+
			"</saml:AttributeStatement>", 1)
	}
}

var assertions int

// syncAs signs a person in with these groups and returns the record.
func (s *site) syncAs(connection directory.ID, name string, groups []string) *directory.Resource {
	s.t.Helper()
	b := s.browser()
	assertions++
	form := s.forged(connection, s.request(b, connection), name, fmt.Sprint("_s", assertions), groupsOf(groups))
	wantStatus(s.t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	return s.signIns()[0]
}

// in are the displayNames of the Groups that the person is in, sorted.
func (s *site) in(name string) []string {
	s.t.Helper()
	users := s.users(name)
	if len(users) != 1 {
		s.t.Fatalf("%d Users %s", len(users), name)
	}
	var names []string
	for g := range s.snapshot().GroupsOf(users[0]) {
		names = append(names, g.Display)
	}
	slices.Sort(names)
	return names
}

func (s *site) wantIn(name string, want ...string) {
	s.t.Helper()
	if got := s.in(name); !slices.Equal(got, want) {
		s.t.Errorf("%s is in %v, want %v", name, got, want)
	}
}

// listed are the values of a list of a record's groups.
func listed(r *directory.Resource, list string) []string {
	return texts(gjson.GetBytes(r.JSON, "groups."+list))
}

// What each mode makes of an assertion: first of one with A and B, then of the next one.
func TestGroupSync(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings schema.Document
		next     []string // nil: no attribute
		want     []string
	}{
		{"none", syncingWith("none"), []string{"A"}, nil},
		{"unset", jitOn, []string{"A"}, nil},
		{"add keeps what is not asserted", syncingWith("add"), []string{"C"}, []string{"A", "B", "C"}},
		{"full removes it", syncingWith("full"), []string{"B", "C"}, []string{"B", "C"}},
		{"full, an absent attribute", syncingWith("full"), nil, []string{"A", "B"}},
		{"full, absent means none", syncingWith("full", "absentMeansNone", true), nil, nil},
		{"full, an empty attribute", syncingWith("full"), []string{}, nil},
		{"full, an attribute of blanks", syncingWith("full"), []string{" ", ""}, nil},
		{"add, an empty attribute", syncingWith("add"), []string{}, []string{"A", "B"}},
		{"full, unknown names alone", syncingWith("full"), []string{"nobody"}, nil},
		{"only inside the allow-list", syncingWith("full", "allow", []any{"B", "C"}), []string{"C", "A"},
			[]string{"C"}},
		{"without just-in-time provisioning", schema.Document{"groupSync": map[string]any{"mode": "full"}},
			[]string{"A"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			for _, name := range []string{"A", "B", "C"} {
				s.createGroup(name, nil)
			}
			connection := s.own(c.settings)
			if !gjson.GetBytes(s.connection(connection).JSON, "jit.enabled").Bool() {
				s.createUser(schema.Document{"userName": "ann"})
			}
			s.syncAs(connection, "ann", []string{"A", "B"})
			record := s.syncAs(connection, "ann", c.next)
			s.wantIn("ann", c.want...)
			lists := fmt.Sprint(len(listed(record, "added")), len(listed(record, "removed")), len(listed(record, "kept")))
			if c.name == "full removes it" && lists != "1 1 1" {
				t.Errorf("record %s", record.JSON)
			}
		})
	}
}

// Which Group a value names, in all the forms that identity providers send.
func TestGroupNames(t *testing.T) {
	const guid = "6f1c9a52-3f5e-4d0a-9a53-0123456789ab"
	dn := syncingWith("add", "commonName", true)
	slash := syncingWith("add", "stripLeadingSlash", true)
	for _, c := range []struct {
		name     string
		settings schema.Document
		value    string
		want     string // displayName; empty: unknown
	}{
		{"displayName", nil, "Sales", "Sales"},
		{"in another case", nil, "sALES", "Sales"},
		{"with white space around it", nil, "  Sales\n", "Sales"},
		{"only looks like it", nil, "Ｓales", ""},
		{"externalId", nil, guid, "By id"},
		{"externalId in another case", nil, strings.ToUpper(guid), ""},
		{"the externalId of one is the name of another", nil, "twice", "By twice"},
		{"two of one name", nil, "Double", ""},
		{"a path", nil, "/org/Sales", ""},
		{"a path in full", slash, "/org/Dev", "org/Dev"},
		{"a path of one", slash, "/Sales", "Sales"},
		{"without the option", nil, "/Sales", ""},
		{"a DN", dn, "CN=Sales,OU=Groups,DC=example,DC=com", "Sales"},
		{"a DN in small letters", dn, "cn=Sales, ou=x", "Sales"},
		{"a DN with an escaped comma", dn, `CN=Sales\, EMEA,OU=x`, "Sales, EMEA"},
		{"a DN with an escape in hex", dn, `CN=R\26D,OU=x`, "R&D"},
		{"a DN of two attributes", dn, "CN=Sales+UID=7,OU=x", "Sales"},
		{"another attribute first", dn, "OU=Sales,DC=x", ""},
		{"a DN without the option", nil, "CN=Sales,OU=x", ""},
		{"joined", nil, "Sales; Double;By id", "Sales,By id"},
		{"joined DNs", dn, "CN=Sales,OU=x;CN=R\\26D,OU=x", "Sales,R&D"},
		{"a DN with an escaped semicolon", dn, `CN=a\;b,OU=x`, "a;b"},
		{"a name with a semicolon", nil, "a;b", "a;b"},
		{"nothing", nil, ";", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			for _, name := range []string{"Sales", "Double", "Double", "org/Dev", "Sales, EMEA", "R&D", "a;b",
				"twice"} {
				s.createGroup(name, nil)
			}
			for name, id := range map[string]string{"By id": guid, "By twice": "twice"} {
				s.mustModify(schema.GroupType, s.createGroup(name, nil), changed("externalId", id))
			}
			settings := c.settings
			if settings == nil {
				settings = syncingWith("add")
			}
			record := s.syncAs(s.own(settings), "ann", []string{strings.NewReplacer("&", "&amp;").Replace(c.value)})
			var want []string
			if c.want != "" {
				want = strings.Split(c.want, ",")
				if strings.Contains(c.want, ", ") {
					want = []string{c.want}
				}
			}
			slices.Sort(want)
			s.wantIn("ann", want...)
			if unknown := listed(record, "unknown"); c.want == "" && c.value != ";" && len(unknown) != 1 {
				t.Errorf("unknown %v", unknown)
			}
		})
	}
}

// Over 150 groups Entra ID sends a link, which says nothing of the groups.
func TestGroupOverage(t *testing.T) {
	s := newSite(t)
	s.createGroup("A", nil)
	connection := s.own(syncingWith("full", "absentMeansNone", true))
	s.syncAs(connection, "ann", []string{"A"})
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_link", func(m string) string {
		link := samltest.Attribute("http://schemas.microsoft.com/claims/groups.link", "https://graph.microsoft.com/x")
		return strings.Replace(m, "</saml:AttributeStatement>", link+"</saml:AttributeStatement>", 1)
	})
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	s.wantIn("ann", "A")
	if kept := listed(s.signIns()[0], "kept"); len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
}

// What another granted survives: SCIM, or another connection. Each takes back its own only.
func TestGrantsOfOthers(t *testing.T) {
	s := newSite(t)
	group := s.createGroup("A", nil)
	first := s.own(syncingWith("full"))
	s.syncAs(first, "ann", []string{"A"})
	ann := s.users("ann")[0].ID
	grants := func() (by []string) {
		g, err := s.snapshot().Get(schema.GroupType, group)
		if err != nil {
			t.Fatal(err)
		}
		for _, connection := range []directory.ID{first} {
			for range s.snapshot().GroupsGrantedBy(ann, connection) {
				by = append(by, "connection")
			}
		}
		if s.snapshot().IsMember(g.ID, ann) {
			by = append(by, "member")
		}
		return by
	}
	scim := func(change func(tx *directory.Tx, g *directory.Resource) error) {
		t.Helper()
		s.update(func(tx *directory.Tx) error {
			g, err := tx.Get(schema.GroupType, group)
			if err != nil {
				return err
			}
			return change(tx, g)
		})
	}
	add := func(tx *directory.Tx, g *directory.Resource) error { return tx.AddMembers(g, []directory.ID{ann}) }

	// Granted by both, taken back by the connection.
	scim(add)
	s.syncAs(first, "ann", []string{})
	if got := fmt.Sprint(grants()); got != "[member]" {
		t.Errorf("after the connection took its grant back: %s", got)
	}
	// Granted by SCIM alone: full sync leaves it, and says nothing of it.
	if record := s.syncAs(first, "ann", []string{}); len(listed(record, "removed"))+len(listed(record, "kept")) > 0 {
		t.Errorf("record %s", record.JSON)
	}
	s.wantIn("ann", "A")
	// Granted by both, removed by SCIM: all grants go, as RFC 7644 has it; the next sign-in grants it again.
	s.syncAs(first, "ann", []string{"A"})
	scim(func(tx *directory.Tx, g *directory.Resource) error { return tx.RemoveMembers(g, []directory.ID{ann}) })
	if got := grants(); len(got) != 0 {
		t.Errorf("after SCIM removed the member: %v", got)
	}
	s.syncAs(first, "ann", []string{"A"})
	s.wantIn("ann", "A")
	// The connection goes, and what it granted with it.
	scim(add)
	s.remove(schema.IdentityProviderType, first)
	s.wantIn("ann", "A")
}

// Groups that give more than membership are not touched, in either direction, unless they are listed; a protected one
// keeps its last active member all the same.
func TestSyncPrivileged(t *testing.T) {
	roles := map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}
	s := newSite(t)
	admins := s.createGroup("Admins", roles)
	inner := s.createGroup("Inner", nil)
	s.nest(admins, inner)
	connection := s.own(syncingWith("full"))
	record := s.syncAs(connection, "ann", []string{"Admins", "Inner"})
	s.wantIn("ann")
	if p := listed(record, "privileged"); len(p) != 2 {
		t.Errorf("privileged %v", p)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("groupSync",
		map[string]any{"mode": "full", "allowPrivileged": []any{inner.String()}}))
	s.syncAs(connection, "ann", []string{"Admins", "Inner"})
	s.wantIn("ann", "Admins", "Inner")
	// No longer listed: what was granted is not taken away either.
	s.mustModify(schema.IdentityProviderType, connection, changed("groupSync", map[string]any{"mode": "full"}))
	record = s.syncAs(connection, "ann", []string{})
	s.wantIn("ann", "Admins", "Inner")
	if p := listed(record, "privileged"); len(p) != 1 {
		t.Errorf("privileged %v", p)
	}

	protected := s.createGroup("Protected", map[string]any{"protected": true})
	s.mustModify(schema.IdentityProviderType, connection, changed("groupSync",
		map[string]any{"mode": "full", "allowPrivileged": []any{protected.String()}}))
	s.syncAs(connection, "bob", []string{"Protected"})
	record = s.syncAs(connection, "bob", []string{})
	s.wantIn("bob", "Protected")
	if p := listed(record, "privileged"); len(p) != 1 || len(listed(record, "removed")) != 0 {
		t.Errorf("record %s", record.JSON)
	}
	s.syncAs(connection, "cat", []string{"Protected"})
	s.syncAs(connection, "bob", []string{})
	s.wantIn("bob")
}

// A sign-in that changes the groups puts the link that it went by once more, whatever tells that from others, so that
// of two at once each sees what the other did.
func TestSyncPutsTheLink(t *testing.T) {
	s := newSite(t)
	s.createGroup("A", nil)
	connection := s.own(syncingWith("full"))
	s.syncAs(connection, "ann", []string{})
	before := s.linked(connection, "ann")
	if before == nil || before.Name == "" {
		t.Fatalf("the link is told by its NameID alone: %+v", before)
	}
	s.syncAs(connection, "ann", []string{})
	if got := s.linked(connection, "ann"); got.Revision() != before.Revision() {
		t.Error("a sign-in that changes nothing put the link")
	}
	s.syncAs(connection, "ann", []string{"A"})
	if got := s.linked(connection, "ann"); got.Revision() == before.Revision() || got.User != before.User {
		t.Errorf("the link was not put: %+v", got)
	}
}

// A Group that becomes privileged between the decision and the commit is not touched.
func TestSyncPrivilegedMeanwhile(t *testing.T) {
	s, f := newFaultySite(t)
	group := s.createGroup("A", nil)
	connection := s.own(syncingWith("full"))
	other := s.another(directorytest.NewClient(t))
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_race", groupsOf([]string{"A"}))
	hook := func(clientv3.Op) error {
		other.give(group, map[string]any{"roles": []any{map[string]any{"value": "administrator"}}})
		return nil
	}
	f.before.Store(&hook)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	s.wantIn("ann")
	if p := listed(s.signIns()[0], "privileged"); len(p) != 1 {
		t.Errorf("record %s", s.signIns()[0].JSON)
	}
}

// Missing Groups are created if the connection says so: inside the allow-list, once, and none that only looks like one
// that is there.
func TestCreateMissing(t *testing.T) {
	s := newSite(t)
	s.createGroup("Sales", nil)
	connection := s.own(syncingWith("full", "createMissing", true))
	const guid = "6f1c9a52-3f5e-4d0a-9a53-0123456789ab"
	record := s.syncAs(connection, "ann", []string{"New", "new", "Ｓales", guid})
	s.wantIn("ann", guid, "New")
	if created := listed(record, "created"); len(created) != 2 {
		t.Errorf("created %v", created)
	}
	if unknown := listed(record, "unknown"); !slices.Equal(unknown, []string{"Ｓales"}) {
		t.Errorf("unknown %v", unknown)
	}
	for g := range s.snapshot().Find(schema.GroupType, "externalId", guid) {
		s.remove(schema.GroupType, g.ID)
	}
	s.syncAs(connection, "bob", []string{"NEW", guid})
	s.wantIn("bob", "New")
	var many []string
	for i := range maxCreatedGroups + 5 {
		many = append(many, fmt.Sprint("g", i))
	}
	record = s.syncAs(connection, "bob", many)
	if n := len(listed(record, "created")); n != maxCreatedGroups || len(listed(record, "unknown")) != 5 {
		t.Errorf("%d created", n)
	}
	s.syncAs(connection, "bob", many)
	if n := len(s.in("bob")); n != len(many) {
		t.Errorf("after the next sign-in in %d groups", n)
	}

	limited := s.own(syncingWith("full", "createMissing", true, "allow", []any{"Only"}))
	s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
	record = s.syncAs(limited, "dan@example.com", []string{"Only", "Others"})
	s.wantIn("dan@example.com", "Only")
	if unknown := listed(record, "unknown"); !slices.Equal(unknown, []string{"Others"}) {
		t.Errorf("unknown %v", unknown)
	}
}

// Default groups are never removed, whatever is asserted.
func TestDefaultGroupsStay(t *testing.T) {
	s := newSite(t)
	group := s.createGroup("Everybody", nil)
	s.createGroup("A", nil)
	connection := s.own(with(syncingWith("full"), "jit", map[string]any{"enabled": true,
		"defaultGroups": []any{map[string]any{"value": group.String()}}}))
	s.syncAs(connection, "ann", []string{"A"})
	s.wantIn("ann", "A", "Everybody")
	s.syncAs(connection, "ann", []string{})
	s.wantIn("ann", "Everybody")
}

// Whatever happens to a person's memberships, full sync removes only what the connection granted, and adds only what is
// asserted. A model of the grants is kept beside the directory.
func TestSyncProperty(t *testing.T) {
	s := newSite(t)
	names := []string{"A", "B", "C", "D"}
	groups := map[string]directory.ID{}
	for _, name := range names {
		groups[name] = s.createGroup(name, nil)
	}
	s.createUser(schema.Document{"userName": "ann"})
	ann := s.users("ann")[0].ID
	// Two connections know her, each by a link.
	var connections []directory.ID
	for range 2 {
		id := s.own(syncingWith("full", "maxRemovals", number(100_000), "maxRemovalPercent", number(100)))
		s.update(func(tx *directory.Tx) error {
			tx.PutLink(directory.Link{Connection: id, User: ann, NameID: "ann"})
			return nil
		})
		connections = append(connections, id)
	}
	type grant struct{ group, by string }
	model := map[grant]bool{}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	steps := 120
	if testing.Short() {
		steps = 40
	}
	for step := range steps {
		switch random.IntN(3) {
		case 0, 1:
			i := random.IntN(len(connections))
			asserted := []string{}
			for _, name := range names {
				if random.IntN(2) == 0 {
					asserted = append(asserted, name)
				}
			}
			s.syncAs(connections[i], "ann", asserted)
			for _, name := range names {
				model[grant{name, fmt.Sprint(i)}] = slices.Contains(asserted, name)
			}
		case 2:
			name, adds := names[random.IntN(len(names))], random.IntN(2) == 0
			s.update(func(tx *directory.Tx) error {
				g, err := tx.Get(schema.GroupType, groups[name])
				if err != nil {
					return err
				}
				if adds {
					return tx.AddMembers(g, []directory.ID{ann})
				}
				return tx.RemoveMembers(g, []directory.ID{ann})
			})
			if model[grant{name, "scim"}] = adds; !adds { // SCIM takes all away
				for i := range connections {
					model[grant{name, fmt.Sprint(i)}] = false
				}
			}
		}
		var want []string
		for _, name := range names {
			for g, granted := range model {
				if g.group == name && granted && !slices.Contains(want, name) {
					want = append(want, name)
				}
			}
		}
		if got := s.in("ann"); !slices.Equal(got, want) {
			t.Fatalf("seed %d, step %d: ann is in %v, want %v", seed, step, got, want)
		}
	}
}

// The attribute becomes empty for 500 people: after a few, removals are held, people go on signing in, health says so,
// and an administrator decides.
func TestRemovalGuard(t *testing.T) {
	people := 500
	if testing.Short() {
		people = 120
	}
	s := newSite(t)
	group := s.createGroup("A", nil)
	connection := s.own(syncingWith("full"))
	name := func(i int) string { return fmt.Sprint("p", i) }
	post := func(i int, groups []string) {
		t.Helper()
		b := s.browser()
		assertions++
		form := s.forged(connection, s.request(b, connection), name(i), fmt.Sprint("_s", assertions), groupsOf(groups))
		wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	}
	for i := range people {
		post(i, []string{"A"})
	}
	for i := range people {
		post(i, []string{})
	}
	removed := people - s.snapshot().MemberCount(group)
	if want := min(defaultRemovals, people*defaultPercent/100); removed != want {
		t.Fatalf("%d of %d were removed, want %d", removed, people, want)
	}
	status, warnings := s.health(connection)
	if status != healthFailing || !strings.Contains(warnings, ".applyHeld") {
		t.Errorf("health %s %s", status, warnings)
	}
	if n := len(gjson.Get(s.render(connection), "held").Array()); n != people-removed {
		t.Errorf("%d are held", n)
	}
	// Additions go on, and who is asserted again is no longer held.
	s.createGroup("B", nil)
	record := s.syncAs(connection, name(people-1), []string{"A", "B"})
	if len(listed(record, "added")) != 1 || len(listed(record, "held")) != 0 {
		t.Errorf("record %s", record.JSON)
	}

	// Discarded, they stay; held again, applied, they go.
	act := func(action func(http.ResponseWriter, *http.Request, *directory.Directory, directory.ID) error,
		d *directory.Directory) error {
		w := httptest.NewRecorder()
		err := action(w, httptest.NewRequest(http.MethodPost, "/", nil), d, connection)
		if err == nil && w.Code != http.StatusNoContent {
			t.Errorf("status %d", w.Code)
		}
		return err
	}
	weak := s.org.As(directory.Actor{Type: "AccessToken", Rights: directory.ScopeWrite})
	if err := act(s.hook.applyHeld, weak); directory.KindOf(err) != directory.Forbidden {
		t.Errorf("applied without the scope admin: %v", err)
	}
	if err := act(s.hook.discardHeld, s.org); err != nil {
		t.Fatal(err)
	}
	status, _ = s.health(connection)
	if status == healthFailing || s.snapshot().MemberCount(group) != people-removed {
		t.Error("discarding removed somebody, or left health failing")
	}
	for i := removed; i < removed+3; i++ {
		post(i, []string{})
	}
	if err := act(s.hook.applyHeld, s.org); err != nil {
		t.Fatal(err)
	}
	if n := s.snapshot().MemberCount(group); n != people-removed-3 {
		t.Errorf("%d members after applying", n)
	}
	post(removed+3, []string{}) // for an hour they pass
	if n := s.snapshot().MemberCount(group); n != people-removed-4 {
		t.Errorf("%d members after applying and one more", n)
	}
	s.later(defaultWithin + time.Minute)
	post(removed+4, []string{})
	if n := s.snapshot().MemberCount(group); n != people-removed-5 {
		t.Errorf("%d members an hour later", n)
	}
}

// Leaving a small group is no flood, leaving it at once is.
func TestRemovalGuardSmall(t *testing.T) {
	s := newSite(t)
	s.createGroup("A", nil)
	connection := s.own(syncingWith("full"))
	for i := range 4 {
		s.syncAs(connection, fmt.Sprint("p", i), []string{"A"})
	}
	s.syncAs(connection, "p0", []string{})
	s.wantIn("p0")
	record := s.syncAs(connection, "p1", []string{})
	s.wantIn("p1", "A")
	if len(listed(record, "held")) != 1 {
		t.Errorf("record %s", record.JSON)
	}
	s.later(defaultWithin + time.Minute)
	s.syncAs(connection, "p1", []string{})
	s.wantIn("p1")

	s.mustModify(schema.IdentityProviderType, connection, changed("groupSync", map[string]any{"mode": "full",
		"maxRemovals": number(1), "maxRemovalPercent": number(100), "guardMinutes": number(5)}))
	s.later(6 * time.Minute)
	s.syncAs(connection, "p2", []string{})
	s.syncAs(connection, "p3", []string{})
	s.wantIn("p2")
	s.wantIn("p3", "A")
}
