package directory_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// history makes random changes of every kind; refused ones are part of it.
type history struct {
	*rand.Rand
	users, groups, connections []directory.ID
}

func pick[T any](r *rand.Rand, list []T) T {
	if len(list) == 0 {
		var zero T
		return zero
	}
	return list[r.IntN(len(list))]
}

func (h *history) step(tx *directory.Tx) error {
	some := func() []directory.ID {
		var ids []directory.ID
		for range 1 + h.IntN(4) {
			if h.IntN(6) == 0 {
				ids = append(ids, pick(h.Rand, h.groups))
			} else {
				ids = append(ids, pick(h.Rand, h.users))
			}
		}
		return ids
	}
	name := fmt.Sprintf("n%d", h.IntN(12))
	user, group := pick(h.Rand, h.users), pick(h.Rand, h.groups)
	switch h.IntN(16) {
	case 0, 1, 2:
		r, err := tx.Create("User", schema.Document{"userName": name,
			"emails": []any{map[string]any{"value": name + "@x", "type": "work"}}})
		if err == nil {
			h.users = append(h.users, r.ID)
		}
		return err
	case 3:
		r, err := tx.Create("Group", schema.Document{"displayName": name})
		if err == nil {
			h.groups = append(h.groups, r.ID)
		}
		return err
	case 4:
		return modify("User", user, schema.Document{"userName": name, "active": h.IntN(3) > 0})(tx)
	case 5:
		return modify("Group", group, schema.Document{"displayName": name})(tx)
	case 6:
		return remove("User", user)(tx)
	case 7:
		if h.IntN(3) > 0 {
			return nil
		}
		return remove("Group", group)(tx)
	case 8, 9:
		return add(group, some()...)(tx)
	case 10:
		return take(group, some()...)(tx)
	case 11:
		return set(group, some()...)(tx)
	case 12:
		if len(h.connections) > 2 && h.IntN(2) == 0 {
			return remove("IdentityProvider", pick(h.Rand, h.connections))(tx)
		}
		r, err := tx.Create("IdentityProvider", schema.Document{"displayName": name})
		if err == nil {
			h.connections = append(h.connections, r.ID)
			tx.PutSecret(r.ID, "key", []byte(name))
		}
		return err
	case 13:
		tx.GrantBy(pick(h.Rand, h.connections))
		if h.IntN(2) == 0 {
			return add(group, user)(tx)
		}
		return take(group, user)(tx)
	case 14:
		tx.PutLink(directory.Link{Connection: pick(h.Rand, h.connections), User: user, NameID: name})
		return nil
	default:
		if h.IntN(3) == 0 {
			return tx.EndSessions(user)
		}
		_, err := tx.CreateSession(user, pick(h.Rand, h.connections), tx.Now().AddDate(0, 0, 1))
		return err
	}
}

// After every step of a random history the replica is what a reload from etcd would give, on the node that wrote and on
// one that only watches.
func TestReplicaEqualsReload(t *testing.T) {
	steps := 400
	if testing.Short() {
		steps = 80
	}
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone=%v", alone), func(t *testing.T) {
			root := directorytest.Root()
			s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, Alone: alone})
			other := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
			d := s.Organization("default")
			h := &history{Rand: rand.New(rand.NewPCG(7, 11))}
			refused, restored := 0, 0
			for i := range steps {
				if _, err := d.Update(t.Context(), h.step); err != nil {
					refused++
				}
				if i%7 == 6 {
					if _, _, err := d.Restore(t.Context(), pick(h.Rand, h.users)); err == nil {
						restored++
					}
				}
				if i%50 == 49 {
					if err := s.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if i%5 != 4 {
					continue
				}
				for who, n := range []*directory.Store{s, other} {
					live, loaded, err := directory.DumpReloaded(t.Context(), n, directorytest.Client(t))
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(live, "not known to be") {
						t.Fatalf("node %d after step %d: %s", who, i, live)
					}
					if live != loaded {
						t.Fatalf("node %d after step %d:\n--- live\n%s--- loaded\n%s", who, i, live, loaded)
					}
				}
			}
			t.Logf("%d steps, %d refused, %d Users restored", steps, refused, restored)
			if restored == 0 {
				t.Error("no User was restored")
			}
			if refused == 0 || refused > steps*3/4 {
				t.Errorf("%d of %d steps were refused", refused, steps)
			}
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := directory.Orphans(s); n != 0 {
				t.Errorf("the sweeper left %d grants behind", n)
			}
		})
	}
}
