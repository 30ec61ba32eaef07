package directory_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

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

// A sweep costs as much as happens, not as many organizations as there are; within an hour it has looked at each.
func TestSweepInProportion(t *testing.T) {
	c := directorytest.NewClient(t)
	counted := &reads{KV: c.KV}
	c.KV = counted
	s := directorytest.Open(t, c, directory.Options{Root: directorytest.Root(), Alone: true})
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
	next := directory.Sweeps(s)
	sweep := func() int64 {
		before := counted.n.Load()
		if err := next(t.Context()); err != nil {
			t.Fatal(err)
		}
		return counted.n.Load() - before
	}
	first := sweep()
	idle := min(sweep(), sweep()) // the store's own sweep may run beside one of them
	create(t, s.Organization("org-7"), "User", schema.Document{"userName": "ada"})
	busy := min(sweep(), sweep())
	hour := idle + busy
	for range 56 {
		hour += sweep()
	}
	each := first / organizations
	t.Logf("first %d, idle %d, busy %d, an hour %d", first, idle, busy, hour)
	if idle > first/4 || busy > first/4 {
		t.Errorf("120 organizations: the first sweep reads %d times, an idle one %d, one after a change %d", first, idle, busy)
	}
	if hour < first-6*each || hour > 4*first {
		t.Errorf("an hour of sweeps reads %d times, one full sweep %d", hour, first)
	}
}
