package store

import (
	"context"

	"go.etcd.io/etcd/client/v3/concurrency"
)

// electionTTL is how many seconds a node stays elected that does not answer any more.
const electionTTL = 15

// Lead waits until this node is elected for the job, then runs f, whose context ends when the node is not elected any
// more. A lone writer is always elected.
func (n *Node) Lead(ctx context.Context, job string, f func(context.Context)) error {
	if n.options.Alone {
		f(ctx)
		return nil
	}

	// Wait for the election.
	session, err := concurrency.NewSession(n.client, concurrency.WithTTL(electionTTL), concurrency.WithContext(ctx))
	if err != nil {
		return err
	}
	defer session.Close()
	e := concurrency.NewElection(session, n.options.Keys.Job(job))
	if err := e.Campaign(ctx, ""); err != nil {
		return err
	}

	// Work until the lease is lost.
	elected, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-session.Done():
			cancel()
		case <-elected.Done():
		}
	}()
	f(elected)
	return nil
}
