package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// counting counts the keys that a store reads from its etcd.
type counting struct {
	clientv3.KV
	read atomic.Int64
}

func (c *counting) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	r, err := c.KV.Get(ctx, key, opts...)
	if err == nil {
		c.read.Add(int64(len(r.Kvs)))
	}
	return r, err
}

func (c *counting) Txn(ctx context.Context) clientv3.Txn { return countingTxn{c.KV.Txn(ctx), c} }

type countingTxn struct {
	clientv3.Txn
	c *counting
}

func (t countingTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	return countingTxn{t.Txn.Then(ops...), t.c}
}

func (t countingTxn) Commit() (*clientv3.TxnResponse, error) {
	r, err := t.Txn.Commit()
	if err == nil {
		for _, one := range r.Responses {
			t.c.read.Add(int64(len(one.GetResponseRange().GetKvs())))
		}
	}
	return r, err
}

// A number is found by its key, however many SignIns there are; so is what earlier versions recorded without one, by
// reading the log. What the numbers take goes with the SignIns.
func TestNumbersAreFound(t *testing.T) {
	c := directorytest.NewClient(t)
	count := &counting{KV: c.KV}
	c.KV = count
	now := time.Now().Add(-20 * 24 * time.Hour)
	root := directorytest.Root()
	s := directorytest.Open(t, c, directory.Options{Root: root, Now: func() time.Time { return now }})
	d := s.Organization("default")
	record := func(numbers ...string) {
		t.Helper()
		for some := range slices.Chunk(numbers, 50) {
			if _, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				for _, number := range some {
					if _, err := tx.RecordSignIn(schema.Document{"outcome": "refused", "correlationId": number}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	record("first", "twice")
	many := make([]string, 400)
	for i := range many {
		many[i] = fmt.Sprintf("%08x", i)
	}
	record(many...)
	now = now.Add(20 * 24 * time.Hour)
	record("twice", "last")
	at := connection(t, d)
	writeRings(t, s, unvouched(at, "192.0.2.0/24", "ringed"))

	// Beside the rings, a number costs the first SignIn, one key for each SignIn that has it, and that SignIn.
	for number, want := range map[string]int{"first": 1, "twice": 2, "last": 1, "00000007": 1, "ringed": 1} {
		before := count.read.Load()
		got := found(t, d, `correlationId eq "`+number+`"`)
		if len(got) != want || got[0] != number {
			t.Errorf("%s: %q", number, got)
		}
		if n := count.read.Load() - before; n > int64(2+2*want) {
			t.Errorf("%s: %d keys were read", number, n)
		}
	}
	for filter, want := range map[string]int{`correlationId eq "first" and outcome eq "refused"`: 1,
		`correlationId eq "first" and outcome eq "created"`: 0, `correlationId eq "FIRST"`: 0, `correlationId eq ""`: 0,
		`correlationId eq "first" or correlationId eq "last"`: 2, `not (correlationId eq "first")`: 404} {
		if got := found(t, d, filter); len(got) != want {
			t.Errorf("%s: %d are found", filter, len(got))
		}
	}

	// In a walk that sees its beginning, what comes later is not found.
	f, err := filter.Parse(`correlationId eq "twice"`, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: schema.SignInType, Filter: f, Limit: 1})
	if err != nil || page.Total != 2 || page.Resources[0].Text("at") < now.Add(-time.Hour).UTC().Format(time.RFC3339) {
		t.Errorf("the newest of two: %v %+v", err, page)
	}

	// Without its key, as an earlier version left it.
	numbers := keysWith(t, c, root, "/number/")
	if len(numbers) != 404 {
		t.Errorf("%d numbers", len(numbers))
	}
	for _, key := range numbers {
		if _, err := c.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if got := found(t, d, `correlationId eq "first"`); len(got) != 1 {
		t.Errorf("of an earlier version: %q", got)
	}

	// Numbers go with the day of the oldest SignIn.
	record("kept")
	now = now.Add(15 * 24 * time.Hour)
	record("later")
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(t, d, ""); len(got) != 5 {
		t.Fatalf("%d SignIns are left: %q", len(got), got)
	}
	if numbers := keysWith(t, c, root, "/number/"); len(numbers) != 2 {
		t.Errorf("%d numbers are left", len(numbers))
	}
	now = now.Add(60 * 24 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if numbers := keysWith(t, c, root, "/number/"); len(numbers) != 0 {
		t.Errorf("%d numbers are left in the end", len(numbers))
	}
}

// keysWith are the keys below the root that contain a text.
func keysWith(t *testing.T, c *clientv3.Client, root, text string) (keys []string) {
	t.Helper()
	r, err := c.Get(t.Context(), root, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range r.Kvs {
		if strings.Contains(string(kv.Key), text) {
			keys = append(keys, string(kv.Key))
		}
	}
	return keys
}
