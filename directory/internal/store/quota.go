package store

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Above fullAt of etcd's quota everything but deletion is refused. The embedded etcd is defragmented when less than
// sparseAt of a file of at least sparseSize is in use.
const (
	fullAt     = 0.9
	sparseAt   = 0.8
	sparseSize = 64 << 20
)

// ErrFull returns the error for a store that is nearly full: Full.
func ErrFull(cause error) error {
	const detail = "the store is nearly full (over 90 % of its quota): only deletion is accepted"
	return &state.Error{Kind: state.Full, Detail: detail, Cause: cause}
}

// Quota watches how much of etcd's quota is used.
type Quota struct {
	client *clientv3.Client
	alone  bool
	disk   Disk // nil for a cluster
	log    *slog.Logger
	full   atomic.Bool
	used   prometheus.Gauge
}

func newQuota(o Options, c *clientv3.Client) *Quota {
	return &Quota{client: c, alone: o.Alone, disk: o.Disk, log: o.Log, used: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rollcall_store_quota_ratio", Help: "Share of etcd's quota that its largest file takes. " +
			"Above 0.9 only deletion is accepted: delete what is not needed; on a cluster, then run rollcall etcd heal."})}
}

// Observe takes in the share of the quota that is used.
func (q *Quota) Observe(used float64) {
	q.used.Set(used)
	full := used > fullAt
	switch was := q.full.Swap(full); {
	case was == full:
	case full && q.alone:
		q.log.Warn("the store is nearly full: delete what is not needed", "used", used)
	case full:
		q.log.Warn("the store is nearly full: delete what is not needed, then run rollcall etcd heal", "used", used)
	default:
		q.log.Info("the store has room again", "used", used)
	}
}

// check compares etcd's file with its quota: the file's size is what etcd itself counts. It looks at every member and
// fails only if none of them answers.
func (q *Quota) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()

	// Ask every member.
	endpoints := q.client.Endpoints()
	if len(endpoints) == 0 {
		endpoints = []string{""} // in-process
	}
	var most float64
	var failed error
	answered := false
	for _, e := range endpoints {
		st, err := q.client.Status(ctx, e)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		answered = true
		if st.DbSizeQuota > 0 {
			most = max(most, float64(st.DbSize)/float64(st.DbSizeQuota))
		}
		if q.alone && st.DbSize >= sparseSize && float64(st.DbSizeInUse) < sparseAt*float64(st.DbSize) {
			if _, err := q.client.Defragment(ctx, e); err != nil {
				q.log.Warn("the store could not be defragmented", "error", err)
			}
		}
	}

	if !answered { // by any member
		return failed
	}
	q.Observe(most)
	return nil
}
