package directory_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

const activityURN = "urn:rollcall:params:scim:schemas:extension:1.0:Activity"

// signIn records an attempt of the User to sign in.
func signIn(user, connection directory.ID, outcome string) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		_, err := tx.RecordSignIn(schema.Document{"outcome": outcome, "user": map[string]any{"value": user.String()},
			"connection": map[string]any{"value": connection.String()}})
		return err
	}
}

// activityOf is the User's activity as the snapshot of the directory shows it.
func activityOf(t testing.TB, d *directory.Directory, user directory.ID) string {
	t.Helper()
	s := snapshot(t, d)
	r, err := s.Get("User", user)
	if err != nil {
		t.Fatal(err)
	}
	value, _ := s.View(r, nil).Derived(activityURN)
	return string(value)
}

// named are the userNames of the Users that match.
func named(t testing.TB, d *directory.Directory, expr string) string {
	t.Helper()
	var names []string
	for _, text := range find(t, d, "User", expr) {
		id, _ := directory.ParseID(text)
		r, err := snapshot(t, d).Get("User", id)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, r.Text("userName"))
	}
	return strings.Join(names, " ")
}

// sortedBy are the userNames of all Users by an attribute.
func sortedBy(t testing.TB, d *directory.Directory, by string, descending bool) (names string) {
	t.Helper()
	page, err := d.Query(t.Context(), directory.Query{Type: "User", SortBy: by, Descending: descending, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Resources {
		names += " " + r.Text("userName")
	}
	return names
}

// A sign-in is counted with the SignIn that tells of it, and changes nothing else of the User.
func TestActivity(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	first := create(t, d, "IdentityProvider", schema.Document{"displayName": "first"}).ID
	second := create(t, d, "IdentityProvider", schema.Document{"displayName": "second"}).ID
	ann, bob, never := createUser(t, d, "ann"), createUser(t, d, "bob"), createUser(t, d, "never")
	at := func() string { return schema.FormatTime(c.Now()) }

	annAt := at()
	update(t, d, signIn(ann.ID, first, "created"))
	want := `{"lastConnection":"` + first.String() + `","lastSignIn":"` + annAt + `","signInCount":1}`
	if got := activityOf(t, d, ann.ID); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c.advance(24 * time.Hour)
	update(t, d, signIn(bob.ID, first, "signedIn"))
	c.advance(24 * time.Hour)
	update(t, d, signIn(bob.ID, second, "signedIn"))
	bobAt := at()
	c.advance(time.Hour)
	for _, outcome := range []string{"refused", "failed", "tested"} {
		update(t, d, signIn(bob.ID, first, outcome))
	}
	want = `{"lastConnection":"` + second.String() + `","lastSignIn":"` + bobAt + `","signInCount":2}`
	if got := activityOf(t, d, bob.ID); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := activityOf(t, d, never.ID); got != "" {
		t.Errorf("who never signed in: %s", got)
	}
	r, err := snapshot(t, d).Get("User", bob.ID)
	if err != nil || r.Version != bob.Version || !r.LastModified.Equal(bob.LastModified) {
		t.Errorf("the User changed by signing in: %v, %v", r, err)
	}

	// It can be filtered and sorted by.
	for expr, want := range map[string]string{
		activityURN + `:lastSignIn lt "` + schema.FormatTime(c.Now().Add(-30*time.Hour)) + `"`: "ann",
		activityURN + `:lastSignIn ge "` + bobAt + `"`:                                         "bob",
		`not (` + activityURN + `:lastSignIn pr)`:                                              "never",
		activityURN + `:signInCount eq 2`:                                                      "bob",
		activityURN + `:lastConnection eq "` + first.String() + `"`:                            "ann",
		activityURN + `:lastSeen pr`:                                                           "",
	} {
		if got := named(t, d, expr); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
	}
	for by, want := range map[string][2]string{
		"lastSignIn": {" ann bob never", " never bob ann"}, "signInCount": {" ann bob never", " never bob ann"},
	} {
		if got := sortedBy(t, d, activityURN+":"+by, false); got != want[0] {
			t.Errorf("by %s:%s", by, got)
		}
		if got := sortedBy(t, d, activityURN+":"+by, true); got != want[1] {
			t.Errorf("by %s, descending:%s", by, got)
		}
	}

	// Who can read only does not see it.
	if got := activityOf(t, withScope(t, d, "read"), ann.ID); got != "" {
		t.Errorf("read sees %s", got)
	}
	for _, scope := range []string{"write", "admin"} {
		if activityOf(t, withScope(t, d, scope), ann.ID) == "" {
			t.Errorf("%s does not see it", scope)
		}
	}

	// It goes with the User.
	update(t, d, remove("User", bob.ID))
	if activityOf(t, d, createUser(t, d, "bob").ID) != "" {
		t.Error("a User has the activity of one of the same name that was deleted")
	}
	if n := countNotes(t, s, d, "activity"); n != 1 {
		t.Errorf("%d notes; ann has one", n)
	}
}

// countNotes counts what is stored of a kind of notes about resources.
func countNotes(t testing.TB, s *directory.Store, d *directory.Directory, kind string) int64 {
	t.Helper()
	resp, err := directorytest.Client(t).Get(t.Context(), directory.NotesPrefix(s, snapshot(t, d), kind),
		clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return resp.Count
}

// Of two sign-ins at once, both are counted.
func TestSignInsAtOnce(t *testing.T) {
	d := home(t)
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"}).ID
	ann := createUser(t, d, "ann")
	runs := 0
	update(t, d, func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			update(t, d, signIn(ann.ID, idp, "signedIn"))
		}
		return signIn(ann.ID, idp, "signedIn")(tx)
	})
	if got := activityOf(t, d, ann.ID); !strings.Contains(got, `"signInCount":2`) || runs != 2 {
		t.Errorf("%s after %d runs", got, runs)
	}
	runs = 0
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error { // who is deleted meanwhile leaves nothing
		if runs++; runs == 1 {
			update(t, d, remove("User", ann.ID))
		}
		return signIn(ann.ID, idp, "signedIn")(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := countNotes(t, directory.StoreOf(d), d, "activity"); n != 0 || runs != 2 {
		t.Errorf("%d notes after %d runs", n, runs)
	}
}

// The use of sessions is written down to the hour, once an hour, and not of Users who are gone.
func TestLastSeen(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	ann, gone := createUser(t, d, "ann"), createUser(t, d, "gone")
	session(t, d, ann.ID)
	session(t, d, gone.ID)
	update(t, d, remove("User", gone.ID))
	write := func() int64 {
		t.Helper()
		if err := directory.WriteUsage(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return snapshot(t, d).Revision()
	}
	write()
	seen := func() string { return schema.FormatTime(c.Now().Truncate(time.Hour)) }
	if got, want := activityOf(t, d, ann.ID), `{"lastSeen":"`+seen()+`"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := countNotes(t, s, d, "seen"); n != 1 {
		t.Errorf("%d notes; only ann is there", n)
	}

	// Within the hour nothing is written; in the next one again.
	c.advance(59 * time.Minute)
	before := write()
	session(t, d, ann.ID)
	begun := snapshot(t, d).Revision()
	if after := write(); after != begun || before == begun {
		t.Errorf("written within the hour: revision %d, then %d", begun, after)
	}
	c.advance(time.Hour)
	session(t, d, ann.ID)
	write()
	if got := named(t, d, activityURN+`:lastSeen eq "`+seen()+`"`); got != "ann" {
		t.Errorf("in the next hour: %s, %s", got, activityOf(t, d, ann.ID))
	}
	update(t, d, remove("User", ann.ID))
	if n := countNotes(t, s, d, "seen"); n != 0 {
		t.Errorf("%d notes of Users who are gone", n)
	}
}

// uncount closes the store and leaves it as a program did that counted no sign-ins. No node sweeps by itself from then
// on.
func uncount(t *testing.T, s *directory.Store, root string) {
	t.Helper()
	etcd := directorytest.Client(t)
	notes := directory.NotesPrefix(s, snapshot(t, s.Organization("default")), "activity")
	s.Close()
	election := root + "/job/sweeper"
	if _, err := etcd.Delete(t.Context(), election, clientv3.WithPrefix()); err != nil { // of the node that has ended
		t.Fatal(err)
	}
	lease, err := concurrency.NewSession(etcd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Close() })
	if err := concurrency.NewElection(lease, election).Campaign(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{notes, root + "/activity"} {
		if _, err := etcd.Delete(t.Context(), key, clientv3.WithPrefix()); err != nil {
			t.Fatal(err)
		}
	}
}

// What was not counted before an upgrade is counted once, in slices, whoever goes on with it, while people sign in.
func TestActivityIsFilledIn(t *testing.T) {
	c, root := newClock(), directorytest.Root()
	o := directory.Options{Root: root, Now: c.Now}
	s := directorytest.Open(t, directorytest.Client(t), o)
	d := s.Organization("default")
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"}).ID
	var people []directory.ID
	for i := range 7 {
		people = append(people, createUser(t, d, fmt.Sprint("u", i)).ID)
	}
	const before = 130
	for i := range before {
		c.advance(time.Minute)
		outcome := "signedIn"
		if i%13 == 0 {
			outcome = "refused"
		}
		update(t, d, signIn(people[i%7], idp, outcome))
	}
	update(t, d, remove("User", people[6]))
	want := map[directory.ID]string{}
	for _, u := range people[:6] {
		want[u] = activityOf(t, d, u)
	}

	uncount(t, s, root)
	s = directorytest.Open(t, directorytest.NewClient(t), o)
	d = s.Organization("default")
	if got := activityOf(t, d, people[0]); got != "" {
		t.Fatalf("it is there already: %s", got)
	}

	// One signs in before it begins, one between two slices; the node that does it ends in between.
	again := func(i int) {
		c.advance(time.Hour)
		update(t, d, signIn(people[i], idp, "signedIn"))
		was := want[people[i]]
		at := strings.Index(was, `"signInCount":`) + len(`"signInCount":`)
		n := 0
		fmt.Sscan(was[at:len(was)-1], &n)
		want[people[i]] = fmt.Sprintf(`{"lastConnection":"%s","lastSignIn":"%s","signInCount":%d}`, idp,
			schema.FormatTime(c.Now()), n+1)
	}
	again(0)
	if done, err := directory.FillSome(t.Context(), s); done || err != nil {
		t.Fatalf("the first slice: %v, %v", done, err)
	}
	again(1)
	again(0)
	s.Close()
	s = directorytest.Open(t, directorytest.NewClient(t), o)
	d = s.Organization("default")
	for range 2 {
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, u := range people[:6] {
			if got := activityOf(t, d, u); got != want[u] {
				t.Errorf("u%d: %s, want %s", i, got, want[u])
			}
		}
		again(2)
	}
	if done, err := directory.FillSome(t.Context(), s); !done || err != nil {
		t.Errorf("there is more to fill in: %v", err)
	}
}

// Two nodes that fill in at once count nothing twice.
func TestFillAtOnce(t *testing.T) {
	root := directorytest.Root()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
	d := s.Organization("default")
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"}).ID
	ann := createUser(t, d, "ann")
	for range 3 {
		update(t, d, signIn(ann.ID, idp, "signedIn"))
	}
	want := activityOf(t, d, ann.ID)
	uncount(t, s, root)
	s = directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
	d = s.Organization("default")
	hooked := &hookedKV{KV: directorytest.Client(t).KV}
	c := directorytest.NewClient(t)
	c.KV = hooked
	other := directorytest.Open(t, c, directory.Options{Root: root})
	ran := 0
	hooked.get.Store(&hook{key: "/s/", run: func() { // it has read how far it is, and not the SignIns
		ran++
		if _, err := directory.FillSome(context.Background(), s); err != nil {
			t.Error(err)
		}
	}})
	if _, err := directory.FillSome(t.Context(), other); directory.KindOf(err) != directory.Busy {
		t.Errorf("both went on from the same place: %v", err)
	}
	if err := other.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := activityOf(t, d, ann.ID); got != want || ran != 1 {
		t.Errorf("%s after %d races, want %s", got, ran, want)
	}
}
