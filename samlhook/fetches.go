package samlhook

import (
	"context"
	"sync"
)

// fetches keeps what a request fetched until that request is over: its change may
// run more than once, and must see the same each time.
type fetches struct {
	mu   sync.Mutex
	held map[fetchKey]fetchResult
}

type fetchKey struct {
	request context.Context
	address string
}

type fetchResult struct {
	body []byte
	err  error
}

// get fetches an address at most once for each request. The error is a *Refusal.
func (f *fetches) get(ctx context.Context, by *Fetcher, address string) ([]byte, error) {
	key := fetchKey{ctx, address}
	f.mu.Lock()
	r, ok := f.held[key]
	f.mu.Unlock()
	if ok {
		return r.body, r.err
	}
	fetched, err := by.Fetch(ctx, address, Fetched{})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[fetchKey]fetchResult{}
	}
	f.held[key] = fetchResult{fetched.Body, err}
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.held, key)
	})
	return fetched.Body, err
}
