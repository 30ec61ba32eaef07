package directory_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
)

// appearing stands between a store and its etcd and decides what becomes of the transactions by which nodes show their
// operator tokens.
type appearing struct {
	clientv3.KV
	mu   sync.Mutex
	meet func(ctx context.Context, commit commitTxn) (*clientv3.TxnResponse, error) // nil: nothing happens
}

type commitTxn func() (*clientv3.TxnResponse, error)

func (a *appearing) Txn(ctx context.Context) clientv3.Txn {
	return appearingTxn{a.KV.Txn(context.WithoutCancel(ctx)), ctx, a, false}
}

// will decides the next ones.
func (a *appearing) will(meet func(ctx context.Context, commit commitTxn) (*clientv3.TxnResponse, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.meet = meet
}

type appearingTxn struct {
	clientv3.Txn
	ctx   context.Context
	a     *appearing
	shows bool
}

func (t appearingTxn) If(cs ...clientv3.Cmp) clientv3.Txn {
	t.Txn = t.Txn.If(cs...)
	return t
}

func (t appearingTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	for _, op := range ops {
		t.shows = t.shows || op.IsPut() && strings.Contains(string(op.KeyBytes()), "/operator/")
	}
	t.Txn = t.Txn.Then(ops...)
	return t
}

func (t appearingTxn) Else(ops ...clientv3.Op) clientv3.Txn {
	t.Txn = t.Txn.Else(ops...)
	return t
}

func (t appearingTxn) Commit() (*clientv3.TxnResponse, error) {
	t.a.mu.Lock()
	meet := t.a.meet
	t.a.mu.Unlock()
	if !t.shows || meet == nil {
		return t.Txn.Commit()
	}
	return meet(t.ctx, t.Txn.Commit)
}

// cluster is a root on which nodes with different operator tokens start.
type cluster struct {
	t    *testing.T
	root string
}

// open starts a node whose appearance a test decides, and returns its log, too.
func (c cluster) open(a *appearing, tokens ...string) (*directory.Store, *lockedLog, error) {
	client := directorytest.NewClient(c.t)
	if a != nil {
		a.KV, client.KV = client.KV, a
	}
	said := &lockedLog{}
	s, err := directory.Open(c.t.Context(), client, directory.Options{Root: c.root, OperatorToken: tokens[0],
		OtherTokens: tokens[1:], SecretKey: []byte("rollcall-secret-key-for-tests-32"),
		Log: slog.New(slog.NewTextHandler(said, nil))})
	if err == nil {
		c.t.Cleanup(func() { s.Close() })
	}
	return s, said, err
}

// shown are the keys by which nodes show their tokens.
func (c cluster) shown() []clientv3.LeaseID {
	c.t.Helper()
	resp, err := directorytest.Client(c.t).Get(c.t.Context(), c.root+"/operator/", clientv3.WithPrefix())
	if err != nil {
		c.t.Fatal(err)
	}
	var leases []clientv3.LeaseID
	for _, kv := range resp.Kvs {
		leases = append(leases, clientv3.LeaseID(kv.Lease))
	}
	return leases
}

// lose ends the lease of the only node, as an etcd does that was away for longer than it lasts.
func (c cluster) lose() {
	c.t.Helper()
	leases := c.shown()
	if len(leases) != 1 {
		c.t.Fatalf("%d nodes are shown, want 1", len(leases))
	}
	if _, err := directorytest.Client(c.t).Revoke(c.t.Context(), leases[0]); err != nil {
		c.t.Fatal(err)
	}
}

// lockedLog keeps what is logged.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const tokenA, tokenB, tokenC = "operator-token-a-of-tests", "operator-token-b-of-tests", "operator-token-c-of-tests"

// Of two nodes that start at once and share no token exactly one runs: the one whose transaction etcd took first,
// whoever of them began first or is told first.
func TestOperatorsAppearAtOnce(t *testing.T) {
	for _, first := range []bool{true, false} {
		c := cluster{t, directorytest.Root()}
		reached, release := make(chan struct{}), make(chan struct{})
		a := &appearing{}
		a.will(func(_ context.Context, commit commitTxn) (resp *clientv3.TxnResponse, err error) {
			if first {
				resp, err = commit()
			}
			close(reached)
			<-release
			if !first {
				resp, err = commit()
			}
			return resp, err
		})
		opened := make(chan error)
		go func() {
			_, _, err := c.open(a, tokenA)
			opened <- err
		}()
		<-reached
		_, _, errB := c.open(nil, tokenB)
		close(release)
		errA := <-opened
		if (errA == nil) != first || (errB == nil) == first {
			t.Errorf("A's transaction first %v: A %v, B %v", first, errA, errB)
		}
		if n := len(c.shown()); n != 1 {
			t.Errorf("A's transaction first %v: %d nodes are shown, want 1", first, n)
		}
	}
}

// A node whose lease ended appears again. One that started meanwhile did not see it, so the node says that the two
// share no token; whoever starts after that sees both.
func TestOperatorAppearsAgain(t *testing.T) {
	t.Parallel()
	for name, theirs := range map[string]string{"share a token": tokenA, "share none": tokenB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cluster{t, directorytest.Root()}
			a := &appearing{}
			_, said, err := c.open(a, tokenA)
			if err != nil {
				t.Fatal(err)
			}
			reached, release := make(chan struct{}), make(chan struct{})
			a.will(func(_ context.Context, commit commitTxn) (*clientv3.TxnResponse, error) {
				a.will(nil)
				close(reached)
				<-release
				return commit()
			})
			c.lose()
			<-reached
			if _, _, err := c.open(nil, theirs); err != nil {
				t.Errorf("beside a node that is not shown: %v", err)
			}
			close(release)
			eventually(t, "both nodes are shown", func() bool { return len(c.shown()) == 2 })
			const complaint = "other operator tokens"
			if theirs != tokenA {
				eventually(t, "the node complains", func() bool { return strings.Contains(said.String(), complaint) })
			}
			for _, tokens := range [][]string{{tokenC}, {tokenC, tokenA, tokenB}} {
				if _, _, err := c.open(nil, tokens...); (err == nil) != (len(tokens) > 1) {
					t.Errorf("a node that knows %d tokens starts: %v", len(tokens), err)
				}
			}
			if theirs == tokenA && strings.Contains(said.String(), complaint) {
				t.Errorf("complains without a reason: %s", said)
			}
		})
	}
}

// A node that is closed while it appears again leaves nothing behind, although etcd took the transaction of which it
// did not hear.
func TestOperatorClosesWhileAppearing(t *testing.T) {
	t.Parallel()
	c := cluster{t, directorytest.Root()}
	a := &appearing{}
	s, _, err := c.open(a, tokenA)
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{})
	a.will(func(ctx context.Context, commit commitTxn) (*clientv3.TxnResponse, error) {
		_, err := commit()
		close(reached)
		<-ctx.Done()
		return nil, errors.Join(err, ctx.Err())
	})
	c.lose()
	<-reached
	if n := len(c.shown()); n != 1 {
		t.Fatalf("%d nodes are shown, want 1", n)
	}
	s.Close()
	if n := len(c.shown()); n != 0 {
		t.Errorf("%d nodes are shown after the end, want 0", n)
	}
	if _, _, err := c.open(nil, tokenB); err != nil {
		t.Errorf("a node with other tokens starts after the end: %v", err)
	}
}
