package store

import "rollcall/directory/internal/state"

// Disk is what an embedded etcd knows of the disk that it is on.
type Disk interface {
	Room() error   // why nothing should be written that takes room; nil while it may. Safe to show
	Failed() error // why nothing is written any more although the process goes on; nil while it is
}

// admitDisk returns nil if the disk allows a change. Errors: as Admit.
func (q *Quota) admitDisk(frees bool) error {
	if q.disk == nil {
		return nil
	}
	if err := q.diskFailed(); err != nil {
		const detail = "the store's disk has failed: until it has room again, only reading is possible"
		return &state.Error{Kind: state.Unavailable, Detail: detail, Cause: err}
	}
	if frees {
		return nil
	}
	if err := q.disk.Room(); err != nil {
		return state.Errorf(state.Full, "", "%v: only what takes away, such as deletion and active: false, is accepted", err)
	}
	return nil
}

// diskFailed returns why nothing is written any more; nil while it is, and for a cluster.
func (q *Quota) diskFailed() error {
	if q.disk == nil {
		return nil
	}
	return q.disk.Failed()
}
