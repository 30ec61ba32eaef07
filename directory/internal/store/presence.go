package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"rollcall/directory/internal/state"
)

// PresenceTTL is how long a node counts as running that ended without a word.
const PresenceTTL = 15 * time.Second

// presenceRetry is how long a node waits before it tells again what etcd did not take, revokeTimeout how long it waits
// at its end for the others to be told.
const (
	presenceRetry = 5 * time.Second
	revokeTimeout = 2 * time.Second
)

// Presence is a value that a node shows to the others while it runs.
type Presence struct {
	client  *clientv3.Client
	prefix  string
	value   string
	beside  func(others [][]byte) error
	log     *slog.Logger
	session *concurrency.Session // nil while nothing is shown

	stop context.CancelFunc
	done sync.WaitGroup
}

// Appear shows a value below the prefix until Close, unless beside, which gets what the other running nodes show there,
// returns an error. Of two that appear at once, exactly the later one sees the other. An etcd that accepts no leases,
// because it has no space, is asked again in the background. Errors: Unavailable; that of beside.
//
// Where the value has gone, because etcd was away for longer than its lease lasts, it is shown again. A node that
// appeared meanwhile did not see it, so beside is asked again; its error is logged then.
func Appear(ctx context.Context, c *clientv3.Client, prefix string, value []byte, beside func(others [][]byte) error,
	log *slog.Logger) (*Presence, error) {
	p := &Presence{client: c, prefix: prefix, value: string(value), beside: beside, log: log}
	others, err := p.appear(ctx)
	if noSpace(err) {
		others, err = p.others(ctx)
	}
	if err != nil {
		return nil, state.Unanswered(err)
	}
	if err := beside(others); err != nil {
		if p.session != nil {
			p.end(p.session)
		}
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.done.Go(func() { p.run(background) })
	return p, nil
}

// appear reads what the others show and shows the value, in one transaction.
func (p *Presence) appear(ctx context.Context) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	lease, err := p.client.Grant(ctx, int64(PresenceTTL/time.Second))
	if err != nil {
		return nil, err
	}
	s, err := concurrency.NewSession(p.client, concurrency.WithLease(lease.ID))
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s%016x", p.prefix, s.Lease())
	resp, err := p.client.Txn(ctx).Then(clientv3.OpGet(p.prefix, clientv3.WithPrefix()),
		clientv3.OpPut(key, p.value, clientv3.WithLease(s.Lease()))).Commit()
	if err != nil {
		p.end(s)
		return nil, err
	}
	p.session = s
	return values((*clientv3.GetResponse)(resp.Responses[0].GetResponseRange())), nil
}

func (p *Presence) others(ctx context.Context) ([][]byte, error) {
	resp, err := p.client.Get(ctx, p.prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	return values(resp), nil
}

func values(resp *clientv3.GetResponse) [][]byte {
	var vs [][]byte
	for _, kv := range resp.Kvs {
		vs = append(vs, kv.Value)
	}
	return vs
}

// run shows the value again when its lease has ended, as it does when etcd was away for longer than the lease lasts.
func (p *Presence) run(ctx context.Context) {
	for {
		var ended <-chan struct{}
		var again <-chan time.Time
		if p.session != nil {
			ended = p.session.Done()
		} else {
			again = time.After(presenceRetry)
		}
		select {
		case <-ctx.Done():
			if p.session != nil {
				p.end(p.session)
			}
			return
		case <-ended:
			p.session = nil
			continue
		case <-again:
		}
		others, err := p.appear(ctx)
		switch {
		case err == nil:
			if err := p.beside(others); err != nil {
				p.log.Error("this node should not run beside another one", "error", err)
			}
		case ctx.Err() == nil:
			p.log.Debug("the other nodes do not see this one yet", "error", err)
		}
	}
}

// end revokes the lease; an etcd that does not answer is not waited for.
func (p *Presence) end(s *concurrency.Session) {
	s.Orphan()
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := p.client.Revoke(ctx, s.Lease()); err != nil {
		p.log.Debug("the other nodes see this one until its lease ends", "error", err)
	}
}

// Close ends the node's presence at once.
func (p *Presence) Close() {
	p.stop()
	p.done.Wait()
}
