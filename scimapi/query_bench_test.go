package scimapi_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"testing"
	"time"

	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// BenchmarkList measures server CPU for a list of 100 Users against a handler that writes the same bytes.
func BenchmarkList(b *testing.B) {
	s := newBench(b)
	s.users(b, 0, 1000)
	const path = "/orgs/default/scim/v2/Users?count=100&startIndex=401"
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer "+s.c.token)
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.Len() < 70_000 {
		b.Fatalf("%d, %d bytes", w.Code, w.Body.Len())
	}
	const rounds = 5 // in turn, so that what else the machine does falls on both
	n := max(b.N/rounds, 200)
	var ours, other [rounds]time.Duration
	b.ResetTimer()
	for i := range rounds {
		runtime.GC()
		ours[i] = serverCPU(b, s.h, []string{path}, s.c.token, n)
		other[i] = serverCPU(b, bare(w.Body.Bytes()), []string{path}, s.c.token, n)
	}
	slices.Sort(ours[:])
	slices.Sort(other[:])
	b.ReportMetric(float64(ours[rounds/2].Nanoseconds())/1000, "cpu-µs/req")
	b.ReportMetric(float64(other[rounds/2].Nanoseconds())/1000, "bare-cpu-µs/req")
	b.ReportMetric(float64(ours[rounds/2])/float64(other[rounds/2]), "ratio")
	b.ReportMetric(float64(w.Body.Len()), "bytes")
}

// BenchmarkScan measures a filter that no index answers, over many Users: its time and its CPU time. Creating 1,000,000
// Users takes minutes.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newBenchOn(b, etcd(b, embedded.StartUnsafe).NewClient())
			seed(b, s.store, n, func(i int) schema.Document {
				name := fmt.Sprintf("user%07d@example.com", i)
				return schema.Document{
					"userName": name, "displayName": fmt.Sprint("User Number ", i), "active": true,
					"name":   map[string]any{"givenName": "User", "familyName": fmt.Sprint("Number", i)},
					"emails": []any{map[string]any{"value": name, "type": "work", "primary": true}},
				}
			})
			runtime.GC()
			for _, filter := range []string{`name.familyName co "x"`, `name.familyName co "number"`} {
				b.Run(filter, func(b *testing.B) {
					before := cpuTime(b)
					for b.Loop() {
						s.call(b, 200, "GET", "/Users?filter="+url.QueryEscape(filter), "")
					}
					b.ReportMetric(float64((cpuTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
				})
			}
		})
	}
}

// BenchmarkCursorPage compares pages of a walk through 100,000 Users: the second, one in the middle and the last but
// one.
func BenchmarkCursorPage(b *testing.B) {
	const n = 100_000
	s := serveStore(b, directorytest.New(b), scimapi.Options{})
	c := s.admin(b)
	seed(b, s.store, n,
		func(i int) schema.Document { return schema.Document{"userName": fmt.Sprintf("u%06d", i*7919%n)} })
	for _, sortBy := range []string{"", "userName"} {
		pairs := []string{"count", "100", "sortBy", sortBy, "cursor", ""}
		cursors := make([]string, 0, n/100)
		for {
			r := c.page("/Users", pairs...)
			if r.status != 200 {
				b.Fatalf("%s", r.raw)
			}
			if next(r) == "" {
				break
			}
			cursors = append(cursors, next(r))
			pairs[5] = next(r)
		}
		for _, at := range []struct {
			name  string
			place int
		}{{"second", 0}, {"middle", len(cursors) / 2}, {"last", len(cursors) - 1}} {
			b.Run("by="+sortBy+"/"+at.name, func(b *testing.B) {
				pairs[5] = cursors[at.place]
				for b.Loop() {
					if r := c.page("/Users", pairs...); r.status != 200 {
						b.Fatalf("%s", r.raw)
					}
				}
			})
		}
	}
}
