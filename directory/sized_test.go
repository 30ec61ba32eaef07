package directory_test

import (
	"context"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
)

// sized is an etcd of which a test says how full it is, as often as a store looks.
type sized struct {
	clientv3.Maintenance
	told atomic.Pointer[size]
}

type size struct {
	percent int64 // of the quota, in the file and in use
	alarm   bool
}

// openSized opens a store, on a root of its own unless the options have one, on such an etcd. It has room at first.
func openSized(t *testing.T, o directory.Options) (*directory.Store, *sized) {
	t.Helper()
	c := directorytest.NewClient(t)
	etcd := &sized{Maintenance: c.Maintenance}
	etcd.told.Store(&size{})
	c.Maintenance = etcd
	if o.Root == "" {
		o.Root = directorytest.Root()
	}
	return directorytest.Open(t, c, o), etcd
}

// tells has the store look at how full its etcd is now.
func (s *sized) tells(t *testing.T, look *directory.Store, percent int64, alarm bool) {
	t.Helper()
	s.told.Store(&size{percent, alarm})
	if err := directory.Look(t.Context(), look); err != nil {
		t.Fatal(err)
	}
}

func (s *sized) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	st, err := s.Maintenance.Status(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	const quota = 1 << 30
	now := s.told.Load()
	st.DbSizeQuota, st.DbSize, st.DbSizeInUse = quota, quota/100*now.percent, quota/100*now.percent
	if st.Errors = nil; now.alarm {
		st.Errors = []string{"memberID:1 alarm:NOSPACE "}
	}
	return st, nil
}
