package scimapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

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

// limiter is a token bucket for each of many names. It keeps only the time at which a bucket will be full again, so a
// full bucket needs no memory.
type limiter struct {
	interval time.Duration // between two tokens
	slack    time.Duration // how far in the future full may be while a token is left
	mu       sync.Mutex
	full     map[string]time.Time
}

// mostBuckets bounds a limiter's memory to a few MB.
const mostBuckets = 50_000

// newLimiter returns a limiter for the rate; nil, which allows everything, for the zero Rate.
func newLimiter(r Rate) *limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	interval := time.Duration(float64(time.Second) / r.PerSecond)
	return &limiter{interval: interval, slack: interval * time.Duration(max(r.Burst, 1)-1),
		full: map[string]time.Time{}}
}

// take takes a token from the name's bucket, or returns how long it is until the next one.
func (l *limiter) take(name string, now time.Time) (wait time.Duration) {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[name]
	if !known && len(l.full) >= mostBuckets {
		l.forget(now)
	}
	if full.Before(now) {
		full = now
	}
	if ahead := full.Sub(now); ahead > l.slack {
		return ahead - l.slack
	}
	l.full[name] = full.Add(l.interval)
	return 0
}

// forget drops full buckets. If there are too few, it drops others: then a client that uses that many names is not
// slowed down, but nobody else is either.
func (l *limiter) forget(now time.Time) {
	for name, full := range l.full {
		if !full.After(now) {
			delete(l.full, name)
		}
	}
	for name := range l.full {
		if len(l.full) < mostBuckets*3/4 {
			break
		}
		delete(l.full, name)
	}
}

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
	wait := x.requests.take(x.credentialName(), x.start)
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
	wait := x.failures.take(remote.Network(x.r.RemoteAddr), x.start)
	if wait == 0 {
		return err
	}
	return &tooMany{failure{http.StatusTooManyRequests, "",
		"too many requests with an invalid credential from this address"}, wait}
}
