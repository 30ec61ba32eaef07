package directory_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// watchful counts what is asked of etcd while a change runs.
type watchful struct {
	clientv3.KV
	running atomic.Bool // a change is running
	asked   atomic.Int64
	looked  atomic.Int64 // for the key "complete": once at the start, and at last when the store has swept
}

func (w *watchful) count() {
	if w.running.Load() {
		w.asked.Add(1)
	}
}

func (w *watchful) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	w.count()
	resp, err := w.KV.Get(ctx, key, opts...)
	if strings.HasSuffix(key, "/complete") {
		w.looked.Add(1)
	}
	return resp, err
}

func (w *watchful) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	w.count()
	return w.KV.Do(ctx, op)
}

func (w *watchful) Txn(ctx context.Context) clientv3.Txn {
	w.count()
	return w.KV.Txn(ctx)
}

// A change asks etcd for nothing, however often it runs and whatever is known to etcd alone: what it could not know is
// in the answer to the commit that failed.
func TestAChangeAsksNothing(t *testing.T) {
	use := func(tx *directory.Tx) error { return tx.UseOnce("assertion", "a1", tx.Now().Add(time.Hour)) }
	for name, c := range map[string]struct {
		prepare func(*testing.T, *directory.Directory)
		change  func(*directory.Tx) error
		pending bool // a definition is pending that makes badge numbers unique
	}{
		"an ID was used before": {
			prepare: func(t *testing.T, d *directory.Directory) { update(t, d, use) },
			change:  use,
		},
		"a value is becoming unique": {
			prepare: func(t *testing.T, d *directory.Directory) {},
			change: func(tx *directory.Tx) error {
				_, err := tx.Create("User", badge("bob", "7"))
				return err
			},
			pending: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := directorytest.Root()
			client := directorytest.NewClient(t)
			w := &watchful{KV: client.KV}
			client.KV = w
			d := directorytest.Open(t, client, directory.Options{Root: root, Alone: true}).Organization("default")
			eventually(t, "the store has swept and asks for nothing by itself", func() bool { return w.looked.Load() == 2 })
			if c.pending {
				def := badges(d, t, attribute("number", "string"))
				create(t, d, "User", badge("ann", "7"))
				release := pendingUnique(t, d, def)
				defer release()
			}
			c.prepare(t, d)
			runs := 0
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				runs++
				w.running.Store(true)
				defer w.running.Store(false)
				return c.change(tx)
			})
			wantKind(t, err, directory.Exists)
			if runs != 2 || w.asked.Load() != 0 {
				t.Errorf("the change ran %d times and asked etcd %d times, want 2 and 0", runs, w.asked.Load())
			}
		})
	}
}

// In a packed transaction every part hears for itself what was there.
func TestUsedOnceInABatch(t *testing.T) {
	d := home(t)
	use := func(id string) func(*directory.Tx) error {
		return func(tx *directory.Tx) error { return tx.UseOnce("assertion", id, tx.Now().Add(time.Hour)) }
	}
	update(t, d, use("b"))
	errs := d.UpdateEach(t.Context(), []func(*directory.Tx) error{use("a"), use("b"), use("c")})
	for i, want := range []directory.Kind{0, directory.Exists, 0} {
		if directory.KindOf(errs[i]) != want || (errs[i] == nil) != (want == 0) {
			t.Errorf("change %d: %v, want %q", i, errs[i], want)
		}
	}
}

// pendingUnique changes a definition so that the badge's number becomes unique, as far as pendingChange.
func pendingUnique(t *testing.T, d *directory.Directory, def *directory.Resource) (release func()) {
	return pendingChange(t, d, modify("SchemaDefinition", def.ID,
		schema.Document{"attributes": []any{attribute("number", "string", "uniqueness", "server")}}))
}

// pendingChange changes definitions and stops when all is checked and every value that becomes unique has its key,
// before the change takes effect. release lets it go on.
func pendingChange(t *testing.T, d *directory.Directory, change func(*directory.Tx) error) (release func()) {
	checked, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		runs := 0
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			if runs++; runs == 2 { // the first run is announced, the second one takes effect
				close(checked)
				<-goOn
			}
			return change(tx)
		})
		done <- err
	}()
	select {
	case <-checked:
	case err := <-done:
		t.Fatalf("the definition was not changed: %v", err)
	}
	return func() {
		close(goOn)
		if err := <-done; err != nil {
			t.Errorf("the definition was not changed: %v", err)
		}
	}
}
