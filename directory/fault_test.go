package directory_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// faulty stands between a store and its etcd and decides what becomes of each write.
type faulty struct {
	clientv3.KV
	mu   sync.Mutex
	next []fault // for the transactions to come; then everything goes through
	down atomic.Bool
}

type fault func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error)

var errTimeout = errors.New("etcdserver: request timed out")

func (f *faulty) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if f.down.Load() {
		return clientv3.OpResponse{}, errTimeout
	}
	do := func() (clientv3.OpResponse, error) { return f.KV.Do(context.WithoutCancel(ctx), op) }
	f.mu.Lock()
	if len(f.next) == 0 {
		f.mu.Unlock()
		return do()
	}
	now := f.next[0]
	f.next = f.next[1:]
	f.mu.Unlock()
	return now(do)
}

func (f *faulty) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if f.down.Load() {
		return nil, errTimeout
	}
	return f.KV.Get(ctx, key, opts...)
}

func (f *faulty) will(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = faults
}

func lost(func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
	return clientv3.OpResponse{}, errTimeout
}

func appliedUnheard(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
	if _, err := do(); err != nil {
		return clientv3.OpResponse{}, err
	}
	return clientv3.OpResponse{}, errTimeout
}

func withFaults(t *testing.T, o directory.Options) (*directory.Directory, *faulty) {
	c := directorytest.NewClient(t)
	f := &faulty{KV: c.KV}
	c.KV = f
	if o.Root == "" {
		o.Root = directorytest.Root()
	}
	return directorytest.Open(t, c, o).Organization("default"), f
}

// A transaction that timed out and was applied all the same is found by its Event and not done twice.
func TestTimedOutButApplied(t *testing.T) {
	d, f := withFaults(t, directory.Options{})
	f.will(appliedUnheard)
	runs := 0
	var u *directory.Resource
	update(t, d, func(tx *directory.Tx) (err error) {
		runs++
		u, err = tx.Create("User", schema.Document{"userName": "ann"})
		return err
	})
	if got := find(t, d, "User",
		`userName eq "ann"`); len(got) != 1 || got[0] != u.ID.String() || runs != 1 || u.Version == 0 {
		t.Fatalf("found %v after %d runs, version %v", got, runs, u.Version)
	}
}

// A transaction that timed out and would be applied later is fenced off: the change runs again, and the late one does
// nothing.
func TestTimedOutAndLate(t *testing.T) {
	d, f := withFaults(t, directory.Options{})
	var late func() (clientv3.OpResponse, error)
	f.will(func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
		late = do
		return clientv3.OpResponse{}, errTimeout
	})
	var ids []directory.ID
	update(t, d, func(tx *directory.Tx) error {
		u, err := tx.Create("User", schema.Document{"userName": "ann"})
		if err == nil {
			ids = append(ids, u.ID)
		}
		return err
	})
	resp, err := late()
	if err != nil || resp.Txn().Succeeded {
		t.Fatalf("the late transaction took effect: %+v, %v", resp, err)
	}
	if got := find(t, d, "User", `userName eq "ann"`); len(ids) != 2 || len(got) != 1 || got[0] != ids[1].String() {
		t.Fatalf("runs made %v, found %v", ids, got)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 10})
	if err != nil || page.Total != 1 {
		t.Fatalf("a cancelled Event is shown: %d, %v", page.Total, err)
	}
}

// The fence itself may time out and be applied; either of the two then decides, once and for all.
func TestFenceTimesOutToo(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []fault
		runs   int
	}{
		{"neither applied at first", []fault{lost, lost, lost}, 2},
		{"lost, the fence applied unheard", []fault{lost, appliedUnheard}, 2},
		{"applied unheard, the fence lost", []fault{appliedUnheard, lost}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, f := withFaults(t, directory.Options{})
			f.will(c.faults...)
			runs := 0
			update(t, d, func(tx *directory.Tx) error {
				runs++
				_, err := tx.Create("User", schema.Document{"userName": "ann"})
				return err
			})
			if got := find(t, d, "User", `userName pr`); len(got) != 1 || runs != c.runs {
				t.Fatalf("%d users after %d runs, want 1 after %d", len(got), runs, c.runs)
			}
		})
	}
}

// In a packed transaction each part has its own fence.
func TestPackedTimesOut(t *testing.T) {
	for name, fault := range map[string]fault{"lost": lost, "applied unheard": appliedUnheard} {
		t.Run(name, func(t *testing.T) {
			d, f := withFaults(t, directory.Options{})
			createUser(t, d, "b")
			f.will(fault)
			var changes []func(*directory.Tx) error
			for _, n := range []string{"a", "b", "c"} {
				changes = append(changes, func(tx *directory.Tx) error {
					_, err := tx.Create("User", schema.Document{"userName": n})
					return err
				})
			}
			errs := d.UpdateEach(t.Context(), changes)
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("errors %v", errs)
			}
			wantKind(t, errs[1], directory.Exists)
			if got := find(t, d, "User", `userName pr`); len(got) != 3 {
				t.Errorf("%d users, want 3", len(got))
			}
		})
	}
}

// While etcd does not answer at all the outcome is unknown and said to be; when it answers again everything goes on.
func TestStoreIsDown(t *testing.T) {
	d, f := withFaults(t, directory.Options{})
	u := createUser(t, d, "ann")
	f.down.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := d.Snapshot(ctx)
	wantKind(t, err, directory.Unavailable)
	_, err = d.Update(ctx, modify("User", u.ID, schema.Document{"title": "x"}))
	wantKind(t, err, directory.Unavailable)
	f.down.Store(false)
	update(t, d, modify("User", u.ID, schema.Document{"title": "y"}))
}

func TestOutcomeUnknown(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the search for the outcome is given up")
	}
	d, f := withFaults(t, directory.Options{Alone: true})
	u := createUser(t, d, "ann")
	f.down.Store(true)
	_, err := d.Update(t.Context(), modify("User", u.ID, schema.Document{"title": "x"}))
	wantKind(t, err, directory.Unavailable)
	if !strings.Contains(err.Error(), "outcome unknown") {
		t.Errorf("the error does not say that the outcome is unknown: %v", err)
	}
}

func TestStaleReads(t *testing.T) {
	d, f := withFaults(t, directory.Options{StaleReads: true})
	u := createUser(t, d, "ann")
	f.down.Store(true)
	if _, err := snapshot(t, d).Get("User", u.ID); err != nil {
		t.Fatalf("without quorum: %v", err)
	}
}
