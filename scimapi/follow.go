package scimapi

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// following are the query parameters of our own with which a client follows Events.
type following struct {
	after  *string // a token to go on from, "" for the oldest Event; nil: not given
	wait   time.Duration
	follow bool // a walk by cursor ends with the token to go on from
}

// followHeader is the header of the last page of a walk, with the token to go on from.
const followHeader = "Rollcall-Follow"

// maxWait is how long a request may wait for an Event.
const maxWait = 60 * time.Second

// parse reads the parameters and refuses those that contradict each other.
func (f *following) parse(p *params, q *sentQuery) (err error) {
	if f.follow, err = boolean("follow", q.follow); err != nil {
		return err
	}
	if f.after = q.after; q.wait != nil {
		seconds, err := integer("wait", schema.InvalidValue, *q.wait)
		if err != nil {
			return err
		}
		f.wait = time.Duration(min(max(seconds, 0), int(maxWait.Seconds()))) * time.Second
	}
	refuse := func(why string) error { return fail(http.StatusBadRequest, schema.InvalidValue, "%s", why) }
	switch {
	case f.follow && !p.paged:
		return refuse("follow: needs cursor: the last page of the walk has the token to go on from")
	case f.after == nil && q.wait != nil:
		return refuse("wait: needs after")
	case f.after == nil:
		return nil
	case p.paged || q.startIndex != nil:
		return refuse("after cannot be combined with cursor or startIndex")
	case p.sortBy != "":
		return refuse("after cannot be combined with sortBy: Events come in the order in which they were committed")
	case p.count == 0:
		return fail(http.StatusBadRequest, invalidCount, "count: must be at least 1 with after")
	}
	return nil
}

// forEvents refuses the parameters for other types than Events.
func (f *following) forEvents(s *directory.Snapshot, typ string) error {
	if f.after == nil && !f.follow {
		return nil
	}
	if t := s.Type(typ); t == nil || t.Kind() != schema.EventType {
		return fail(http.StatusBadRequest, schema.InvalidValue, "after, wait and follow are for Events only")
	}
	return nil
}

// tellFollow names the token to go on from behind the state that a walk has shown.
func (x *exchange) tellFollow(q *params, s *directory.Snapshot) {
	if q.follow {
		x.set(followHeader, s.FollowFrom())
	}
}

// followEvents answers with the Events behind a token; it waits for one if there is none.
func (x *exchange) followEvents(q *params, s *directory.Snapshot, typ string) error {
	l, err := x.newListing(q, s, typ)
	if err != nil {
		return err
	}
	after, page, err := *q.after, directory.Followed{}, error(nil)
	over := time.NewTimer(q.wait)
	defer over.Stop()
	for waiting := q.wait > 0; ; {
		next := s.NextEvent() // before looking, so that none comes between
		page, err = x.dir.Follow(x.r.Context(), l.ask, after)
		if err != nil {
			return followError(err)
		}
		if after = page.Next; len(page.Resources) > 0 || !waiting {
			break
		}
		if waiting, err = x.await(next, over.C); err != nil {
			return err
		}
	}
	return l.answer(directory.Page{Total: uncounted, Resources: page.Resources, Snapshot: page.Snapshot},
		func(body []byte) []byte { return append(append(append(body, `,"nextAfter":"`...), page.Next...), '"') })
}

// followError is the error of Follow as RFC 9865 §5.2 has it.
func followError(err error) error {
	switch {
	case errors.Is(err, directory.ErrNoToken):
		return fail(http.StatusBadRequest, invalidCursor, "after: this is not a token for the Events here")
	case errors.Is(err, directory.ErrFollowGone):
		return fail(http.StatusBadRequest, expiredCursor, "after: Events behind this place are no longer kept, or the "+
			"store was restored; start over with an empty after, or with a walk by cursor and follow=true")
	}
	return err
}

// await waits until there may be an Event. It returns false when the time is over, or the node shuts down. Errors:
// *tooMany where too many requests wait already; that of the context.
func (x *exchange) await(next <-chan struct{}, over <-chan time.Time) (bool, error) {
	end, err := x.waits.begin(x.org, x.credentialName())
	if err != nil {
		return false, err
	}
	defer end()
	x.release()
	x.pause()
	select {
	case <-next:
		return true, nil
	case <-over:
	case <-x.waits.closed:
	case <-x.r.Context().Done():
		return false, x.r.Context().Err()
	}
	return false, nil
}

// How many requests may wait at a time.
const (
	maxWaitsOfCredential   = 8
	maxWaitsOfOrganization = 256
	maxWaitsOfNode         = 2048
)

// waits bounds the requests that wait for Events on a node.
type waits struct {
	mu     sync.Mutex
	counts map[string]int // by credential, organization, and node
	closed chan struct{}
	close  func()
}

func newWaits() *waits {
	w := &waits{counts: map[string]int{}, closed: make(chan struct{})}
	w.close = sync.OnceFunc(func() { close(w.closed) })
	return w
}

// begin counts a request that waits; end must be called when it does not any more. Error: *tooMany.
func (w *waits) begin(org, credential string) (end func(), err error) {
	bounds := []struct {
		name, whose string
		most        int
	}{
		{"credential " + credential, "of this credential", maxWaitsOfCredential},
		{"organization " + org, "of this organization", maxWaitsOfOrganization},
		{"node", "on this node", maxWaitsOfNode},
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range bounds {
		if w.counts[b.name] >= b.most {
			return nil, &tooMany{failure{http.StatusTooManyRequests, "", fmt.Sprintf(
				"wait: %d requests %s wait already, which is the limit", b.most, b.whose)}, time.Second}
		}
	}
	for _, b := range bounds {
		w.counts[b.name]++
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, b := range bounds {
			if w.counts[b.name]--; w.counts[b.name] == 0 {
				delete(w.counts, b.name)
			}
		}
	}, nil
}

// EndWaits ends all requests that wait for Events, each with an empty page, and lets no other wait: a node that shuts
// down calls it.
func (h *Handler) EndWaits() { h.waits.close() }
