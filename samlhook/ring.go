package samlhook

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rollcall/directory"
)

// ring gathers the SignIns that nobody vouches for, and writes them in one batch a second. The first after a pause is
// written at once. What cannot be written waits for the next batch; what waits is bounded as the rings are.
type ring struct {
	write func(context.Context, []directory.Unvouched) ([]directory.Unvouched, error)
	log   *slog.Logger

	writing sync.Mutex // held while a batch is written
	mu      sync.Mutex
	waiting map[ringPlace][]directory.Unvouched
	timer   *time.Timer // of the next batch; nil if none is due
	last    time.Time   // when the last batch began
	closed  bool
}

// ringPlace names a ring.
type ringPlace struct {
	organization string
	connection   directory.ID
}

const (
	// ringInterval is the time between two batches.
	ringInterval = time.Second
	// ringTimeout bounds the writing of a batch, which nobody waits for.
	ringTimeout = 10 * time.Second
	// maxWaitingRings bounds the rings for which something waits.
	maxWaitingRings = 1024
)

// add takes a SignIn; after close, it does nothing.
func (r *ring) add(u directory.Unvouched) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.keep(u)
	if r.timer == nil {
		r.timer = time.AfterFunc(ringInterval-time.Since(r.last), r.flush)
	}
}

// keep lets a SignIn wait, in the place of another one where there are too many.
func (r *ring) keep(u directory.Unvouched) {
	at := ringPlace{u.Organization, u.Connection}
	list, known := r.waiting[at]
	if !known && len(r.waiting) >= maxWaitingRings {
		return
	}
	if r.waiting == nil {
		r.waiting = map[ringPlace][]directory.Unvouched{}
	}

	// The network's oldest goes first, then the oldest of the network that has the most.
	count, most := map[string]int{}, u.Network
	for _, w := range list {
		if count[w.Network]++; count[w.Network] > count[most] {
			most = w.Network
		}
	}
	drop := ""
	switch {
	case count[u.Network] >= directory.RingSlotsOfNetwork:
		drop = u.Network
	case len(list) >= directory.RingSlots:
		drop = most
	}
	if i := slices.IndexFunc(list, func(w directory.Unvouched) bool { return w.Network == drop }); drop != "" && i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	r.waiting[at] = append(list, u)
}

// flush writes what waits.
func (r *ring) flush() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	var batch []directory.Unvouched
	for _, list := range r.waiting {
		batch = append(batch, list...)
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.waiting, r.timer, r.last = nil, nil, time.Now()
	r.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), ringTimeout)
	defer cancel()
	left, err := r.write(ctx, batch)
	if err == nil {
		return
	}
	r.log.Warn("sign-ins that nobody vouches for were not recorded yet", "records", len(left), "error", err)
	for _, u := range left {
		r.add(u)
	}
}

// close writes what waits and takes no more.
func (r *ring) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.flush()
}
