package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

// quota is that of an etcd which is to be filled.
const quota = 32 << 20

// hostile are documents that take room: large ones, many small ones, and all of them in the longest attributes.
func hostile(n int) schema.Document {
	long := strings.Repeat("x", []int{1 << 10, 100 << 10, 900 << 10}[n%3])
	return schema.Document{"userName": fmt.Sprintf("user-%d", n), "title": long}
}

// fillWith creates Users from several sides until each side was refused several times, and returns how many there are.
func fillWith(t *testing.T, d *directory.Directory, document func(n int) schema.Document) {
	t.Helper()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for n, refused := 0, 0; refused < 15; n++ {
				_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
					_, err := tx.Create("User", document(8*n+w))
					return err
				})
				switch {
				case directory.KindOf(err) == directory.Full:
					refused++
					time.Sleep(150 * time.Millisecond) // while the store looks at its size
				case err != nil:
					t.Error(err)
					return
				case n == 10_000:
					t.Error("the quota is not used up")
					return
				}
			}
		})
	}
	all.Wait()
}

// noAlarm checks that etcd was never sent what it refused for want of space.
func noAlarm(t *testing.T, c *clientv3.Client, when string) {
	t.Helper()
	alarms, err := c.AlarmList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, used := fileSize(t, c)
	t.Logf("%s: file %d KiB, in use %d KiB", when, all>>10, used>>10)
	if len(alarms.Alarms) > 0 {
		t.Errorf("%s: %v", when, alarms.Alarms)
	}
}

// Whatever a client writes, etcd's alarm is not raised: ordinary changes end before. Then everything can be deleted,
// with a restart in the middle, and the store is as good as new.
func TestFillsAndEmpties(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone %v", alone), func(t *testing.T) {
			e, err := embedded.StartSmall(t.Context(), t.TempDir(), quota)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			o := directory.Options{Root: "/full", Alone: alone}
			s := directorytest.Open(t, e.Client, o)
			d := s.Organization("default")
			secret, _ := token(t, d, scoped("write"))
			w := bearer(t, d, secret)
			fillWith(t, w, hostile)
			noAlarm(t, e.Client, "filled")
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("not ready: %v", err)
			}

			users := slices.Collect(snapshot(t, d).All("User"))
			for n, u := range users {
				if n == len(users)/2 {
					s.Close()
					s = directorytest.Open(t, e.NewClient(), o)
					d = s.Organization("default")
					w = bearer(t, d, secret)
				}
				update(t, w, remove("User", u.ID))
			}
			noAlarm(t, e.Client, "emptied")
			if n := len(find(t, d, "DeletedUser", "userName pr")); n != len(users) {
				t.Errorf("%d of %d Users left a DeletedUser", n, len(users))
			}
			eventually(t, "the store accepts new Users again", func() bool { return s.Writable() == nil })
			createUser(t, d, "afterwards")
			wantReloaded(t, s, e.Client)
		})
	}
}

