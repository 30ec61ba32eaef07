package directory_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// token makes an access token and returns its secret.
func token(t testing.TB, d *directory.Directory, doc schema.Document) (secret string, id directory.ID) {
	t.Helper()
	update(t, d, func(tx *directory.Tx) error {
		r, err := tx.Create("AccessToken", doc)
		if err == nil {
			secret, id = tx.Secret(r), r.ID
		}
		return err
	})
	return secret, id
}

func scoped(scope string) schema.Document {
	return schema.Document{"displayName": scope, "scopes": []any{scope}}
}

func bearer(t testing.TB, d *directory.Directory, secret string) *directory.Directory {
	t.Helper()
	bound, err := d.Authenticate(t.Context(), directory.Credential{Bearer: secret})
	if err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return bound
}

// clock is a time that a test moves.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.UnixMilli(c.now.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.now.Add(d.Milliseconds()) }
func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func TestScopes(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": []any{map[string]any{"value": "auditor"}}})
	v := createUser(t, d, "v")
	plain := createGroup(t, d, "plain")
	special := create(t, d, "Group", schema.Document{"displayName": "special", groupAccess: map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}})
	special2 := create(t, d, "Group", schema.Document{"displayName": "special2", groupAccess: map[string]any{"roles": []any{map[string]any{"value": "x"}}}})
	nested, plain2 := createGroup(t, d, "nested"), createGroup(t, d, "plain2")
	update(t, d, add(special.ID, nested.ID))
	update(t, d, add(nested.ID, v.ID))
	w := create(t, d, "User", schema.Document{"userName": "w", "roles": []any{map[string]any{"value": "custom"}}})
	loud := create(t, d, "User", schema.Document{"userName": "loud", "roles": []any{map[string]any{"value": "MANAGER"}}})
	actors := map[string]*directory.Directory{}
	for _, scope := range []string{"read", "write", "admin"} {
		secret, _ := token(t, d, scoped(scope))
		actors[scope] = bearer(t, d, secret)
		if want, _ := directory.ParseScope(scope); actors[scope].Actor().Rights != want {
			t.Errorf("token of scope %s acts with %b", scope, actors[scope].Actor().Rights)
		}
	}
	role := func(v string) []any { return []any{map[string]any{"value": v}} }
	for _, c := range []struct {
		name    string
		change  func(*directory.Tx) error
		allowed string // the least scope
	}{
		{"create a User", func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": tx.Actor().ID})
			return err
		}, "write"},
		{"create a User with a role that gives nothing", func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": "r" + tx.Actor().ID, "roles": role("x")})
			return err
		}, "write"},
		{"create a User with a role that gives rights", func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": "s" + tx.Actor().ID, "roles": role("auditor")})
			return err
		}, "admin"},
		{"give a role that gives nothing", modify("User", v.ID, schema.Document{"roles": role("x")}), "write"},
		{"give a role that gives rights", modify("User", v.ID, schema.Document{"roles": role("manager")}), "admin"},
		{"echo roles", modify("User", u.ID, schema.Document{"roles": role("auditor"), "title": "t"}), "write"},
		{"add a role", modify("User", u.ID, schema.Document{"roles": append(role("auditor"), role("y")...)}), "write"},
		{"a granted role in another case", modify("User", u.ID, schema.Document{"roles": append(role("Auditor"), role("auditor")...)}), "write"},
		{"a second spelling that gives rights", modify("User", loud.ID, schema.Document{"roles": append(role("manager"), role("MANAGER")...)}), "admin"},
		{"replace a role that an administrator gave", modify("User", w.ID, schema.Document{"roles": role("z")}), "admin"},
		{"take a role away that an administrator gave", modify("User", w.ID, schema.Document{"roles": nil}), "admin"},
		{"rename a group", modify("Group", plain.ID, schema.Document{"displayName": "plain!"}), "write"},
		{"change members", add(plain.ID, u.ID), "write"},
		{"change members of a group with roles", add(special.ID, u.ID), "admin"},
		{"change members of a group in one with roles", add(nested.ID, u.ID), "admin"},
		{"put a group into a group with roles", add(special.ID, plain2.ID), "admin"},
		{"remove members of a group in one with roles", take(nested.ID, v.ID), "admin"},
		{"create a group with roles", func(tx *directory.Tx) error {
			_, err := tx.Create("Group", schema.Document{"displayName": "new", groupAccess: map[string]any{"roles": role("x")}})
			return err
		}, "admin"},
		{"create a protected group", func(tx *directory.Tx) error {
			_, err := tx.Create("Group", schema.Document{"displayName": "new", groupAccess: map[string]any{"protected": true}})
			return err
		}, "admin"},
		{"give a group roles", modify("Group", plain.ID, schema.Document{groupAccess: map[string]any{"roles": role("x")}}), "admin"},
		{"rename a group with roles", modify("Group", special.ID, schema.Document{"displayName": "special!"}), "admin"},
		{"rename a group in one with roles", modify("Group", nested.ID, schema.Document{"displayName": "nested!"}), "admin"},
		{"take a group's roles away", modify("Group", special2.ID, schema.Document{groupAccess: nil}), "admin"},
		{"create a token", func(tx *directory.Tx) error { _, err := tx.Create("AccessToken", scoped("read")); return err }, "admin"},
		{"create a connection", func(tx *directory.Tx) error {
			_, err := tx.Create("IdentityProvider", schema.Document{"displayName": "c"})
			return err
		}, "admin"},
		{"delete a group in one with roles", remove("Group", nested.ID), "admin"},
		{"delete a group with roles", remove("Group", special.ID), "admin"},
		{"end sessions", func(tx *directory.Tx) error { return tx.EndSessions(u.ID) }, "admin"},
	} {
		allowed := false
		for _, scope := range []string{"read", "write", "admin"} {
			allowed = allowed || scope == c.allowed
			_, err := s.Organization("default").As(actors[scope].Actor()).Update(t.Context(), c.change)
			if allowed && err != nil {
				t.Errorf("%s with %s: %v", c.name, scope, err)
			} else if !allowed && directory.KindOf(err) != directory.Forbidden {
				t.Errorf("%s with %s: %v, want it forbidden", c.name, scope, err)
			}
		}
	}
	for typ, least := range map[string]string{"User": "read", "Group": "read", "AccessToken": "admin", "IdentityProvider": "admin", "Organization": "admin", "Event": "admin", "SignIn": "admin", "Session": "admin", "DeletedUser": "admin"} {
		for scope, a := range actors {
			_, err := a.Query(t.Context(), directory.Query{Type: typ})
			if may := least == "read" || scope == "admin"; (err == nil) != may {
				t.Errorf("list %s with %s: %v", typ, scope, err)
			}
		}
	}
}

