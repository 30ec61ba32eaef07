package store

import (
	"context"
	"sync"
	"testing"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

func userEntry(k state.Keyspace, org, id state.ID, doc string) state.Entry {
	r := state.Record{Resource: state.Resource{Type: schema.UserType, ID: id, JSON: []byte(doc)}}
	return state.Put(k.Organization(org).Resource(r.Type, id), r.Encode())
}

// testReplica is an empty replica at a revision.
func testReplica(k state.Keyspace, revision int64) *replica {
	builtin := state.NewCatalog([]*schema.ResourceType{schema.User()})
	r := newReplica(k, builtin)
	s := state.New(k, builtin)
	s.Skip(revision)
	r.reset(s)
	return r
}

// Own commits that come before their turn wait until the gap closes, from whichever side.
func TestGapInRevisions(t *testing.T) {
	k, org := state.NewKeyspace("/t"), state.NewID()
	a, b, c := state.NewID(), state.NewID(), state.NewID()
	r := testReplica(k, 10)
	visible := func(id state.ID) bool {
		f, err := r.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return f.Scope(state.ScopeID{Organization: org}).Get(id) != nil
	}
	r.committed(13, []state.Entry{userEntry(k, org, c, `{"userName":"c"}`)})
	r.committed(12, []state.Entry{userEntry(k, org, b, `{"userName":"b"}`)})
	if visible(b) || visible(c) || r.applied.Load() != 10 {
		t.Fatal("a commit was applied before its turn")
	}
	waited := make(chan error, 1)
	go func() { waited <- r.wait(context.Background(), 13) }()
	<-r.waiting
	if err := r.watched([]revision{{11, []state.Entry{userEntry(k, org, a, `{"userName":"a"}`)}}}, 11); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil || !visible(a) || !visible(b) || !visible(c) {
		t.Fatalf("after the gap closed: %v", err)
	}
	// The watch delivers them too: nothing is applied twice.
	before := r.state.Bytes()
	late := []state.Entry{userEntry(k, org, b, `{"userName":"late"}`)}
	r.watched([]revision{{12, late}, {13, late}, {14, nil}}, 14)
	if r.state.Bytes() != before || r.applied.Load() != 14 {
		t.Fatalf("a revision was applied twice, or one not at all: at %d", r.applied.Load())
	}
	// Progress closes a gap in which nothing of ours was written.
	r.committed(17, []state.Entry{state.Delete(k.Organization(org).Resource(schema.UserType, a))})
	r.watched(nil, 16)
	if r.applied.Load() != 17 || visible(a) {
		t.Fatalf("progress did not close the gap: at %d", r.applied.Load())
	}
}

// A snapshot is of one revision for ever, whatever is applied while it is read.
func TestSnapshotsUnderWrites(t *testing.T) {
	k, org := state.NewKeyspace("/t"), state.NewID()
	r := testReplica(k, 0)
	ids := []state.ID{state.NewID(), state.NewID()}
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
				sc := f.Scope(state.ScopeID{Organization: org})
				x, y := sc.Get(ids[0]), sc.Get(ids[1])
				if (x == nil) != (y == nil) ||
					x != nil && (string(x.JSON) != string(y.JSON) || x.Version != y.Version) {
					t.Errorf("a snapshot mixes revisions: %v, %v", x, y)
					return
				}
			}
		})
	}
	for rev := range int64(2000) {
		doc := `{"userName":"` + state.Version(rev).String() + `"}`
		r.committed(rev+1, []state.Entry{userEntry(k, org, ids[0], doc), userEntry(k, org, ids[1], doc)})
	}
	close(stop)
	wg.Wait()
}
