package store

import (
	"context"
	"time"

	"go.etcd.io/etcd/client/v3/concurrency"
)

// electionTTL is how many seconds a node stays elected that does not answer any more.
const electionTTL = 15

// withoutElection is how long a node does the job unelected before it stands for election again.
const withoutElection = time.Minute

// Lead waits until this node is elected for the job, then runs f, whose context ends when the node is not elected any
// more. A lone writer is always elected. An etcd without space holds no elections: then several nodes may do the job at
// a time, for a minute each.
func (n *Node) Lead(ctx context.Context, job string, f func(context.Context)) error {
	if n.options.Alone {
		f(ctx)
		return nil
	}

	// Wait for the election.
	session, err := concurrency.NewSession(n.client, concurrency.WithTTL(electionTTL), concurrency.WithContext(ctx))
	if err == nil {
		defer session.Close()
		err = concurrency.NewElection(session, n.options.Keys.Job(job)).Campaign(ctx, "")
	}
	if noSpace(err) {
		unelected, cancel := context.WithTimeout(ctx, withoutElection)
		defer cancel()
		f(unelected)
		return nil
	}
	if err != nil {
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
