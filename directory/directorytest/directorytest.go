// Package directorytest gives tests a fresh directory on a real etcd: one embedded etcd for each test binary, one root
// for each test.
package directorytest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/embedded"
)

// OperatorToken is the operator's secret of every store that New makes.
const OperatorToken = "rollcall-operator-for-tests"

var shared = sync.OnceValues(func() (*embedded.Etcd, error) {
	dir, err := os.MkdirTemp("", "rollcall-etcd-")
	if err != nil {
		return nil, err
	}
	// The data is unlinked when the process is over: etcd holds its files open, and nobody needs their names.
	e, err := embedded.StartUnsafe(context.Background(), dir)
	cleanups = append(cleanups, func() { e.Close(); os.RemoveAll(dir) })
	return e, err
})

var (
	cleanups []func()
	roots    atomic.Int64
)

// Main runs a package's tests and ends the shared etcd afterwards: func TestMain(m *testing.M) { directorytest.Main(m)
// }.
func Main(m *testing.M) {
	code := m.Run()
	for _, f := range cleanups {
		f()
	}
	os.Exit(code)
}

// Client is the client of the test binary's etcd.
func Client(t testing.TB) *clientv3.Client {
	t.Helper()
	e, err := shared()
	if err != nil {
		t.Fatalf("embedded etcd: %v", err)
	}
	return e.Client
}

// NewClient is another client of the same etcd, whose parts a test may wrap.
func NewClient(t testing.TB) *clientv3.Client {
	t.Helper()
	Client(t)
	e, _ := shared()
	return e.NewClient()
}

// Root returns a root nobody else uses.
func Root() string { return fmt.Sprintf("/test%d", roots.Add(1)) }

// New returns an empty store with the organization "default".
func New(t testing.TB) *directory.Store {
	t.Helper()
	return Open(t, Client(t), directory.Options{Root: Root()})
}

// Open opens a store that is closed when the test ends. The operator's token is OperatorToken unless the options have
// one.
func Open(t testing.TB, c *clientv3.Client, o directory.Options) *directory.Store {
	t.Helper()
	if o.OperatorToken == "" {
		o.OperatorToken = OperatorToken
	}
	if o.SecretKey == nil {
		o.SecretKey = []byte("rollcall-secret-key-for-tests-32")
	}
	s, err := directory.Open(t.Context(), c, o)
	if err != nil {
		t.Fatalf("open the directory: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
