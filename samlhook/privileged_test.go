package samlhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

func (s *site) createGroup(name string, access map[string]any, members ...directory.ID) directory.ID {
	s.t.Helper()
	doc := schema.Document{"displayName": name}
	if access != nil {
		doc[schema.GroupAccessURN] = access
	}
	var id directory.ID
	s.update(func(tx *directory.Tx) error {
		g, err := tx.Create(schema.GroupType, doc.Clone())
		if err != nil {
			return err
		}
		id = g.ID
		return tx.AddMembers(g, members)
	})
	return id
}

func (s *site) give(group directory.ID, access map[string]any) {
	s.t.Helper()
	s.mustModify(schema.GroupType, group, func(doc schema.Document) { doc[schema.GroupAccessURN] = access })
}

func (s *site) nest(outer, inner directory.ID) {
	s.t.Helper()
	s.update(func(tx *directory.Tx) error {
		g, err := tx.Get(schema.GroupType, outer)
		if err != nil {
			return err
		}
		return tx.AddMembers(g, []directory.ID{inner})
	})
}

// into is JIT with this default group, and what may be privileged of it.
func into(group directory.ID, allow ...any) schema.Document {
	doc := jit("defaultGroups", []any{map[string]any{"value": group.String()}})
	if allow != nil {
		doc["groupSync"] = map[string]any{"allowPrivileged": allow}
	}
	return doc
}

var (
	administrators = map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}
	protection     = map[string]any{"protected": true}
)

// becoming are the ways in which membership of a group comes to mean more.
var becoming = []struct {
	name string
	make func(s *site, group, around directory.ID) // around holds group, and is in no group
}{
	{"the group gives a role", func(s *site, group, _ directory.ID) { s.give(group, administrators) }},
	{"the group is protected", func(s *site, group, _ directory.ID) { s.give(group, protection) }},
	{"the group around it gives a role", func(s *site, _, around directory.ID) { s.give(around, administrators) }},
	{"the group around it is protected", func(s *site, _, around directory.ID) { s.give(around, protection) }},
	{"it gets into a group that gives a role", func(s *site, group, _ directory.ID) {
		s.createGroup("Administrators", administrators, group)
	}},
	{"the group around it gets into a protected one", func(s *site, _, around directory.ID) {
		s.createGroup("Protected", protection, around)
	}},
	{"it gets into an existing group", func(s *site, group, _ directory.ID) {
		s.nest(s.createGroup("Administrators", administrators), group)
	}},
}

// notGranted checks that the person came in, and into no group, and that the record says so.
func (s *site) notGranted(b *browser, landed *http.Response, group directory.ID) {
	s.t.Helper()
	wantStatus(s.t, landed, http.StatusSeeOther)
	wantStatus(s.t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	record := s.lastSignIn(OutcomeCreated, ReasonCreated)
	if record.Text("groups.privileged.0") != group.String() || record.Text("groups.added") != "" ||
		!strings.Contains(record.Text("explanation"), "groupSync.allowPrivileged") {
		s.t.Errorf("the record does not say that the group was passed over: %s", record.JSON)
	}
	snapshot, user := s.snapshot(), s.users("stranger@x")[0].ID
	if snapshot.IsMember(group, user) || len(snapshot.Roles(user)) > 0 || snapshot.Privileged(user) {
		s.t.Errorf("the stranger has the roles %v", snapshot.Roles(user))
	}
	d, err := s.org.Authenticate(s.t.Context(), directory.Credential{Session: b.session(s)})
	if err != nil || d.Actor().Rights != directory.ScopeSelf || d.Actor().User != user {
		s.t.Errorf("the session: %v, %v", d, err)
	}
}

// A default group that has come to give roles, or to be protected, takes nobody in.
func TestPrivilegedDefaultGroup(t *testing.T) {
	for _, c := range becoming {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			group := s.createGroup("Staff", nil)
			around := s.createGroup("Everybody", nil, group)
			connection := s.own(into(group))
			c.make(s, group, around)
			b := s.browser()
			s.notGranted(b, s.post(b, connection, "stranger@x"), group)
			if _, warnings := s.health(connection); !strings.Contains(warnings, "Staff") ||
				!strings.Contains(warnings, "allowPrivileged") {
				t.Errorf("the health does not tell: %s", warnings)
			}

			// An administrator lists it.
			s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
				doc["groupSync"] = map[string]any{"allowPrivileged": []any{group.String()}}
			})
			wantStatus(t, s.post(s.browser(), connection, "second@x"), http.StatusSeeOther)
			record := s.lastSignIn(OutcomeCreated, ReasonCreated)
			if record.Text("groups.added.0") != group.String() || record.Text("groups.privileged") != "" {
				t.Errorf("listed: %s", record.JSON)
			}
			if !s.snapshot().IsMember(group, s.users("second@x")[0].ID) {
				t.Error("listed, and not added")
			}
		})
	}
}

