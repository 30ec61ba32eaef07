package scimapi_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// bench is a handler on a store of its own, whose transactions it sees.
type bench struct {
	*server
	h    http.Handler
	c    *client
	last *recorder
}

// recorder keeps the last transaction.
type recorder struct {
	clientv3.KV
	op atomic.Pointer[clientv3.Op]
}

func (r *recorder) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if op.IsTxn() {
		r.op.Store(&op)
	}
	return r.KV.Do(ctx, op)
}

func newBench(b *testing.B) *bench { return newBenchOn(b, directorytest.NewClient(b)) }

// newBenchOn is newBench with an etcd that only this store writes to, like an embedded one.
func newBenchOn(b *testing.B, etcd *clientv3.Client) *bench {
	b.Helper()
	last := &recorder{KV: etcd.KV}
	etcd.KV = last
	store := directorytest.Open(b, etcd, directory.Options{Root: directorytest.Root(), Alone: true})
	r := newRouter(b, store, scimapi.Options{PublicURL: publicURL})
	s := &server{store: store}
	return &bench{s, r, s.client(b, "default", "admin", nil), last}
}

// users creates n Users of about 1 KB and returns their ids.
func (s *bench) users(b *testing.B, from, n int) []directory.ID {
	b.Helper()
	out := make([]directory.ID, n)
	const step = 4000
	for start := 0; start < n; start += step {
		var changes []func(*directory.Tx) error
		for i := start; i < min(start+step, n); i++ {
			changes = append(changes, func(tx *directory.Tx) error {
				r, err := tx.Create("User", userDocument(from+i))
				if err == nil {
					out[i] = r.ID
				}
				return err
			})
		}
		for _, err := range s.store.Organization("default").UpdateEach(b.Context(), changes) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	return out
}

func userDocument(i int) schema.Document {
	name := fmt.Sprintf("user%07d@example.com", i)
	return schema.Document{
		"userName": name, "externalId": fmt.Sprintf("ext-%d", i), "displayName": fmt.Sprintf("User Number %d", i),
		"title": "Engineer", "active": true,
		"name": map[string]any{"givenName": "User", "familyName": fmt.Sprintf("Number%d", i),
			"formatted": fmt.Sprintf("User Number %d", i)},
		"emails": []any{map[string]any{"value": name, "type": "work", "primary": true},
			map[string]any{"value": "home-" + name, "type": "home"}},
		"phoneNumbers": []any{map[string]any{"value": "+1 555 0100", "type": "work"}},
		"addresses": []any{map[string]any{"type": "work", "streetAddress": "1 Long Street",
			"locality": "Springfield", "country": "US"}},
		extURN: map[string]any{"department": "Engineering", "employeeNumber": fmt.Sprint(i),
			"organization": "Example"},
	}
}

// call serves one request without a network and returns how long that took.
func (s *bench) call(b *testing.B, status int, method, path, body string) time.Duration {
	b.Helper()
	r := httptest.NewRequest(method, "/orgs/default/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.c.token)
	if body == "" {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	start := time.Now()
	s.h.ServeHTTP(w, r)
	d := time.Since(start)
	if w.Code != status {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return d
}

// bare returns a handler that writes the bytes.
func bare(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = w.Write(body)
	})
}

// BenchmarkRead measures server CPU for a request against a handler that writes the same bytes, at 100,000 Users.
func BenchmarkRead(b *testing.B) {
	s := newBench(b)
	ids := s.users(b, 0, 100_000)
	paths := map[string][]string{}
	for i := 0; i < len(ids); i += 97 {
		paths["id"] = append(paths["id"], "/orgs/default/scim/v2/Users/"+ids[i].String())
		paths["userName"] = append(paths["userName"],
			"/orgs/default/scim/v2/Users?filter="+url.QueryEscape(fmt.Sprintf(`userName eq "USER%07d@example.com"`, i)))
	}
	for _, name := range []string{"id", "userName"} {
		b.Run(name, func(b *testing.B) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", paths[name][0], nil)
			r.Header.Set("Authorization", "Bearer "+s.c.token)
			s.h.ServeHTTP(w, r)
			if w.Code != 200 || w.Body.Len() < 700 {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
			const rounds = 5 // in turn, so that what else the machine does falls on both
			n := max(b.N/rounds, 200)
			var ours, other [rounds]time.Duration
			b.ResetTimer()
			for i := range rounds {
				runtime.GC()
				ours[i] = serverCPU(b, s.h, paths[name], s.c.token, n)
				other[i] = serverCPU(b, bare(w.Body.Bytes()), paths[name], s.c.token, n)
			}
			slices.Sort(ours[:])
			slices.Sort(other[:])
			median, bareMedian := ours[rounds/2], other[rounds/2]
			b.ReportMetric(float64(median.Nanoseconds())/1000, "cpu-µs/req")
			b.ReportMetric(float64(bareMedian.Nanoseconds())/1000, "bare-cpu-µs/req")
			b.ReportMetric(float64(median)/float64(bareMedian), "ratio")
		})
	}
}

// BenchmarkServe measures one read without a network.
func BenchmarkServe(b *testing.B) {
	s := newBench(b)
	id := s.users(b, 0, 1000)[500]
	for name, path := range map[string]string{
		"id": "/Users/" + id.String(), "userName": "/Users?filter=" +
			url.QueryEscape(`userName eq "user0000500@example.com"`),
		"list100": "/Users?count=100", "projected": "/Users/" + id.String() + "?attributes=userName,emails.value",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.call(b, 200, "GET", path, "")
			}
		})
	}
}

