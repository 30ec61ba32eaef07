package fair

import (
	"sync"
	"time"
)

// Buckets are token buckets, one for each key. Of each only the time is kept at which it will be full, so a full one
// needs no memory. Nil buckets allow everything. They are safe for concurrent use.
type Buckets[K comparable] struct {
	token time.Duration // in which a bucket gains a token
	burst int

	mu   sync.Mutex
	full map[K]time.Time
}

// mostBuckets bounds the memory of buckets to a few MB.
const mostBuckets = 50_000

// NewBuckets returns buckets that gain perSecond tokens a second and hold burst, at least one; nil for a rate of 0.
func NewBuckets[K comparable](perSecond float64, burst int) *Buckets[K] {
	if perSecond <= 0 {
		return nil
	}
	return &Buckets[K]{token: max(1, time.Duration(float64(time.Second)/perSecond)), burst: max(1, burst),
		full: map[K]time.Time{}}
}

// Take takes tokens from the key's bucket, or takes nothing and returns how long it is until there are as many. More
// than the burst there never are.
func (b *Buckets[K]) Take(key K, tokens int, now time.Time) (wait time.Duration) {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.without(key, tokens, now)
	if over := full.Sub(now) - b.token*time.Duration(b.burst); over > 0 {
		return over
	}
	b.full[key] = full
	return 0
}

// Charge takes tokens from the key's bucket whether it has them or not. What it owes is as much as the burst at most.
func (b *Buckets[K]) Charge(key K, tokens int, now time.Time) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.without(key, tokens, now)
	if deepest := now.Add(2 * b.token * time.Duration(b.burst)); full.After(deepest) {
		full = deepest
	}
	b.full[key] = full
}

// without is when the key's bucket will be full if tokens are taken from it. It makes room for another key. It must
// hold mu.
func (b *Buckets[K]) without(key K, tokens int, now time.Time) time.Time {
	full, known := b.full[key]
	if !known && len(b.full) >= mostBuckets {
		b.forget(now)
	}
	if full.Before(now) {
		full = now
	}
	return full.Add(b.token * time.Duration(tokens))
}

// forget drops full buckets. If there are too few, it drops others: then whoever uses that many keys is not slowed
// down, but nobody else is either.
func (b *Buckets[K]) forget(now time.Time) {
	for key, full := range b.full {
		if !full.After(now) {
			delete(b.full, key)
		}
	}
	for key := range b.full {
		if len(b.full) < mostBuckets*3/4 {
			break
		}
		delete(b.full, key)
	}
}
