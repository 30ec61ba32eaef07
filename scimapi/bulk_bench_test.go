package scimapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/scimapi"
)

// BenchmarkBulk measures a job that creates 1,000 Users against 1,000 POSTs on one connection, both over HTTP, in turn:
// on an etcd as the service runs it, and on one that does not wait for its disk.
func BenchmarkBulk(b *testing.B) {
	b.Run("durable", func(b *testing.B) {
		etcd, err := embedded.Start(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(etcd.Close)
		store := directorytest.Open(b, etcd.Client, directory.Options{Root: directorytest.Root(), Alone: true})
		r := newRouter(b, store, scimapi.Options{PublicURL: publicURL})
		s := &server{store: store}
		benchmarkBulk(b, &bench{server: s, h: r, c: s.client(b, "default", "admin", nil)})
	})
	b.Run("unsafe", func(b *testing.B) { benchmarkBulk(b, newBench(b)) })
}

func benchmarkBulk(b *testing.B, s *bench) {
	web := httptest.NewServer(s.h)
	defer web.Close()
	web.Client().Transport.(*http.Transport).MaxConnsPerHost = 1
	send := func(path, body string, want int) string {
		r, err := http.NewRequest("POST", web.URL+"/orgs/default/scim/v2"+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.c.token)
		resp, err := web.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			b.Fatalf("%d %s %v", resp.StatusCode, text, err)
		}
		return string(text)
	}
	const n = 1000
	var single, bulk time.Duration
	next := 0
	user := func() string {
		next++
		snapshot, err := s.store.Organization("default").Snapshot(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		body, err := snapshot.Type("User").Encode(userDocument(next))
		if err != nil {
			b.Fatal(err)
		}
		return string(body)
	}
	b.ResetTimer()
	for range b.N {
		bodies, ops := make([]string, n), make([]string, n)
		for i := range n {
			bodies[i] = user()
			ops[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"q%d","data":%s}`, i, user())
		}
		job := `{"schemas":["` + bulkURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
		start := time.Now()
		for _, body := range bodies {
			send("/Users", body, 201)
		}
		single += time.Since(start)
		start = time.Now()
		text := send("/Bulk", job, 200)
		bulk += time.Since(start)
		if got := strings.Count(text, `"status":"201"`); got != n {
			b.Fatalf("%d of %d were made", got, n)
		}
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n*b.N) }
	b.ReportMetric(per(single), "post-µs")
	b.ReportMetric(per(bulk), "bulk-µs")
	b.ReportMetric(float64(single)/float64(bulk), "bulk/post-rate")
}
