package samlhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

type action = func(http.ResponseWriter, *http.Request, *directory.Directory, directory.ID) error

// act calls an action as scimapi would, for the program.
func (s *site) act(do action, id directory.ID, in any) error {
	s.t.Helper()
	_, err := s.actAs(s.org, do, id, in)
	return err
}

func (s *site) actAs(d *directory.Directory, do action, id directory.ID, in any) (string, error) {
	s.t.Helper()
	body, ok := in.(string)
	if !ok {
		b, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		body = string(b)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewBufferString(body)).WithContext(s.t.Context())
	err := do(w, r, d, id)
	return w.Body.String(), err
}

func (s *site) mustAct(do action, id directory.ID, in any) string {
	s.t.Helper()
	body, err := s.actAs(s.org, do, id, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// wantKind checks an error's kind, and that it names something.
func wantKind(t *testing.T, err error, kind directory.Kind, names string) {
	t.Helper()
	if directory.KindOf(err) != kind || !strings.Contains(err.Error(), names) {
		t.Errorf("%v, want %s with %q", err, kind, names)
	}
}

// Every refusal that names .link as its remedy ends with it.
func TestLinkByHand(t *testing.T) {
	administrators := map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}
	for _, c := range []struct {
		name    string
		refused string
		prepare func(w *world) (user directory.ID)
	}{
		{"a User with roles", "privileged_user", func(w *world) directory.ID {
			user := w.user(schema.Document{"userName": "ann@example.com"})
			w.createGroup("Administrators", administrators, user)
			return user
		}},
		{"a User who has another NameID", "linked_elsewhere", func(w *world) directory.ID {
			user := w.user(schema.Document{"userName": "ann@example.com"})
			w.link(user, "Ann@example.com", nil)
			return user
		}},
		{"a User who signs in through another connection", "linked_elsewhere", func(w *world) directory.ID {
			user := w.user(schema.Document{"userName": "ann@example.com"})
			w.linkThrough(w.second(nil), user, "ann", nil)
			return user
		}},
		{"a suspended link", "link_suspended", func(w *world) directory.ID {
			user := w.user(schema.Document{"userName": "ann@secure.example"})
			w.link(user, "ann@example.com", nil)
			w.connectionHolding("secure.example")
			w.domains("secure.example")
			return user
		}},
		{"one of two who match", "ambiguous", func(w *world) directory.ID {
			user := w.user(schema.Document{"userName": "ann@example.com"})
			w.user(schema.Document{"userName": "annie", "externalId": "ann@example.com"})
			return user
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{site: newSite(t)}
			w.connection = w.own(schema.Document{"linkBy": []any{"userName", "externalId"}})
			user := c.prepare(w)
			wantStatus(t, w.post(w.browser(), w.connection, "ann@example.com"), http.StatusForbidden)
			refused := w.signIns()[0]
			if refused.Text("reason") != c.refused || !strings.Contains(refused.Text("explanation"), "/.link {") {
				t.Fatalf("refused %s", refused.JSON)
			}

			in := linkRequest{Connection: w.connection.String(), NameID: "ann@example.com"}
			body := w.mustAct(w.hook.link, user, in)
			mine := gjson.Get(body, `links.#(nameId=="ann@example.com")`)
			if mine.Get("connection").String() != w.connection.String() || mine.Get("confirmedAt").String() == "" ||
				mine.Get("suspended").Exists() {
				t.Errorf("reply %s", body)
			}
			wantStatus(t, w.post(w.browser(), w.connection, "ann@example.com"), http.StatusSeeOther)
			if r := w.lastSignIn(OutcomeSignedIn, ReasonSignedIn); r.Text("user.value") != user.String() {
				t.Errorf("signed in as %s", r.JSON)
			}
		})
	}
}

// A link is moved only if that is asked for; who had it is signed out and shows it no more.
func TestMoveLink(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	landed := s.post(b, connection, "ann@example.com")
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	ann, other := s.users("ann@example.com")[0].ID, s.createUser(schema.Document{"userName": "other"})
	if s.signedInAs(b.session(s)) != ann {
		t.Fatal("not signed in")
	}
	in := linkRequest{Connection: connection.String(), NameID: "ann@example.com"}
	wantKind(t, s.act(s.hook.link, other, in), directory.Exists, `"move": true`)
	if l := s.linked(connection, in.NameID); l.User != ann || s.signedInAs(b.session(s)) != ann {
		t.Fatal("moved without being asked to")
	}
	in.Move = true
	s.mustAct(s.hook.link, other, in)
	if !s.signedInAs(b.session(s)).IsZero() {
		t.Error("the session of who had the link goes on")
	}
	if l := s.linked(connection, in.NameID); l.User != other || len(l.Wrote) != 0 {
		t.Errorf("link %+v", l)
	}
	for id, want := range map[directory.ID]string{ann: "", other: "administrator"} {
		r, err := s.snapshot().Get(schema.UserType, id)
		if err != nil {
			t.Fatal(err)
		}
		if got := gjson.GetBytes(r.JSON, gjson.Escape(schema.OriginURN)+".links.0.linkedBy").String(); got != want {
			t.Errorf("%s shows %q, want %q: %s", id, got, want, r.JSON)
		}
	}
	s.post(s.browser(), connection, "ann@example.com")
	if r := s.lastSignIn(OutcomeSignedIn, ReasonSignedIn); r.Text("user.value") != other.String() {
		t.Errorf("signed in as %s", r.JSON)
	}

	// A deleted User's is there to be moved, too.
	s.remove(schema.UserType, other)
	s.mustAct(s.hook.link, ann, in)
	if l := s.linked(connection, in.NameID); l == nil || l.User != ann {
		t.Errorf("link %+v", l)
	}
}

// An unlinked person is unknown, and signed out.
func TestUnlink(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	landed := s.post(b, connection, "ann@example.com")
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	ann := s.users("ann@example.com")[0].ID
	in := linkRequest{Connection: connection.String(), NameID: "ann@example.com"}
	if body := s.mustAct(s.hook.unlink, ann, in); body != `{"links":[]}` {
		t.Errorf("reply %s", body)
	}
	if s.linked(connection, in.NameID) != nil || !s.signedInAs(b.session(s)).IsZero() {
		t.Error("the link or the session goes on")
	}
	wantKind(t, s.act(s.hook.unlink, ann, in), directory.NotFound, "no link")
	wantStatus(t, s.post(s.browser(), connection, "ann@example.com"), http.StatusSeeOther)
	s.lastSignIn(OutcomeSignedIn, ReasonLinked)
	other := s.createUser(schema.Document{"userName": "other"})
	wantKind(t, s.act(s.hook.unlink, other, in), directory.NotFound, "no link")
}

// Beside a suspended link nobody is linked until somebody said what becomes of it.
func TestLinkBesideSuspended(t *testing.T) {
	w := &world{site: newSite(t)}
	w.connection = w.own(nil)
	ceo := w.user(schema.Document{"userName": "ceo@secure.example"})
	w.link(ceo, "mallory", nil)
	secure := w.connectionHolding("secure.example")
	w.domains("secure.example")
	in := linkRequest{Connection: secure.String(), NameID: "ceo"}
	wantKind(t, w.act(w.hook.link, ceo, in), directory.Exists, "mallory")
	w.mustAct(w.hook.unlink, ceo, linkRequest{Connection: w.connection.String(), NameID: "mallory"})
	w.mustAct(w.hook.link, ceo, in)
	if w.linked(secure, "ceo") == nil {
		t.Error("not linked")
	}
}

// What an action cannot use is named, and changes nothing.
func TestLinkErrors(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	user := s.createUser(schema.Document{"userName": "ann"})
	in := func(pairs ...string) map[string]any {
		doc := map[string]any{"connection": connection.String(), "nameId": "n"}
		for i := 0; i < len(pairs); i += 2 {
			doc[pairs[i]] = pairs[i+1]
		}
		return doc
	}
	for name, c := range map[string]struct {
		user  directory.ID
		in    any
		kind  directory.Kind
		names string
	}{
		"no body":               {user, "", directory.Invalid, "connection"},
		"not JSON":              {user, "x", directory.Invalid, "body"},
		"two objects":           {user, "{}{}", directory.Invalid, "one JSON object"},
		"an unknown member":     {user, in("nameid2", "x"), directory.Invalid, "nameid2"},
		"no connection":         {user, in("connection", ""), directory.Invalid, "connection"},
		"an unknown connection": {user, in("connection", directory.NewID().String()), directory.NotFound, "not found"},
		"no NameID":             {user, in("nameId", ""), directory.Invalid, "nameId"},
		"a control character":   {user, in("nameId", "a\x00b"), directory.Invalid, "nameId"},
		"transient": {user, in("nameIdFormat", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
			directory.Invalid, "transient"},
		"an unknown User": {directory.NewID(), in(), directory.NotFound, "not found"},
	} {
		wantKind(t, s.act(s.hook.link, c.user, c.in), c.kind, c.names)
		if s.linked(connection, "n") != nil {
			t.Errorf("%s: linked", name)
		}
	}

	// Linked in two formats, a NameID alone does not tell which is meant.
	for _, format := range []string{"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", ""} {
		l := newLink(connection, (&relinking{in: linkRequest{NameID: "n", NameIDFormat: format}}).identity())
		l.User = user
		s.update(func(tx *directory.Tx) error { tx.PutLink(l); return nil })
	}
	wantKind(t, s.act(s.hook.unlink, user, in()), directory.Invalid, "nameIdFormat")
}

// Two administrators link one NameID to two Users at one moment: the second is told.
func TestLinkRace(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.own(nil)
	other := s.another(directorytest.NewClient(t))
	first, second := s.createUser(schema.Document{"userName": "a"}), s.createUser(schema.Document{"userName": "b"})
	in := linkRequest{Connection: connection.String(), NameID: "n"}
	hook := func(clientv3.Op) error { return other.act(other.hook.link, first, in) }
	f.before.Store(&hook)
	wantKind(t, s.act(s.hook.link, second, in), directory.Exists, first.String())
	if l := s.linked(connection, "n"); l.User != first {
		t.Errorf("linked to %s", l.User)
	}
}

// The User whom a sign-in found by value is linked to another connection, or gets an address in its domain, between
// decision and commit: the sign-in is refused.
func TestHeldRace(t *testing.T) {
	for name, way := range map[string]func(w *world, user, other directory.ID){
		"linked by hand": func(w *world, user, other directory.ID) {
			w.mustAct(w.hook.link, user, linkRequest{Connection: other.String(), NameID: "n"})
		},
		"gets an address": func(w *world, user, _ directory.ID) {
			w.mustModify(schema.UserType, user, changed("emails", []any{map[string]any{"value": "a@secure.example"}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := newFaultySite(t)
			w := &world{site: s}
			w.connection = w.own(nil)
			secure := w.connectionHolding("secure.example")
			w.domains("secure.example")
			user := w.user(schema.Document{"userName": "ann@example.com"})
			other := &world{site: s.another(directorytest.NewClient(t))}
			b := s.browser()
			form := s.forged(w.connection, s.request(b, w.connection), "ann@example.com", "_a1", nil)
			hook := func(clientv3.Op) error { way(other, user, secure); return nil }
			f.before.Store(&hook)
			wantStatus(t, b.step(s.acsURL(w.connection), form), http.StatusForbidden)
			s.lastSignIn(OutcomeRefused, ReasonLinkedElsewhere)
			if s.linked(w.connection, "ann@example.com") != nil {
				t.Error("linked")
			}
		})
	}
}

// Of links of one NameID that differ in format or qualifiers a request means those that it does not rule out; it must
// mean one, and touches no other.
func TestLinksThatDifferInFormat(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	const persistent, email = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", saml.NameIDEmail
	links := map[string]linkRequest{
		"a": {NameID: "n", NameIDFormat: persistent, NameQualifier: "q", SPNameQualifier: "p"},
		"b": {NameID: "n", NameIDFormat: persistent, NameQualifier: "q", SPNameQualifier: "other"},
		"c": {NameID: "n", NameIDFormat: persistent, NameQualifier: "other", SPNameQualifier: "p"},
		"d": {NameID: "n", NameIDFormat: email},
	}
	users := map[string]directory.ID{}
	for _, name := range []string{"a", "b", "c", "d"} {
		in := links[name]
		in.Connection = connection.String()
		links[name] = in
		users[name] = s.createUser(schema.Document{"userName": name})
		s.update(func(tx *directory.Tx) error {
			l := newLink(connection, saml.Identity{NameID: in.NameID, NameIDFormat: in.NameIDFormat,
				NameQualifier: in.NameQualifier, SPNameQualifier: in.SPNameQualifier})
			l.User = users[name]
			tx.PutLink(l)
			return nil
		})
	}
	for _, c := range []struct {
		name string
		in   linkRequest
		user string // whose link it means; "" where it means several
	}{
		{"any", linkRequest{NameID: "n"}, ""},
		{"a format of several", linkRequest{NameID: "n", NameIDFormat: persistent}, ""},
		{"a qualifier of several", linkRequest{NameID: "n", NameQualifier: "q"}, ""},
		{"an SP qualifier of several", linkRequest{NameID: "n", SPNameQualifier: "p"}, ""},
		{"the other format", linkRequest{NameID: "n", NameIDFormat: email}, "d"},
		{"a qualifier", linkRequest{NameID: "n", NameQualifier: "other"}, "c"},
		{"an SP qualifier", linkRequest{NameID: "n", SPNameQualifier: "other"}, "b"},
		{"all", links["a"], "a"},
	} {
		c.in.Connection = connection.String()
		for name, user := range users {
			_, err := s.org.Update(t.Context(), func(tx *directory.Tx) error {
				r, err := newRelinking(tx, user, c.in)
				if err != nil {
					return err
				}
				if err := r.unlink(); err != nil {
					return err
				}
				return errNotRecorded // leave it
			})
			switch {
			case c.user == "" && directory.KindOf(err) == directory.Invalid:
			case c.user == name && errors.Is(err, errNotRecorded):
			case c.user != "" && c.user != name && directory.KindOf(err) == directory.NotFound:
			default:
				t.Errorf("%s, of the User %s: %v", c.name, name, err)
			}
		}
	}
	for _, in := range []linkRequest{{NameID: "n", NameIDFormat: "\x00"}, {NameID: "n", NameQualifier: "\x00"},
		{NameID: "n", SPNameQualifier: "\x00"}, {NameID: "n", NameIDFormat: saml.NameIDTransient}, {NameID: "\x00"}, {}} {
		in.Connection = connection.String()
		wantKind(t, s.act(s.hook.link, users["a"], in), directory.Invalid, "")
	}

	// A link is moved away from its User, and the others stay.
	in := links["b"]
	in.Move = true
	s.mustAct(s.hook.link, users["a"], in)
	var held []directory.ID
	for l := range s.snapshot().LinksLike(connection, "n") {
		held = append(held, l.User)
	}
	slices.SortFunc(held, func(x, y directory.ID) int { return strings.Compare(x.String(), y.String()) })
	want := []directory.ID{users["a"], users["a"], users["c"], users["d"]}
	slices.SortFunc(want, func(x, y directory.ID) int { return strings.Compare(x.String(), y.String()) })
	if !slices.Equal(held, want) {
		t.Errorf("linked to %v, want %v", held, want)
	}
}

// A reply shows which links are suspended, and in which domains; another link beside one is refused.
func TestSuspendedLinkIsShown(t *testing.T) {
	w := &world{site: newSite(t)}
	w.connection = w.own(nil)
	user := w.user(schema.Document{"userName": "ann@secure.example", "emails": []any{
		map[string]any{"value": "ann@also.example"}}})
	w.link(user, "ann", nil)
	w.connectionHolding("secure.example", "also.example")
	w.setDomains(map[string]any{"value": "secure.example", "verified": true},
		map[string]any{"value": "also.example", "verified": true})
	if got := gjson.GetBytes(mustJSON(t, listLinks(w.snapshot(), user)), "0.suspended").Raw; got !=
		`["also.example","secure.example"]` {
		t.Errorf("suspended %s", got)
	}
	in := linkRequest{Connection: w.connection.String(), NameID: "another"}
	wantKind(t, w.act(w.hook.link, user, in), directory.Exists, "suspended link")
	in.NameID = "ann"
	body := w.mustAct(w.hook.link, user, in)
	if gjson.Get(body, "links.0.suspended").Exists() || gjson.Get(body, "links.0.confirmedAt").String() == "" {
		t.Errorf("reply %s", body)
	}
	in.NameID = "another"
	w.mustAct(w.hook.link, user, in)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
