package store

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestFits(t *testing.T) {
	const quota = 1000
	for _, c := range []struct {
		name                string
		file, inUse, more   int64
		ordinary, takesAway bool
	}{
		{"empty", 0, 0, 0, true, true},
		{"room for it", 500, 500, 299, true, true},
		{"no room for it", 500, 500, 300, false, true},
		{"nearly full", 810, 810, 0, false, true},
		{"full", 950, 950, 0, false, false},
		{"much of a large file is free", 900, 100, 30, true, true},
		{"more than a large file may grow", 900, 100, 80, false, false},
		{"little of a large file is free", 900, 790, 9, true, true},
		{"more than half of what is free", 850, 790, 40, false, true},
		{"all of it the file's own size", 985, 100, 0, false, false},
	} {
		u := Usage{c.file, c.inUse, quota}
		if got := u.fits(full, c.more, 0); got != c.ordinary {
			t.Errorf("%s: an ordinary change fits: %v", c.name, got)
		}
		if got := u.fits(blocked, c.more, 0); got != c.takesAway {
			t.Errorf("%s: one that takes away fits: %v", c.name, got)
		}
	}
	if !(Usage{1000, 1000, 0}).fits(full, 1, 1) {
		t.Error("an unknown quota refuses")
	}
}

// A large document that is written once more, to take something away, asks the file for no more than it needs: near the
// end it would otherwise be refused for good, however many pages are free.
func TestQuotaFitsLargeDocument(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name                    string
		file, inUse, size, more int64
		fits                    bool
	}{
		{"a small file", 20 * mib, 20 * mib, mib, 0, true},
		{"a large one", 30 * mib, 26 * mib, mib, 0, true},
		{"up to the end", 30*mib + mib/4, 27 * mib, mib, 0, true},
		{"not beyond", 30*mib + mib/2, 27 * mib, mib, 0, false},
		{"after others", 30 * mib, 27 * mib, mib, mib, false},
		{"much data", 30 * mib, 29 * mib, mib, 0, false},
	} {
		if got := (Usage{c.file, c.inUse, 32 * mib}).fits(blocked, c.more, c.size); got != c.fits {
			t.Errorf("%s: fits: %v", c.name, got)
		}
	}
}

// told is an etcd's maintenance of which a test decides what each member tells.
type told struct {
	clientv3.Maintenance
	status func(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error)
}

func (m told) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	return m.status(ctx, endpoint)
}

// meter returns a Quota over members that tell what status says, where applied is what the replica has applied.
func meter(t *testing.T, applied *int64, status func(context.Context, string) (*clientv3.StatusResponse, error)) *Quota {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{"127.0.0.1:1", "127.0.0.1:2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Maintenance = told{status: status}
	return newQuota(Options{Log: slog.New(slog.DiscardHandler)}, c, func() int64 { return *applied })
}

// size is what a member tells whose file is in use as a whole.
func size(n int64) *clientv3.StatusResponse {
	return &clientv3.StatusResponse{Header: &etcdserverpb.ResponseHeader{}, DbSize: n, DbSizeInUse: n, DbSizeQuota: 1 << 20}
}

// A look that comes while etcd has not committed what it applied does not forget it: the next one still counts it.
func TestCountsWhatIsNotCommitted(t *testing.T) {
	applied := int64(0)
	q := meter(t, &applied, func(context.Context, string) (*clientv3.StatusResponse, error) { return size(0), nil })
	look := func() {
		t.Helper()
		if err := q.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	applied = 1 << 20
	look()
	if q.Admit(false) == nil {
		t.Error("what was applied just before the look is forgotten")
	}
	look()
	if err := q.Admit(false); err != nil {
		t.Errorf("what was applied long ago is counted twice: %v", err)
	}
}

// A member that does not answer hides no other.
func TestAsksAllMembers(t *testing.T) {
	applied := int64(0)
	q := meter(t, &applied, func(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
		if strings.HasSuffix(endpoint, ":1") {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return size(900 << 10), nil
	})
	if err := q.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q.Admit(false) == nil {
		t.Error("the member that answered is full, and a change is admitted")
	}
}
