package directory_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

// An embedded etcd tells its disk's state to the store.
var _ directory.Disk = (*embedded.Etcd)(nil)

// disk is one that fills or fails when a test wants it to.
type disk struct{ now atomic.Pointer[condition] }

// condition is what a disk tells.
type condition struct{ room, failed error }

func (d *disk) Room() error   { return d.now.Load().room }
func (d *disk) Failed() error { return d.now.Load().failed }

// What is still possible on a disk that is nearly full, and on one that has failed.
func TestDisk(t *testing.T) {
	for _, c := range []struct {
		name           string
		disk           condition
		create, remove directory.Kind
		says           string
	}{
		{"sound", condition{}, 0, 0, ""},
		{"nearly full", condition{room: errors.New("1 MiB is free")}, directory.Full, 0, "1 MiB is free: only what takes away"},
		{"failed", condition{failed: errors.New("EIO"), room: errors.New("0 MiB are free")}, directory.Unavailable,
			directory.Unavailable, "disk has failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			under := &disk{}
			under.now.Store(&condition{})
			s := directorytest.Open(t, directorytest.Client(t),
				directory.Options{Root: directorytest.Root(), Alone: true, Disk: under})
			d := s.Organization("default")
			u := createUser(t, d, "ann")
			under.now.Store(&c.disk)

			if got := find(t, d, "User", `userName eq "ann"`); len(got) != 1 {
				t.Errorf("found %v", got)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("not ready: %v", err)
			}
			err := s.Writable()
			wantKind(t, err, c.create)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			_, err = d.Update(t.Context(), func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "bob"})
				return err
			})
			wantKind(t, err, c.create)
			wantKind(t, d.WriteNote(t.Context(), "kind", u.ID, nil), c.create)
			_, err = d.Pin(t.Context(), nil)
			wantKind(t, err, c.create)
			_, err = d.Update(t.Context(), func(tx *directory.Tx) error {
				r, err := tx.Get("User", u.ID)
				if err != nil {
					return err
				}
				return tx.Delete(r)
			})
			wantKind(t, err, c.remove)
		})
	}
}

// A change that was under way when the disk failed is not waited for: the etcd answers nobody any more.
func TestDiskFailsUnderWay(t *testing.T) {
	under := &disk{}
	under.now.Store(&condition{})
	d, f := withFaults(t, directory.Options{Alone: true, Disk: under})
	asked := 0
	f.will(func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
		under.now.Store(&condition{failed: errors.New("EIO")})
		return lost(do)
	}, func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
		asked++
		return lost(do)
	})
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "bob"})
		return err
	})
	wantKind(t, err, directory.Unavailable)
	if err == nil || !strings.Contains(err.Error(), "disk has failed; outcome unknown") || asked > 0 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
