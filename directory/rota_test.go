package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// reads counts what is read of etcd.
type reads struct {
	clientv3.KV
	n atomic.Int64
}

func (r *reads) Get(ctx context.Context, key string, o ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	r.n.Add(1)
	return r.KV.Get(ctx, key, o...)
}

func (r *reads) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	r.n.Add(1)
	return r.KV.Do(ctx, op)
}

// A sweep costs as much as there is to do, not as many organizations as there are: it looks at those in which something
// happened, whose retention changed, or where time has ended something.
func TestSweepInProportion(t *testing.T) {
	c := directorytest.NewClient(t)
	counted := &reads{KV: c.KV}
	c.KV = counted
	var later atomic.Int64
	s := directorytest.Open(t, c, directory.Options{Root: directorytest.Root(), Alone: true,
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	const organizations = 120
	var changes []func(*directory.Tx) error
	for i := range organizations {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("Organization", schema.Document{"name": fmt.Sprintf("org-%d", i)})
			return err
		})
	}
	if err := errors.Join(s.System().UpdateEach(t.Context(), changes)...); err != nil {
		t.Fatal(err)
	}
	for i := range organizations { // each keeps an Event
		create(t, s.Organization(fmt.Sprintf("org-%d", i)), "User", schema.Document{"userName": "ada"})
	}
	tight := create(t, s.System(), "Organization", schema.Document{"name": "tight"})
	next := directory.Sweeps(s)
	sweep := func() int64 {
		before := counted.n.Load()
		if err := next(t.Context()); err != nil {
			t.Fatal(err)
		}
		return counted.n.Load() - before
	}
	first := sweep()
	each := first / organizations
	idle := min(sweep(), sweep(), sweep()) // the store's own sweep may run beside one of them
	if idle > 3*each {
		t.Errorf("120 organizations: the first sweep reads %d times, an idle one %d", first, idle)
	}

	// Something happened in one; the retention of another one has changed.
	create(t, s.Organization("org-7"), "User", schema.Document{"userName": "grace"})
	if busy := sweep(); busy < idle+each/2 {
		t.Errorf("an idle sweep reads %d times, one after a change %d", idle, busy)
	}
	update(t, s.System(), func(tx *directory.Tx) error {
		o, err := tx.Get("Organization", tight.ID)
		if err != nil {
			return err
		}
		_, err = tx.Replace(o, schema.Document{"name": "tight", "retention": map[string]any{"days": json.Number("1")}})
		return err
	})
	if changed := sweep(); changed < idle+each/2 {
		t.Errorf("an idle sweep reads %d times, one after a change of retention %d", idle, changed)
	}

	// What is kept for 30 days is old; then there is nothing left that ends.
	later.Store(int64(31 * 24 * time.Hour))
	if old := sweep(); old < first/2 {
		t.Errorf("after 31 days a sweep reads %d times, the first one read %d", old, first)
	}
	if again := min(sweep(), sweep(), sweep()); again > 3*each {
		t.Errorf("after that, an idle sweep reads %d times", again)
	}
}