// BenchmarkAddMember measures adding a member to a large group against a small one, in turn.
func BenchmarkAddMember(b *testing.B) {
	s, other := newBenchOn(b, etcd(b, embedded.Start).NewClient()), etcd(b, embedded.Start).Client
	ids := s.users(b, 0, 100_000)
	pool := s.users(b, 100_000, 4000)
	d := s.store.Organization("default")
	group := func(name string, members []directory.ID) *directory.Resource {
		var g *directory.Resource
		if _, err := d.Update(b.Context(), func(tx *directory.Tx) (err error) {
			g, err = tx.Create("Group", schema.Document{"displayName": name})
			return err
		}); err != nil {
			b.Fatal(err)
		}
		for len(members) > 0 {
			n := min(len(members), directory.MaxMemberships)
			if _, err := d.Update(b.Context(),
				func(tx *directory.Tx) error { return tx.AddMembers(g, members[:n]) }); err != nil {
				b.Fatal(err)
			}
			members = members[n:]
		}
		return g
	}
	small, large := group("small", ids[:10]), group("large", ids)
	add := func(g *directory.Resource, id directory.ID, prefer string, status int) time.Duration {
		took := s.patchMember(b, g, id, prefer, status)
		if _, err := d.Update(b.Context(),
			func(tx *directory.Tx) error { return tx.RemoveMembers(g, []directory.ID{id}) }); err != nil {
			b.Fatal(err)
		}
		return took
	}
	s.patchMember(b, large, pool[0], "return=minimal", 204)
	added := *s.last.op.Load()
	var toSmall, toLarge, asShown, notShown, raw time.Duration
	b.ResetTimer()
	n := b.N
	for i := range n {
		id := pool[1+i%(len(pool)-1)]
		toSmall += add(small, id, "return=minimal", 204)
		toLarge += add(large, id, "return=minimal", 204)
		raw += rawTransaction(b, other, added)
		asShown += add(small, id, "", 200)
		notShown += add(large, id, "", 204) // too large to show
	}
	b.ReportMetric(float64(toSmall.Nanoseconds())/1000/float64(n), "small-µs")
	b.ReportMetric(float64(toLarge.Nanoseconds())/1000/float64(n), "large-µs")
	b.ReportMetric(float64(toLarge)/float64(toSmall), "large/small")
	b.ReportMetric(float64(notShown)/float64(asShown), "large/small-default-reply")
	b.ReportMetric(float64(raw.Nanoseconds())/1000/float64(n), "raw-µs")
	b.ReportMetric(float64(toLarge)/float64(raw), "large/raw")
}

