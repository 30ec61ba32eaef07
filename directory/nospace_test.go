package directory_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

func noSpace(func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
	return clientv3.OpResponse{}, rpctypes.ErrNoSpace
}

func appliedNoSpace(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
	if _, err := do(); err != nil {
		return clientv3.OpResponse{}, err
	}
	return clientv3.OpResponse{}, rpctypes.ErrNoSpace
}

func through(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) { return do() }

// etcd answers NOSPACE to a transaction that it applied and to one that it did not; the Event tells which.
func TestNoSpace(t *testing.T) {
	refusals := slices.Repeat([]fault{noSpace}, 1000)
	for _, c := range []struct {
		name   string
		faults []fault
		runs   int
		kind   directory.Kind // 0: the User is created
	}{
		{"applied", []fault{appliedNoSpace}, 1, 0},
		{"applied, read at the third attempt", []fault{appliedNoSpace, lost, appliedUnheard}, 1, 0},
		{"not applied", []fault{noSpace}, 1, directory.Full},
		{"not applied, read at the second attempt", []fault{noSpace, lost}, 1, directory.Full},
		{"unheard, the fence not put", []fault{appliedUnheard, noSpace}, 1, 0},
		{"unheard, the fence not put, read at the second attempt", []fault{appliedUnheard, noSpace, lost, noSpace}, 1,
			0},
		{"unheard, the fence never put", append([]fault{appliedUnheard, noSpace, through}, refusals...), 1, 0},
		{"lost, the fence not put at first", []fault{lost, noSpace}, 2, 0},
		{"lost, the fence put", []fault{lost, appliedNoSpace}, 2, 0},
		{"lost, then not applied", []fault{lost, through, noSpace}, 2, directory.Full},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, alone %v", c.name, alone), func(t *testing.T) {
				root := directorytest.Root()
				d, f := withFaults(t, directory.Options{Root: root, Alone: alone})
				f.will(c.faults...)
				runs := 0
				var u *directory.Resource
				_, err := d.Update(t.Context(), func(tx *directory.Tx) (err error) {
					runs++
					u, err = tx.Create("User", schema.Document{"userName": "ann"})
					return err
				})
				wantKind(t, err, c.kind)
				var want []string
				if c.kind == 0 {
					want = []string{u.ID.String()}
				}
				for _, d := range []*directory.Directory{d, openRoot(t, root)} {
					if got := find(t, d, "User", `userName eq "ann"`); !slices.Equal(got, want) || runs != c.runs {
						t.Errorf("found %v after %d runs, want %v after %d", got, runs, want, c.runs)
					}
					events, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 10})
					if err != nil || events.Total != len(want) {
						t.Errorf("%d Events, want %d: %v", events.Total, len(want), err)
					}
				}
			})
		}
	}
}

// openRoot is the organization "default" of another node.
func openRoot(t *testing.T, root string) *directory.Directory {
	return directorytest.Open(t, directorytest.NewClient(t), directory.Options{Root: root}).Organization("default")
}

// In a packed transaction that was answered NOSPACE each part is settled by itself: what lost a race runs again.
func TestPackedNoSpace(t *testing.T) {
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", applied), func(t *testing.T) {
			root := directorytest.Root()
			d, f := withFaults(t, directory.Options{Root: root})
			other := openRoot(t, root)
			f.will(func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
				createUser(t, other, "b")
				if !applied {
					return noSpace(do)
				}
				return appliedNoSpace(do)
			})
			var changes []func(*directory.Tx) error
			for _, n := range []string{"a", "b", "c"} {
				changes = append(changes, func(tx *directory.Tx) error {
					_, err := tx.Create("User", schema.Document{"userName": n})
					return err
				})
			}
			want, users := []directory.Kind{directory.Full, directory.Full, directory.Full}, 1
			if applied {
				want, users = []directory.Kind{0, directory.Exists, 0}, 3
			}
			for i, err := range d.UpdateEach(t.Context(), changes) {
				if directory.KindOf(err) != want[i] || (err == nil) != (want[i] == 0) {
					t.Errorf("change %d: %v, want %q", i, err, want[i])
				}
			}
			if got := find(t, d, "User", `userName pr`); len(got) != users {
				t.Errorf("%d users, want %d", len(got), users)
			}
		})
	}
}