func TestEveryInvalidCredentialLooksAlike(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	create(t, s.System(), "Organization", schema.Document{"name": "other"})
	shut := create(t, s.System(), "Organization", schema.Document{"name": "closed"})
	d, closed := s.Organization("default"), s.Organization("closed")
	foreign, _ := token(t, s.Organization("other"), scoped("admin"))
	short := scoped("admin")
	short["expiresAt"] = c.Now().Add(time.Minute).Format(time.RFC3339)
	expired, _ := token(t, d, short)
	revoked, id := token(t, d, scoped("admin"))
	update(t, d, remove("AccessToken", id))
	u := createUser(t, d, "u")
	personal := scoped("read")
	personal["user"] = map[string]any{"value": u.ID.String()}
	theirs, _ := token(t, d, personal)
	if got := bearer(t, d, theirs).Actor().User; got != u.ID {
		t.Errorf("the token's User is %v", got)
	}
	bearer(t, d, expired)
	c.advance(2 * time.Minute)
	update(t, d, modify("User", u.ID, schema.Document{"active": false}))
	good, _ := token(t, d, scoped("admin"))
	bearer(t, d, good)
	bearer(t, d, directorytest.OperatorToken)
	closedToken, _ := token(t, closed, scoped("admin"))
	closedSession := sessionOf(t, closed, createUser(t, closed, "u").ID)
	bearer(t, closed, closedToken)
	withSession(t, closed, closedSession)
	update(t, s.System(), modify("Organization", shut.ID, schema.Document{"active": false}))
	system, _ := token(t, s.System(), scoped("write"))
	bearer(t, closed, system)
	if a := bearer(t, d, system).Actor(); !a.System || a.Rights != directory.ScopeWrite {
		t.Errorf("a token of the system scope acts as %+v", a)
	}
	var first string
	for name, try := range map[string]struct {
		d *directory.Directory
		c directory.Credential
	}{
		"none": {d, directory.Credential{}}, "garbage": {d, directory.Credential{Bearer: "x"}}, "foreign": {d,
			directory.Credential{Bearer: foreign}},
		"expired": {d, directory.Credential{Bearer: expired}}, "revoked": {d, directory.Credential{Bearer: revoked}},
		"of an inactive User": {d, directory.Credential{Bearer: theirs}}, "session": {d,
			directory.Credential{Session: good}},
		"unknown organization":                  {s.Organization("nobody"), directory.Credential{Bearer: good}},
		"inactive organization":                 {closed, directory.Credential{Bearer: closedToken}},
		"session of an inactive organization":   {closed, directory.Credential{Session: closedSession}},
		"an organization's in the system scope": {s.System(), directory.Credential{Bearer: good}},
	} {
		_, err := try.d.Authenticate(t.Context(), try.c)
		wantKind(t, err, directory.Unauthenticated)
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Errorf("%s: %q differs from %q", name, err, first)
		}
	}
}