func minimalAdd(id directory.ID) string {
	return patch(`{"op":"add","path":"members","value":[{"value":"` + id.String() + `"}]}`)
}

// patchMember adds a member by PATCH.
func (s *bench) patchMember(b *testing.B, g *directory.Resource, id directory.ID, prefer string,
	status int) time.Duration {
	r := httptest.NewRequest("PATCH", "/orgs/default/scim/v2/Groups/"+g.ID.String(), strings.NewReader(minimalAdd(id)))
	r.Header.Set("Authorization", "Bearer "+s.c.token)
	r.Header.Set("Prefer", prefer)
	w := httptest.NewRecorder()
	start := time.Now()
	s.h.ServeHTTP(w, r)
	d := time.Since(start)
	if w.Code != status {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
	return d
}

// BenchmarkCreate measures POST /Users against etcd transactions of the same keys and bytes, each on an etcd of its
// own: as it is shipped, and without syncing to the disk, so that only processor time is left.
func BenchmarkCreate(b *testing.B) {
	for _, c := range []struct {
		name  string
		start func(context.Context, string) (*embedded.Etcd, error)
	}{{"durable", embedded.Start}, {"unforced", embedded.StartUnsafe}} {
		b.Run(c.name, func(b *testing.B) {
			s, other := newBenchOn(b, etcd(b, c.start).NewClient()), etcd(b, c.start).Client
			t := schema.User()
			bodies := make([]string, b.N)
			for i := range bodies {
				text, err := t.Encode(userDocument(i))
				if err != nil {
					b.Fatal(err)
				}
				bodies[i] = string(text)
			}
			var ours, raw time.Duration // in turn, so that what else the machine does falls on both
			b.ResetTimer()
			for _, body := range bodies {
				ours += s.call(b, 201, "POST", "/Users", body)
				raw += rawTransaction(b, other, *s.last.op.Load())
			}
			n := len(bodies)
			b.ReportMetric(float64(ours.Nanoseconds())/1000/float64(n), "post-µs")
			b.ReportMetric(float64(raw.Nanoseconds())/1000/float64(n), "raw-µs")
			b.ReportMetric(float64(raw)/float64(ours), "rate/raw")
		})
	}
}

// etcd starts an embedded etcd that stops with the benchmark.
func etcd(b *testing.B, start func(context.Context, string) (*embedded.Etcd, error)) *embedded.Etcd {
	b.Helper()
	e, err := start(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	return e
}

// rawTransaction commits a transaction like op on other keys of the same length, and returns how long that took.
func rawTransaction(b *testing.B, c *clientv3.Client, op clientv3.Op) time.Duration {
	b.Helper()
	cmps, thens, _ := op.Txn()
	now := uint64(time.Now().UnixNano())
	fresh := func(key []byte, place int) string {
		k := append([]byte("~"), key[1:]...)
		tail := k[len(k)-10:]
		binary.BigEndian.PutUint64(tail, now)
		binary.BigEndian.PutUint16(tail[8:], uint16(place))
		return string(k)
	}
	var ifs []clientv3.Cmp
	var ops []clientv3.Op
	for i, c := range cmps {
		ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(fresh(c.KeyBytes(), i)), "=", 0))
	}
	for i, o := range thens {
		if o.IsPut() {
			ops = append(ops, clientv3.OpPut(fresh(o.KeyBytes(), len(cmps)+i), string(o.ValueBytes())))
		}
	}
	start := time.Now()
	resp, err := c.Txn(b.Context()).If(ifs...).Then(ops...).Commit()
	took := time.Since(start)
	if err != nil || !resp.Succeeded {
		b.Fatalf("%v %v", err, resp)
	}
	return took
}
