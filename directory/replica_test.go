package directory

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/btree"
)

func userEntry(k keyspace, org, id ID, doc string) entry {
	r := record{Resource: Resource{Type: userType, ID: id, JSON: []byte(doc)}}
	return entry{key: k.org(org).resource(userType, id), value: r.encode()}
}

// Own commits that come before their turn wait until the gap closes, from whichever side.
func TestGapInRevisions(t *testing.T) {
	k, org := newKeyspace("/t"), NewID()
	a, b, c := NewID(), NewID(), NewID()
	r := newReplica(k)
	var order []int64
	r.onApply = func(rev int64) { order = append(order, rev) }
	s := newState()
	s.revision = 10
	r.reset(s)
	visible := func(id ID) bool {
		f, err := r.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return f.scope(scope{org: org}).get(id) != nil
	}
	r.committed(13, []entry{userEntry(k, org, c, `{"userName":"c"}`)})
	r.committed(12, []entry{userEntry(k, org, b, `{"userName":"b"}`)})
	if visible(b) || visible(c) || r.applied.Load() != 10 {
		t.Fatal("a commit was applied before its turn")
	}
	waited := make(chan error, 1)
	go func() { waited <- r.wait(context.Background(), 13) }()
	<-r.waiting
	if err := r.watched([]revision{{11, []entry{userEntry(k, org, a, `{"userName":"a"}`)}}}, 11); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil || !visible(a) || !visible(b) || !visible(c) {
		t.Fatalf("after the gap closed: %v", err)
	}
	// The watch delivers them too: nothing is applied twice.
	r.watched([]revision{{12, nil}, {13, nil}, {14, nil}}, 14)
	if want := []int64{11, 12, 13, 14}; len(order) != 4 || order[0] != want[0] || order[3] != want[3] {
		t.Fatalf("applied in the order %v", order)
	}
	// Progress closes a gap in which nothing of ours was written.
	r.committed(17, []entry{{key: k.org(org).resource(userType, a), deleted: true}})
	r.watched(nil, 16)
	if r.applied.Load() != 17 || visible(a) {
		t.Fatalf("progress did not close the gap: at %d", r.applied.Load())
	}
}

// A snapshot is of one revision for ever, whatever is applied while it is read.
func TestSnapshotsUnderWrites(t *testing.T) {
	k, org := newKeyspace("/t"), NewID()
	r := newReplica(k)
	r.reset(newState())
	ids := []ID{NewID(), NewID()}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				f, err := r.snapshot()
				if err != nil {
					t.Error(err)
					return
				}
				sc := f.scope(scope{org: org})
				x, y := sc.get(ids[0]), sc.get(ids[1])
				if (x == nil) != (y == nil) || x != nil && (string(x.JSON) != string(y.JSON) || x.Version != y.Version) {
					t.Errorf("a snapshot mixes revisions: %v, %v", x, y)
					return
				}
			}
		})
	}
	for rev := range int64(2000) {
		doc := `{"userName":"` + Version(rev).String() + `"}`
		r.committed(rev+1, []entry{userEntry(k, org, ids[0], doc), userEntry(k, org, ids[1], doc)})
	}
	close(stop)
	wg.Wait()
}

// One quorum read serves those who waited before it was sent; who comes while it is in flight gets the next.
func TestQuorumReadsAreShared(t *testing.T) {
	type read struct{ answer chan int64 }
	sent := make(chan read)
	q := &quorum{read: func(context.Context) (int64, error) {
		r := read{make(chan int64)}
		sent <- r
		return <-r.answer, nil
	}}
	ask := func(ctx context.Context) chan int64 {
		joined, got := make(chan struct{}), make(chan int64, 1)
		go func() {
			close(joined)
			rev, err := q.revision(ctx)
			if err != nil && (KindOf(err) != Unavailable || !errors.Is(err, context.Canceled)) {
				t.Error(err)
			}
			got <- rev
		}()
		<-joined
		return got
	}
	gathering := func() {
		for {
			q.mu.Lock()
			g := q.gathering
			q.mu.Unlock()
			if g != nil {
				return
			}
			runtime.Gosched()
		}
	}
	first := ask(t.Context())
	inFlight := <-sent
	ctx, cancel := context.WithCancel(t.Context())
	quitter := ask(ctx)
	gathering() // the quitter has come while the first read is in flight
	late := ask(t.Context())
	cancel()
	if got := <-quitter; got != 0 {
		t.Fatalf("who gave up got %d", got)
	}
	inFlight.answer <- 5
	if got := <-first; got != 5 {
		t.Fatalf("the first got %d", got)
	}
	go func() { // whatever is sent from here on was sent after the late one came
		for {
			select {
			case r := <-sent:
				r.answer <- 9
			case <-t.Context().Done():
				return
			}
		}
	}()
	if got := <-late; got != 9 {
		t.Fatalf("who came while a read was in flight got its revision %d", got)
	}
}

func TestCopiesShareNothing(t *testing.T) {
	var m btree.Map[string, int]
	m.Set("a", 1)
	c := m.Copy()
	m.Set("b", 2)
	if c.Len() != 1 {
		t.Fatal("a copied tree follows its source")
	}
}

// What changes while a state is pinned is bounded: then the pin goes, also when no other one is made.
func TestPinnedBytesAreBounded(t *testing.T) {
	k, org, id := newKeyspace("/t"), NewID(), NewID()
	r := newReplica(k)
	r.reset(newState())
	r.committed(1, []entry{{key: k.org(org).pin(id), value: []byte("0\n")}})
	at := scopedID{scope{org}, id}
	now := time.UnixMilli(0)
	if gonePin(r, at, now) {
		t.Fatal("the pin is not there")
	}
	chunk := make([]byte, 8<<20)
	for rev := int64(2); rev < 2+MaxPinBytes/int64(len(chunk))+2; rev++ {
		r.committed(rev, []entry{{key: k.org(org).unique(userType, "x", "y"), value: chunk}})
	}
	if !gonePin(r, at, now) {
		t.Error("a pin keeps an unbounded past")
	}
}

func gonePin(r *replica, at scopedID, now time.Time) bool {
	p, _ := r.pin(at, now)
	return p == nil
}
