package scimapi

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"rollcall/internal/fair"
	"rollcall/internal/remote"
)

// Rate bounds how often something may happen: PerSecond times on average, and Burst times at once. The zero value is no
// bound.
type Rate struct {
	PerSecond float64
	Burst     int
}

// DefaultFailures returns a rate of failed authentications that only a client with an invalid credential exceeds.
func DefaultFailures() Rate { return Rate{PerSecond: 5, Burst: 100} }

// newLimiter returns the buckets of a rate; nil, which allow everything, for the zero Rate.
func newLimiter(r Rate) *fair.Buckets[string] { return fair.NewBuckets[string](r.PerSecond, r.Burst) }

// tooMany refuses a request that comes too soon (RFC 6585 §4).
type tooMany struct {
	failure
	wait time.Duration
}

func (t *tooMany) Unwrap() error { return &t.failure }

// seconds is a wait for Retry-After.
func seconds(wait time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}

// credentialName tells credentials apart. It names the organization that the request is about, because a credential of
// the system scope works for many.
func (x *exchange) credentialName() string { return x.org + "/" + x.actor.Type + "/" + x.actor.ID }

// paced counts the request against its credential's rate on this node.
func (x *exchange) paced() error {
	wait := x.requests.Take(x.credentialName(), 1, x.start)
	if wait == 0 {
		return nil
	}
	return &tooMany{failure{http.StatusTooManyRequests, "", "this credential exceeds its limit of " +
		strconv.FormatFloat(x.o.Rate.PerSecond, 'g', -1, 64) + " requests a second"}, wait}
}

// refusedAgain counts a failed authentication against the client's address. It returns err, the error of the
// authentication, until there are too many. A valid credential is never refused because of what others at the same
// address send.
func (x *exchange) refusedAgain(err error) error {
	wait := x.failed(x.r, x.start)
	if wait == 0 {
		return err
	}
	return &tooMany{failure{http.StatusTooManyRequests, "",
		"too many requests with an invalid credential from this address"}, wait}
}

func (h *Handler) failed(r *http.Request, now time.Time) (wait time.Duration) {
	return h.failures.Take(remote.Network(r.RemoteAddr), 1, now)
}

// Failed counts a request that was refused for its credential elsewhere than here: a client that guesses has one bound
// on this node, wherever it guesses. Where it exceeds that, the result is the Retry-After of a 429, else "".
func (h *Handler) Failed(r *http.Request) (retryAfter string) {
	if wait := h.failed(r, h.o.Now()); wait > 0 {
		return seconds(wait)
	}
	return ""
}