// A credential that is revoked while its request is under way commits nothing.
func TestRevokedWhileWriting(t *testing.T) {
	for name, revoke := range map[string]func(token, user directory.ID) func(*directory.Tx) error{
		"deleted": func(token, _ directory.ID) func(*directory.Tx) error { return remove("AccessToken", token) },
		"its User is deactivated": func(_, user directory.ID) func(*directory.Tx) error {
			return modify("User", user, schema.Document{"active": false})
		},
		"its User is deleted": func(_, user directory.ID) func(*directory.Tx) error { return remove("User", user) },
	} {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			owner := createUser(t, d, "owner")
			personal := scoped("write")
			personal["user"] = map[string]any{"value": owner.ID.String()}
			secret, id := token(t, d, personal)
			bound := bearer(t, d, secret)
			runs := 0
			_, err := bound.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer update(t, d, revoke(id, owner.ID))
				}
				_, err := tx.Create("User", schema.Document{"userName": "u"})
				return err
			})
			wantKind(t, err, directory.Unauthenticated)
			if got := find(t, d, "User", `userName eq "u"`); len(got) != 0 {
				t.Error("a revoked credential created a User")
			}
		})
	}
}

// What a credential reads first is the state on which it was judged, whatever others write meanwhile.
func TestFirstReadIsThatOfTheJudgement(t *testing.T) {
	d := home(t)
	secret, _ := token(t, d, scoped("read"))
	bound := bearer(t, d, secret)
	createUser(t, d, "later")
	page, err := bound.Query(t.Context(), directory.Query{Type: "User"})
	if err != nil || page.Total != 0 {
		t.Errorf("%d Users, of a state on which the credential was not judged: %v", page.Total, err)
	}
}

