package scimapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// BenchmarkVictim measures a GET of one organization while 16 clients of another one, which has 30,000 Users, ask for
// much at once, against the same GET while they do not. The figures are percentiles, and their ratio.
func BenchmarkVictim(b *testing.B) {
	s := newBench(b)
	s.users(b, 0, 30_000)
	if _, err := s.store.System().Update(b.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("Organization", schema.Document{"name": "victim"})
		return err
	}); err != nil {
		b.Fatal(err)
	}
	s.server.url = httptest.NewServer(s.h).URL
	victim := s.client(b, "victim", "write", nil)
	id := victim.user("ada")
	get := func() time.Duration {
		start := time.Now()
		victim.must(200, "GET", "/Users/"+id, nil)
		return time.Since(start)
	}
	sample := func() []time.Duration {
		var took []time.Duration
		for range 1500 {
			took = append(took, get())
			time.Sleep(time.Millisecond)
		}
		slices.Sort(took)
		return took
	}
	terms := strings.TrimSuffix(strings.Repeat(`meta.location co "zz" or `, 100), " or ")
	for _, attack := range []struct{ name, query string }{
		{"scan", "count=0&filter=" + url.QueryEscape(`title co "zz"`)},
		{"terms", "count=0&filter=" + url.QueryEscape(terms)},
		{"sort", "count=1&sortBy=title"},
	} {
		b.Run(attack.name, func(b *testing.B) {
			for b.Loop() {
				idle := sample()
				ctx, stop := context.WithCancel(b.Context())
				var attackers sync.WaitGroup
				for range 16 {
					attackers.Go(func() { attackWith(ctx, s.server.url, s.c.token, attack.query) })
				}
				time.Sleep(200 * time.Millisecond)
				under := sample()
				stop()
				attackers.Wait()
				p99 := func(list []time.Duration) float64 { return float64(list[len(list)*99/100].Microseconds()) }
				b.ReportMetric(p99(idle), "idle-p99-µs")
				b.ReportMetric(p99(under), "attack-p99-µs")
				b.ReportMetric(p99(under)/p99(idle), "ratio")
			}
		})
	}
}

// attackWith sends the query again and again until the context ends.
func attackWith(ctx context.Context, base, token, query string) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprint(base, "/orgs/default/scim/v2/Users?", query), nil)
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
}