// The group becomes privileged between decision and commit.
func TestPrivilegedDefaultGroupRace(t *testing.T) {
	for _, c := range becoming {
		t.Run(c.name, func(t *testing.T) {
			s, f := newFaultySite(t)
			other := s.another(directorytest.NewClient(t))
			group := s.createGroup("Staff", nil)
			around := s.createGroup("Everybody", nil, group)
			connection := s.own(into(group))
			b := s.browser()
			form := s.forged(connection, s.request(b, connection), "stranger@x", "_a1", nil)
			hook := func(clientv3.Op) error { c.make(other, group, around); return nil }
			f.before.Store(&hook)
			s.notGranted(b, b.step(s.acsURL(connection), form), group)
		})
	}
}

// The id is taken off the list between decision and commit.
func TestAllowPrivilegedRace(t *testing.T) {
	s, f := newFaultySite(t)
	other := s.another(directorytest.NewClient(t))
	group := s.createGroup("Staff", administrators)
	connection := s.own(into(group, group.String()))
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "stranger@x", "_a1", nil)
	hook := func(clientv3.Op) error {
		other.mustModify(schema.IdentityProviderType, connection,
			func(doc schema.Document) { delete(doc, "groupSync") })
		return nil
	}
	f.before.Store(&hook)
	s.notGranted(b, b.step(s.acsURL(connection), form), group)
}

// A User who is found by name gets privileges between decision and commit: it is not linked.
func TestPrivilegedUserRace(t *testing.T) {
	ways := map[string]func(s *site, user, group, around directory.ID){
		"is given a role": func(s *site, user, _, _ directory.ID) {
			s.mustModify(schema.UserType, user, changed("roles", []any{map[string]any{"value": "x"}}))
		},
		"gets into a group that gives a role": func(s *site, user, _, _ directory.ID) {
			s.createGroup("Administrators", administrators, user)
		},
		"gets into an existing protected group": func(s *site, user, _, _ directory.ID) {
			s.nest(s.createGroup("Protected", protection), user)
		},
	}
	for _, b := range becoming {
		ways[b.name] = func(s *site, _, group, around directory.ID) { b.make(s, group, around) }
	}
	for name, way := range ways {
		for _, trusted := range []bool{false, true} {
			t.Run(fmt.Sprint(name, trusted), func(t *testing.T) {
				s, f := newFaultySite(t)
				other := s.another(directorytest.NewClient(t))
				user := s.createUser(schema.Document{"userName": "alice@x"})
				group := s.createGroup("Staff", nil, user)
				around := s.createGroup("Everybody", nil, group)
				connection := s.own(schema.Document{"linkPrivileged": trusted})
				b := s.browser()
				form := s.forged(connection, s.request(b, connection), "alice@x", "_a1", nil)
				hook := func(clientv3.Op) error { way(other, user, group, around); return nil }
				f.before.Store(&hook)
				b.step(s.acsURL(connection), form)
				if linked := s.linked(connection, "alice@x") != nil; linked != trusted {
					t.Errorf("linked: %v", linked)
				}
				if trusted {
					s.lastSignIn(OutcomeSignedIn, ReasonLinked)
				} else {
					s.lastSignIn(OutcomeRefused, ReasonPrivilegedUser)
				}
			})
		}
	}
}

