package store

import (
	"context"
	"math"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"rollcall/directory/internal/state"
)

// imagined is the revision of what is only tried: no store ever gets there, so no version that it makes is anybody's.
const imagined = math.MaxInt64

// maxTransaction is etcd's default for the size of a request, in bytes.
const maxTransaction = 3 << 19

// Try judges a part as Commit would and writes nothing: etcd evaluates the conditions alone. Errors: as Commit, with
// etcd's default for what is TooLarge.
func (c *Committer) Try(ctx context.Context, p Part) (Outcome, error) {
	release, err := c.quota.reserve(p)
	if err != nil {
		return Outcome{Refused: err}, nil
	}
	release()
	if _, err := p.op(etcdOps); err != nil {
		return Outcome{}, err
	}
	if p.size() > maxTransaction {
		return Outcome{}, errTooLarge(nil)
	}
	p.Writes, p.Fence = nil, ""
	conditions, err := p.op(etcdOps)
	if err != nil {
		return Outcome{}, err
	}

	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := c.client.Do(ctx, conditions)
	if err != nil {
		return Outcome{}, state.Unanswered(err)
	}
	answer := resp.Txn()
	out := Outcome{Committed: answer.Succeeded, Revision: imagined}
	if !out.Committed {
		out.Present = p.present((*etcdserverpb.TxnResponse)(answer))
	}
	return out, nil
}

// Imagine returns the latest state as it would be with some writes to some scopes. Errors: Unavailable.
func (c *Committer) Imagine(writes []state.Entry, scopes ...state.ScopeID) (*state.Frozen, error) {
	b, err := c.replica.branch(scopes...)
	if err != nil {
		return nil, err
	}
	if err := b.Apply(imagined, writes); err != nil {
		return nil, err
	}
	return b.Freeze(), nil
}