// Where nothing tells whether a change happened, its caller hears that.
func TestNoSpaceOutcomeUnknown(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the search for the outcome is given up")
	}
	refused := []fault{lost} // the change may still come, and no fence can be put
	for range 1000 {
		refused = append(refused, noSpace, through)
	}
	for name, c := range map[string]struct {
		faults []fault
		down   bool
	}{
		"answered NOSPACE, no answer to the reading": {[]fault{appliedNoSpace}, true},
		"not answered, no fence possible":            {refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := withFaults(t, directory.Options{Alone: true})
			last := c.faults[0]
			f.will(append([]fault{func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
				f.down.Store(c.down)
				return last(do)
			}}, c.faults[1:]...)...)
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "ann"})
				return err
			})
			wantKind(t, err, directory.Unavailable)
			if !strings.Contains(err.Error(), "outcome unknown") {
				t.Errorf("the error does not say that the outcome is unknown: %v", err)
			}
		})
	}
}

// Many create large Users until well after etcd's quota is used up: what was answered Full is nowhere, and what was
// answered well is everywhere.
func TestFullMeansNotDone(t *testing.T) {
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprintf("alone %v", alone), func(t *testing.T) {
			e, err := embedded.StartSmall(t.Context(), t.TempDir(), 24<<20)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			o := directory.Options{Root: "/small", Alone: alone}
			s := directorytest.Open(t, e.Client, o)
			done, full := fill(t, s.Organization("default"))
			if len(done) == 0 || len(full) == 0 {
				t.Fatalf("%d done, %d answered Full", len(done), len(full))
			}
			wantReloaded(t, s, e.Client)
			wantUsers(t, "this node", namesOf(t, s), done, full)
			wantUsers(t, "etcd", stored(t, e.Client, append(slices.Clone(done), full...)), done, full)
			s.Close()
			wantUsers(t, "a node started anew", namesOf(t, directorytest.Open(t, e.NewClient(), o)), done, full)
		})
	}
}

// fill creates Users of 100 KB from many sides until each has been answered Full several times. It returns the names
// of those that were created and of those that were answered Full.
func fill(t *testing.T, d *directory.Directory) (done, full []string) {
	t.Helper()
	const writers, refusals, most = 24, 5, 200
	var mu sync.Mutex
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			refused := 0
			for n := 0; refused < refusals; n++ {
				if n == most {
					t.Errorf("the quota is not used up after %d Users of one of %d writers", most, writers)
					return
				}
				name := fmt.Sprintf("user-%d-%d", w, n)
				_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
					_, err := tx.Create("User", schema.Document{"userName": name, "title": strings.Repeat("x",
						100<<10)})
					return err
				})
				mu.Lock()
				switch {
				case err == nil:
					done = append(done, name)
				case directory.KindOf(err) == directory.Full:
					full = append(full, name)
					refused++
				default:
					t.Errorf("%s: %v", name, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return done, full
}

// namesOf are the userNames in the store's organization "default".
func namesOf(t *testing.T, s *directory.Store) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for r := range snapshot(t, s.Organization("default")).All("User") {
		names[r.Text("userName")] = true
	}
	return names
}

// stored are those of the names that some value in etcd holds.
func stored(t *testing.T, c *clientv3.Client, names []string) map[string]bool {
	t.Helper()
	resp, err := c.Get(t.Context(), "/small", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, kv := range resp.Kvs {
		for _, n := range names {
			if bytes.Contains(kv.Value, []byte(`"`+n+`"`)) {
				found[n] = true
			}
		}
	}
	return found
}

func wantUsers(t *testing.T, where string, got map[string]bool, done, full []string) {
	t.Helper()
	missing := slices.DeleteFunc(slices.Clone(done), func(n string) bool { return got[n] })
	extra := slices.DeleteFunc(slices.Clone(full), func(n string) bool { return !got[n] })
	if len(missing) > 0 || len(extra) > 0 {
		t.Errorf("%s: of %d that were created %d are missing: %v; of %d that were answered Full %d are there: %v",
			where, len(done), len(missing), missing, len(full), len(extra), extra)
	}
}