// One privileged group does not keep people out of the others.
func TestPrivilegedAmongOthers(t *testing.T) {
	s := newSite(t)
	staff, admins, gone := s.createGroup("Staff", nil), s.createGroup("Admins", nil), s.createGroup("Gone", nil)
	doc := into(staff)
	groups := doc["jit"].(map[string]any)["defaultGroups"].([]any)
	doc["jit"].(map[string]any)["defaultGroups"] = append(groups, map[string]any{"value": admins.String()},
		map[string]any{"value": gone.String()})
	connection := s.own(doc)
	s.give(admins, administrators)
	s.remove(schema.GroupType, gone)
	wantStatus(t, s.post(s.browser(), connection, "stranger@x"), http.StatusSeeOther)
	record := s.lastSignIn(OutcomeCreated, ReasonCreated)
	for list, want := range map[string]directory.ID{"added": staff, "privileged": admins, "unknown": gone} {
		if got := textsAt(record, "groups."+list); !slices.Equal(got, []string{want.String()}) {
			t.Errorf("%s: %v", list, got)
		}
	}
}

// A connection is not saved with a default group that is privileged, unless its id is listed.
func TestSavePrivilegedDefaultGroup(t *testing.T) {
	s := newSite(t)
	admins := s.createGroup("Admins", administrators)
	inner := s.createGroup("Inner", nil)
	s.nest(admins, inner)
	guarded := s.createGroup("Guarded", protection)
	nobody := directory.NewID().String()
	for _, c := range []struct {
		name       string
		settings   schema.Document
		attr, says string // of the error; none: saved
	}{
		{"gives a role", into(admins), "jit.defaultGroups[0].value", "groupSync.allowPrivileged"},
		{"within one that gives a role", into(inner), "jit.defaultGroups[0].value", inner.String()},
		{"protected", into(guarded), "jit.defaultGroups[0].value", "groupSync.allowPrivileged"},
		{"another one is listed", into(inner, admins.String()), "jit.defaultGroups[0].value",
			"groupSync.allowPrivileged"},
		{"listed", into(inner, admins.String(), inner.String()), "", ""},
		{"listed without need", into(s.createGroup("Staff", nil), guarded.String()), "", ""},
		{"a listed group that is none", into(guarded, guarded.String(), nobody), "groupSync.allowPrivileged[1]",
			nobody},
		{"a listed group that has no id", into(guarded, guarded.String(), "Guarded"), "groupSync.allowPrivileged[1]",
			"Guarded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.configure(with(c.settings, "displayName", c.name))
			wantInvalid(t, err, c.attr, c.says)
		})
	}
	// What is stored may stay, so that everything else can be changed, but it is said.
	id, err := s.configure(with(into(inner, inner.String()), "displayName", "x"))
	if err != nil {
		t.Fatal(err)
	}
	s.mustModify(schema.IdentityProviderType, id, func(doc schema.Document) { delete(doc, "groupSync") })
	if _, warnings := s.health(id); !strings.Contains(warnings, "Inner") ||
		!strings.Contains(warnings, "allowPrivileged") {
		t.Errorf("the health does not tell: %s", warnings)
	}
	// Only who may change connections at all lists ids.
	weak := s.org.As(directory.Actor{Type: "AccessToken", Rights: directory.ScopeWrite})
	_, err = weak.Update(t.Context(), func(tx *directory.Tx) error {
		return s.hook.Prepare(tx, directory.NewID(), nil, with(into(inner, inner.String()), "displayName", "x"),
			func(need any) (any, error) { return s.hook.Resolve(t.Context(), need) })
	})
	if directory.KindOf(err) != directory.Forbidden {
		t.Errorf("listed with the scope write: %v", err)
	}
}