// The same with Users that are deactivated: each document is written once more.
func TestFillsAndDeactivates(t *testing.T) {
	e, err := embedded.StartSmall(t.Context(), t.TempDir(), quota)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s := directorytest.Open(t, e.Client, directory.Options{Root: "/full", Alone: true})
	d := s.Organization("default")
	secret, _ := token(t, d, scoped("write"))
	w := bearer(t, d, secret)
	fillWith(t, w, hostile)
	for u := range snapshot(t, d).All("User") {
		eventually(t, "the User is deactivated", func() bool {
			_, err := w.Update(t.Context(), modify("User", u.ID, schema.Document{"active": false}))
			if err != nil && directory.KindOf(err) != directory.Full {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	noAlarm(t, e.Client, "deactivated")
	for u := range snapshot(t, d).All("User") {
		if directory.Active(u.JSON) {
			t.Errorf("%s is active", u.ID)
		}
	}
}

// A store that is opened knows at once how full it is.
func TestOpensKnowingItsSize(t *testing.T) {
	e, err := embedded.StartSmall(t.Context(), t.TempDir(), 2*quota)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	for n := range 54 { // by 64 KiB, because bolt copies what shares a page with what is written
		var puts []clientv3.Op
		for m := range 16 {
			puts = append(puts, clientv3.OpPut(fmt.Sprintf("/others/%d/%d", n, m), strings.Repeat("x", 64<<10)))
		}
		if _, err := e.Client.Txn(t.Context()).Then(puts...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	all, used := fileSize(t, e.Client)
	t.Logf("file %d KiB, in use %d KiB", all>>10, used>>10)
	s := directorytest.Open(t, e.Client, directory.Options{Root: "/full", Alone: true})
	wantKind(t, s.Writable(), directory.Full)
}

// eventually waits for what the store does by itself in a while: under the race detector a defragmentation, and the
// rest after it, take long.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// What stays of a deleted User is small, whatever its attributes held.
func TestTombstoneIsSmall(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "ann", "displayName": strings.Repeat("é", 400_000)})
	update(t, d, remove("User", u.ID))
	stone, err := snapshot(t, d).Get("DeletedUser", u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if name := stone.Text("displayName"); len(stone.JSON) > 1024 || !strings.HasPrefix(u.Text("displayName"), name) ||
		!utf8.ValidString(name) || len(name) < 250 {
		t.Errorf("%d bytes: %s", len(stone.JSON), stone.JSON)
	}
	_, err = d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": strings.Repeat("x", directory.MaxUserName+1)})
		return err
	})
	wantKind(t, err, directory.Invalid)
	create(t, d, "User", schema.Document{"userName": strings.Repeat("x", directory.MaxUserName)})
}

// What a nearly full store accepts: whatever only takes away.
func TestNearlyFull(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(user, group, token directory.ID) func(*directory.Tx) error
		kind   directory.Kind
	}{
		{"create", func(_, _, _ directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "x"})
				return err
			}
		}, directory.Full},
		{"change", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"title": "x"})
		}, directory.Full},
		{"deactivate", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"active": false})
		}, 0},
		{"deactivate and more", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"active": false, "title": strings.Repeat("x", 100)})
		}, directory.Full},
		{"take roles", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"roles": []any{map[string]any{"value": "a"}}})
		}, 0},
		{"give other roles", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"roles": []any{map[string]any{"value": "c"}}})
		}, directory.Full},
		{"delete", func(u, _, _ directory.ID) func(*directory.Tx) error { return remove("User", u) }, 0},
		{"delete one and create another", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				if err := remove("User", u)(tx); err != nil {
					return err
				}
				_, err := tx.Create("User", schema.Document{"userName": "x"})
				return err
			}
		}, directory.Full},
		{"remove a member", func(u, g, _ directory.ID) func(*directory.Tx) error { return take(g, u) }, 0},
		{"add a member", func(_, g, _ directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				for v := range tx.Snapshot().Find("User", "userName", "v") {
					return add(g, v.ID)(tx)
				}
				return nil
			}
		}, directory.Full},
		{"delete a group", func(_, g, _ directory.ID) func(*directory.Tx) error { return remove("Group", g) }, 0},
		{"end a token", func(_, _, k directory.ID) func(*directory.Tx) error {
			return modify("AccessToken", k, schema.Document{"expiresAt": "2001-01-01T00:00:00Z"})
		}, 0},
		{"prolong a token", func(_, _, k directory.ID) func(*directory.Tx) error {
			return modify("AccessToken", k, schema.Document{"expiresAt": "2101-01-01T00:00:00Z"})
		}, directory.Full},
		{"narrow a token", func(_, _, k directory.ID) func(*directory.Tx) error {
			return modify("AccessToken", k, schema.Document{"scopes": []any{"read"}})
		}, 0},
		{"delete a token", func(_, _, k directory.ID) func(*directory.Tx) error { return remove("AccessToken", k) }, 0},
		{"end sessions", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error { return tx.EndSessions(u) }
		}, 0},
		{"put a note", func(u, _, _ directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error { tx.PutNote("x", u, nil); return nil }
		}, directory.Full},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, etcd := openSized(t, directory.Options{})
			d := s.Organization("default")
			u := create(t, d, "User", schema.Document{"userName": "u", "title": "t",
				"roles": []any{map[string]any{"value": "a"}, map[string]any{"value": "b"}}})
			createUser(t, d, "v")
			g := create(t, d, "Group", schema.Document{"displayName": "g"})
			k := create(t, d, "AccessToken", schema.Document{"displayName": "k", "scopes": []any{"read", "write"}})
			update(t, d, add(g.ID, u.ID))
			etcd.tells(t, s, 85, false)
			_, err := d.Update(t.Context(), c.change(u.ID, g.ID, k.ID))
			wantKind(t, err, c.kind)
			if errs := d.UpdateEach(t.Context(), []func(*directory.Tx) error{modify("Group", g.ID,
				schema.Document{"displayName": "other"})}); directory.KindOf(errs[0]) == 0 {
				t.Errorf("a group was renamed")
			}
		})
	}
}
