package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
)

// An etcd that accepts no more puts can be opened all the same: how else would anybody clean up?
func TestOpensWithoutSpace(t *testing.T) {
	e, err := embedded.StartSmall(t.Context(), t.TempDir(), 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	o := directory.Options{Root: "/small"}
	s := directorytest.Open(t, e.Client, o)
	u := createUser(t, s.Organization("default"), "ann")
	s.Close()
	for n := 0; err == nil; n++ {
		if n == 50 {
			t.Fatal("the quota is not used up")
		}
		_, err = e.Client.Put(t.Context(), fmt.Sprint("/filler/", n), strings.Repeat("x", 1<<20))
	}
	d := directorytest.Open(t, e.Client, o).Organization("default")
	if got := find(t, d, "User", `userName eq "ann"`); len(got) != 1 || got[0] != u.ID.String() {
		t.Errorf("found %v", got)
	}
}

// late lets somebody else write before its first transaction.
type late struct {
	clientv3.KV
	once  sync.Once
	other func()
}

func (l *late) Txn(ctx context.Context) clientv3.Txn {
	l.once.Do(l.other)
	return l.KV.Txn(ctx)
}

// Of two nodes that find the store empty one prepares it; the other takes what is there.
func TestTwoNodesPrepare(t *testing.T) {
	for _, sameKey := range []bool{true, false} {
		t.Run(fmt.Sprintf("same key %v", sameKey), func(t *testing.T) {
			o := directory.Options{Root: directorytest.Root(), SecretKey: []byte("a secret key of exactly 32 bytes")}
			c := directorytest.NewClient(t)
			first := o
			if !sameKey {
				first.SecretKey = []byte("another secret key of these sizes")[:32]
			}
			var s *directory.Store
			c.KV = &late{KV: c.KV, other: func() { s = directorytest.Open(t, directorytest.NewClient(t), first) }}
			second, err := directory.Open(t.Context(), c, o)
			if !sameKey {
				if err == nil || !strings.Contains(err.Error(), "secret key") {
					t.Errorf("opened under another key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { second.Close() })
			createUser(t, s.Organization("default"), "ann")
			if got := find(t, second.Organization("default"), "User", `userName pr`); len(got) != 1 {
				t.Errorf("%d users in the organization of both, want 1", len(got))
			}
		})
	}
}