// The use of a token is written down, to the minute, and nothing else of it changes.
func TestLastUsed(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	secret, id := token(t, d, scoped("read"))
	_, other := token(t, d, scoped("read"))
	before, err := snapshot(t, d).Get("AccessToken", id)
	if err != nil {
		t.Fatal(err)
	}
	bearer(t, d, secret)
	if err := directory.WriteUsage(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	now := snapshot(t, d)
	after, err := now.Get("AccessToken", id)
	if err != nil || after.Version != before.Version {
		t.Errorf("its version moved: %v", err)
	}
	if got, want := now.LastUsed(id), schema.FormatTime(c.Now()); got != want || now.LastUsed(other) != "" {
		t.Errorf("last used %q, want %q; the other %q", got, want, now.LastUsed(other))
	}
}

func TestSessions(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	u := createUser(t, d, "u")
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	begin := func() (secret string) {
		update(t, d, func(tx *directory.Tx) (err error) {
			secret, err = tx.CreateSession(u.ID, idp.ID, tx.Now().Add(time.Hour))
			return err
		})
		return secret
	}
	valid := func(secret string) bool {
		_, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
		if err != nil {
			wantKind(t, err, directory.Unauthenticated)
		}
		return err == nil
	}
	active := func(v bool) func(*directory.Tx) error { return modify("User", u.ID, schema.Document{"active": v}) }
	for _, step := range []struct {
		name      string
		end       func()
		again     func() // what might bring it back, and must not
		revivable bool
	}{
		{"deactivation", func() { update(t, d, active(false)) }, func() { update(t, d, active(true)) }, false},
		{"end all sessions", func() { update(t, d, func(tx *directory.Tx) error { return tx.EndSessions(u.ID) }) },
			func() {}, false},
		{"its end", func() { c.advance(2 * time.Hour) }, func() {}, false},
		{"a disabled connection", func() {
			update(t, d, modify("IdentityProvider", idp.ID,
				schema.Document{"enabled": false}))
		},
			func() { update(t, d, modify("IdentityProvider", idp.ID, schema.Document{"enabled": true})) }, true},
	} {
		secret := begin()
		if !valid(secret) {
			t.Fatalf("%s: the session is not valid before", step.name)
		}
		step.end()
		if valid(secret) {
			t.Errorf("%s does not end the session", step.name)
		}
		step.again()
		if valid(secret) != step.revivable {
			t.Errorf("%s: valid afterwards: %v", step.name, !step.revivable)
		}
	}
	secret := begin()
	a, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
	if err != nil || a.Actor().Rights != directory.ScopeSelf || a.Actor().User != u.ID {
		t.Fatalf("a session acts as %+v, %v", a.Actor(), err)
	}
	_, err = a.Query(t.Context(), directory.Query{Type: "User"})
	wantKind(t, err, directory.Forbidden)
	g := create(t, d, "Group", schema.Document{"displayName": "admins",
		groupAccess: map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}})
	update(t, d, add(g.ID, u.ID))
	if a, err := d.Authenticate(t.Context(), directory.Credential{Session: secret}); err != nil || a.Actor().Rights != directory.ScopeAdmin {
		t.Errorf("an administrator's session acts as %+v, %v", a.Actor(), err)
	}
	c.advance(2 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page, err := d.Query(t.Context(), directory.Query{Type: "Session"}); err != nil || page.Total != 0 {
		t.Errorf("%d sessions after the sweep: %v", page.Total, err)
	}
	update(t, d, remove("IdentityProvider", idp.ID))
}

func TestSecrets(t *testing.T) {
	c, root := directorytest.Client(t), directorytest.Root()
	keyA, keyB := []byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))
	open := func(key []byte, previous ...[]byte) (*directory.Store, error) {
		return directory.Open(t.Context(), c, directory.Options{Root: root, SecretKey: key, PreviousKeys: previous})
	}
	s, err := open(keyA)
	if err != nil {
		t.Fatal(err)
	}
	owner := directory.NewID()
	d := s.Organization("default")
	update(t, d, func(tx *directory.Tx) error { tx.PutSecret(owner, "key", []byte("private")); return nil })
	s.Close()
	raw, err := c.Get(t.Context(), root, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range raw.Kvs {
		if strings.Contains(string(kv.Value), "private") {
			t.Errorf("the secret is readable at %q", kv.Key)
		}
	}
	if _, err := open(keyB); err == nil || !strings.Contains(err.Error(), "secret key") {
		t.Fatalf("another key opens the store: %v", err)
	}
	for _, keys := range [][][]byte{{keyB, keyA}, {keyB}} { // rotation, then without the old one
		s, err := open(keys[0], keys[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := snapshot(t, s.Organization("default")).Secret(owner,
			"key"); err != nil || string(secret) != "private" {
			t.Errorf("after the rotation: %q, %v", secret, err)
		}
		s.Close()
	}
	if _, err := open(keyA); err == nil {
		t.Error("the old key still opens the store")
	}
	if _, err := open([]byte("short")); err == nil {
		t.Error("a short key is accepted")
	}
}

// A watch that goes silent is noticed while somebody waits, and another one is opened.
func TestSilentWatch(t *testing.T) {
	root := directorytest.Root()
	writer := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}).Organization("default")
	c := directorytest.NewClient(t)
	w := &silent{Watcher: c.Watcher}
	c.Watcher = w
	d := directorytest.Open(t, directorytest.NewClient(t), directory.Options{Root: root,
		Watcher: c}).Organization("default")
	createUser(t, writer, "before")
	if got := find(t, d, "User", `userName eq "before"`); len(got) != 1 {
		t.Fatal("the watch does not deliver at first")
	}
	w.mute.Store(true)
	createUser(t, writer, "after")
	if got := find(t, d, "User", `userName eq "after"`); len(got) != 1 || w.opened.Load() < 2 {
		t.Fatalf("found %v, %d streams", got, w.opened.Load())
	}
}

// silent swallows what its first stream delivers once it is mute.
type silent struct {
	clientv3.Watcher
	mute   atomic.Bool
	opened atomic.Int64
}

