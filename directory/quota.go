package directory

import (
	"context"
	"errors"
	"time"
)

// Above fullAt of etcd's quota everything but deletion is refused. The embedded etcd is defragmented when less than sparseAt
// of a file of at least sparseSize is in use.
const (
	fullAt     = 0.9
	sparseAt   = 0.8
	sparseSize = 64 << 20
)

const fullDetail = "the store is nearly full (over 90 % of its quota): only deletion is accepted"

// checkQuota compares etcd's file with its quota: the file's size is what etcd itself counts.
func (s *Store) checkQuota(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	endpoints := s.client.Endpoints()
	if len(endpoints) == 0 {
		endpoints = []string{""} // in-process
	}
	var most float64
	var failed error
	answered := false
	for _, e := range endpoints {
		st, err := s.client.Status(ctx, e)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		answered = true
		if st.DbSizeQuota > 0 {
			most = max(most, float64(st.DbSize)/float64(st.DbSizeQuota))
		}
		if s.options.Alone && st.DbSize >= sparseSize && float64(st.DbSizeInUse) < sparseAt*float64(st.DbSize) {
			if _, err := s.client.Defragment(ctx, e); err != nil {
				s.log.Warn("the store could not be defragmented", "error", err)
			}
		}
	}
	if !answered {
		return failed
	}
	s.metrics.used.Set(most)
	if full := most > fullAt; s.full.Swap(full) != full {
		s.log.Warn("the store's quota", "used", most, "full", full)
	}
	return nil
}

// every runs f now and then again after each interval, until ctx ends.
func (s *Store) every(ctx context.Context, interval time.Duration, what string, f func(context.Context) error) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("housekeeping failed; it will be tried again", "what", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
