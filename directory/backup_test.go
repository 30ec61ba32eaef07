package directory_test

import (
	"context"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
)

// replaceable is an etcd behind an address where another one can appear.
type replaceable struct {
	clientv3.Watcher
	clientv3.KV
	mu      sync.Mutex
	now     *clientv3.Client
	cluster uint64 // told instead of the etcd's own, unless 0
	streams []context.CancelFunc
}

func (r *replaceable) client() (*clientv3.Client, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.cluster
}

// become changes the etcd; streams to the one before end.
func (r *replaceable) become(c *clientv3.Client, cluster uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now, r.cluster = c, cluster
	for _, end := range r.streams {
		end()
	}
	r.streams = nil
}

func (r *replaceable) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	c, cluster := r.client()
	resp, err := c.KV.Get(ctx, key, opts...)
	if err == nil && cluster != 0 {
		resp.Header.ClusterId = cluster
	}
	return resp, err
}

func (r *replaceable) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	c, _ := r.client()
	return c.KV.Do(ctx, op)
}

func (r *replaceable) Txn(ctx context.Context) clientv3.Txn {
	c, _ := r.client()
	return c.KV.Txn(ctx)
}

func (r *replaceable) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams = append(r.streams, cancel)
	from, cluster := r.now.Watcher.Watch(ctx, key, opts...), r.cluster
	to := make(chan clientv3.WatchResponse)
	go func() {
		defer close(to)
		for resp := range from {
			if cluster != 0 {
				resp.Header.ClusterId = cluster
			}
			select {
			case to <- resp:
			case <-ctx.Done():
				return
			}
		}
	}()
	return to
}

func (r *replaceable) RequestProgress(ctx context.Context) error {
	c, _ := r.client()
	return c.Watcher.RequestProgress(ctx)
}

func openReplaceable(t *testing.T, root string, etcd *replaceable) *directory.Directory {
	etcd.now = directorytest.NewClient(t)
	c := directorytest.NewClient(t)
	c.KV, c.Watcher = etcd, etcd
	return directorytest.Open(t, c, directory.Options{Root: root}).Organization("default")
}

// A store put back from a backup has a lower revision: what came after the backup is gone, here too, at the next read.
func TestBackupPutBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts another etcd")
	}
	root, etcd := directorytest.Root(), &replaceable{}
	for range 200 { // the other etcd is to stay behind
		if _, err := directorytest.Client(t).Put(t.Context(), root+"-filler", ""); err != nil {
			t.Fatal(err)
		}
	}
	d := openReplaceable(t, root, etcd)
	kept := createUser(t, d, "kept")
	backup, err := directorytest.Client(t).Get(t.Context(), root+"/", clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		t.Fatal(err)
	}
	lost := createUser(t, d, "lost")
	p, err := d.Pin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}

	other, err := embedded.StartUnsafe(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	for _, kv := range backup.Kvs {
		if _, err := other.Client.Put(t.Context(), string(kv.Key), string(kv.Value)); err != nil {
			t.Fatal(err)
		}
	}
	etcd.become(other.Client, 0)

	s := snapshot(t, d)
	if _, err := s.Get("User", kept.ID); err != nil {
		t.Errorf("what the backup holds: %v", err)
	}
	_, err = s.Get("User", lost.ID)
	wantKind(t, err, directory.NotFound)
	_, err = d.Pinned(t.Context(), p.ID)
	wantKind(t, err, directory.NotFound)
	createUser(t, d, "lost")
}

// Another cluster at the same address is another store, whatever its revision.
func TestAnotherCluster(t *testing.T) {
	root, etcd := directorytest.Root(), &replaceable{}
	d := openReplaceable(t, root, etcd)
	u := createUser(t, d, "u")
	p, err := d.Pin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	etcd.become(directorytest.NewClient(t), 4711)
	if _, err := snapshot(t, d).Get("User", u.ID); err != nil {
		t.Error(err)
	}
	_, err = d.Pinned(t.Context(), p.ID)
	wantKind(t, err, directory.NotFound)
}