func (w *silent) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	in := w.Watcher.Watch(ctx, key, opts...)
	if w.opened.Add(1) > 1 {
		return in
	}
	out := make(chan clientv3.WatchResponse)
	go func() {
		defer close(out)
		for resp := range in {
			if w.mute.Load() {
				continue
			}
			select {
			case out <- resp:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func TestFullStore(t *testing.T) {
	s, etcd := openSized(t, directory.Options{})
	d := s.Organization("default")
	u := createUser(t, d, "u")
	etcd.tells(t, s, 85, false)
	_, err := d.Update(t.Context(), modify("User", u.ID, schema.Document{"title": "x"}))
	wantKind(t, err, directory.Full)
	wantKind(t, s.Writable(), directory.Full)
	if err := s.Ready(t.Context()); err != nil { // it gets requests all the same: reads and deletion
		t.Errorf("not ready: %v", err)
	}
	update(t, d, remove("User", u.ID))
}

func TestRetention(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	org := snapshot(t, d).Organization()
	update(t, d, func(tx *directory.Tx) error {
		if err := tx.UseOnce("code", "x", tx.Now().Add(time.Minute)); err != nil {
			return err
		}
		_, err := tx.RecordSignIn(schema.Document{"outcome": "refused"})
		return err
	})
	update(t, s.System(), modify("Organization", org.ID,
		schema.Document{"retention": map[string]any{"events": json.Number("3"), "days": json.Number("2"),
			"deletedUsersDays": json.Number("5")}}))
	u := createUser(t, d, "u")
	update(t, d, remove("User", u.ID))
	for _, n := range []string{"a", "b", "c", "d"} {
		createUser(t, d, n)
	}
	total := func(typ string) int {
		t.Helper()
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := d.Query(t.Context(), directory.Query{Type: typ, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	if n := total("Event"); n != 7 {
		t.Errorf("%d Events: young ones must stay, whatever the limit", n)
	}
	c.advance(2 * time.Hour)
	if n := total("Event"); n != 3 {
		t.Errorf("%d Events, the limit is 3", n)
	}
	if n := total("SignIn"); n != 1 {
		t.Errorf("%d SignIns, want 1", n)
	}
	c.advance(3 * 24 * time.Hour)
	if n := total("SignIn"); n != 0 {
		t.Errorf("%d SignIns after their time", n)
	}
	if n := total("DeletedUser"); n != 1 {
		t.Errorf("%d DeletedUsers, want 1", n)
	}
	c.advance(3 * 24 * time.Hour)
	if n := total("DeletedUser"); n != 0 {
		t.Errorf("%d DeletedUsers after their time", n)
	}
	createUser(t, d, "u")
}

func session(t *testing.T, d *directory.Directory, user directory.ID) *directory.Directory {
	t.Helper()
	return withSession(t, d, sessionOf(t, d, user))
}

// sessionOf begins a session through a connection of its own and returns its secret.
func sessionOf(t *testing.T, d *directory.Directory, user directory.ID) (secret string) {
	t.Helper()
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	update(t, d, func(tx *directory.Tx) (err error) {
		secret, err = tx.CreateSession(user, c.ID, d.Now().Add(time.Hour))
		return err
	})
	return secret
}

// A session that is no administrator's any more commits nothing, whichever way the role came.
func TestRoleTakenWhileWriting(t *testing.T) {
	admin := []any{map[string]any{"value": "administrator"}}
	for _, name := range []string{"own", "of a group", "of a group's group"} {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			u := createUser(t, d, "u")
			var revoke func(*directory.Tx) error
			if name == "own" {
				update(t, d, modify("User", u.ID, schema.Document{"roles": admin}))
				revoke = modify("User", u.ID, schema.Document{"roles": []any{}})
			} else {
				g := create(t, d, "Group", schema.Document{"displayName": "g",
					groupAccess: map[string]any{"roles": admin}})
				if name != "of a group" {
					in := createGroup(t, d, "in")
					update(t, d, add(g.ID, in.ID))
					g = in
				}
				update(t, d, add(g.ID, u.ID))
				revoke = take(g.ID, u.ID)
			}
			s := session(t, d, u.ID)
			runs := 0
			_, err := s.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer update(t, d, revoke)
				}
				_, err := tx.Create("User", schema.Document{"userName": "made"})
				return err
			})
			if n := len(find(t, d, "User", `userName eq "made"`)); err == nil || n != 0 {
				t.Errorf("written after the role was taken: %v", err)
			}
		})
	}
}

func TestSignOutOfAFullStore(t *testing.T) {
	s, etcd := openSized(t, directory.Options{})
	d := s.Organization("default")
	u := createUser(t, d, "u")
	etcd.tells(t, s, 85, false)
	update(t, d, func(tx *directory.Tx) error { return tx.EndSessions(u.ID) })
	wantKind(t, d.WriteNote(t.Context(), "x", u.ID, []byte("1")), directory.Full)
}

// The snapshot that a credential was judged on serves until something is written.
func TestSecondChangeOnTheSameCredential(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "displayName": "u"})
	secret, _ := token(t, d, scoped("write"))
	b := bearer(t, d, secret)
	update(t, b, modify("User", u.ID, schema.Document{"displayName": "x"}))
	update(t, b, modify("User", u.ID, schema.Document{"displayName": "u"}))
	if r, _ := snapshot(t, d).Get("User", u.ID); r.Text("displayName") != "u" {
		t.Error("the second change was lost: it was decided on the state before the first")
	}
}
