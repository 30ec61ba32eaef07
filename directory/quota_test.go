package directory_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

// defragmenting tells when the store has defragmented its etcd.
type defragmenting struct {
	clientv3.Maintenance
	done chan error
}

func (d *defragmenting) Defragment(ctx context.Context, endpoint string) (*clientv3.DefragmentResponse, error) {
	resp, err := d.Maintenance.Defragment(ctx, endpoint)
	d.done <- err
	return resp, err
}

func startEtcd(t *testing.T, dir string) *embedded.Etcd {
	t.Helper()
	e, err := embedded.StartUnsafe(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// fileSize is the size of etcd's file in bytes, and what of it is in use.
func fileSize(t *testing.T, c *clientv3.Client) (all, used int64) {
	t.Helper()
	st, err := c.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return st.DbSize, st.DbSizeInUse
}

// makeSparse writes 90 MiB, deletes it and compacts: etcd's file keeps its size.
func makeSparse(t *testing.T, c *clientv3.Client) {
	t.Helper()
	ctx, value := t.Context(), strings.Repeat("x", 1<<20)
	for i := range 90 {
		if _, err := c.Put(ctx, fmt.Sprintf("/filler/%d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := c.Delete(ctx, "/filler/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	// The pages are free once etcd has committed another batch, which takes a write.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := c.Put(ctx, "/filler", ""); err != nil {
			t.Fatal(err)
		}
		all, used := fileSize(t, c)
		if all >= 90<<20 && used <= 1<<20 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a file of %d bytes with %d in use is not what this test is about", all, used)
		}
	}
}

// A lone node gives the room of deleted data back, while it runs and at a start, and goes on working.
func TestDefragmentsEmbedded(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			dir := t.TempDir()
			e := startEtcd(t, dir)
			makeSparse(t, e.Client)
			if restart {
				e.Close()
				e = startEtcd(t, dir)
			}
			o := directory.Options{Root: "/defragmented", Alone: true}
			c := e.NewClient()
			told := &defragmenting{c.Maintenance, make(chan error, 1)}
			c.Maintenance = told
			s := directorytest.Open(t, c, o)
			d := s.Organization("default")
			u := createUser(t, d, "beside it")
			select {
			case err := <-told.done:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the store was not defragmented")
			}
			if all, _ := fileSize(t, e.Client); all > 1<<20 {
				t.Errorf("the file still has %d bytes", all)
			}
			update(t, d, modify("User", u.ID, schema.Document{"title": "afterwards"}))
			wantReloaded(t, s, e.Client)

			s.Close()
			e.Close()
			e = startEtcd(t, dir)
			t.Cleanup(e.Close)
			if all, _ := fileSize(t, e.Client); all > 1<<20 {
				t.Errorf("after the restart the file has %d bytes", all)
			}
			d = directorytest.Open(t, e.Client, o).Organization("default")
			if got := find(t, d, "User", `title eq "afterwards"`); len(got) != 1 || got[0] != u.ID.String() {
				t.Errorf("after the restart: %v", got)
			}
		})
	}
}

// wantReloaded checks that the store holds in memory what is stored.
func wantReloaded(t *testing.T, s *directory.Store, c *clientv3.Client) {
	t.Helper()
	live, loaded, err := directory.DumpReloaded(t.Context(), s, c)
	if err != nil || live != loaded {
		t.Errorf("in memory:\n%s\nloaded anew:\n%s\n%v", live, loaded, err)
	}
}
