package scimapi_test

import (
	"context"
	"encoding/json"
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
// much at once, against the same GET while they do not. The figures are percentiles: as the victim's client sees them
// (idle and attack, and their ratio), and as the server does, without the network (served).
func BenchmarkVictim(b *testing.B) {
	s := newBench(b)
	ids := s.users(b, 0, 30_000)
	if _, err := s.store.System().Update(b.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("Organization", schema.Document{"name": "victim"})
		return err
	}); err != nil {
		b.Fatal(err)
	}
	watch := &stopwatch{Handler: s.h, prefix: "/orgs/victim/"}
	s.server.url = httptest.NewServer(watch).URL
	victim := s.client(b, "victim", "write", nil)
	id := victim.user("ada")
	sample := func() (took []time.Duration) {
		for range 1500 {
			start := time.Now()
			victim.must(200, "GET", "/Users/"+id, nil)
			took = append(took, time.Since(start))
			time.Sleep(time.Millisecond)
		}
		return took
	}
	for _, a := range attacks(b, s, ids) {
		b.Run(a.name, func(b *testing.B) {
			for b.Loop() {
				idle := p99(sample())
				watch.reset()
				ctx, stop := context.WithCancel(b.Context())
				var attackers sync.WaitGroup
				for range 16 {
					attackers.Go(func() { a.repeat(ctx, s) })
				}
				time.Sleep(200 * time.Millisecond)
				under := p99(sample())
				stop()
				attackers.Wait()
				b.ReportMetric(idle, "idle-p99-µs")
				b.ReportMetric(under, "attack-p99-µs")
				b.ReportMetric(p99(watch.reset()), "served-p99-µs")
				b.ReportMetric(under/idle, "ratio")
			}
		})
	}
}

// attack is a request that asks for much.
type attack struct{ name, method, path, body string }

// attacks prepares the organization "default", which has the Users, and returns what can be asked of it.
func attacks(b *testing.B, s *bench, users []directory.ID) []attack {
	crowd, few := s.group(b, users), s.user(b, mails(100))
	one := `meta.location co "zz" or `
	selects := `emails[` + strings.TrimSuffix(strings.Repeat(`value co \"zz\" or `, 100), " or ") + `].display`
	operation := `{"op":"replace","path":"` + selects + `","value":"x"}`
	patches := `{"schemas":["` + patchURN + `"],"Operations":[{"op":"replace","path":"title","value":"x"}` +
		strings.Repeat(","+operation, 199) + `]}`
	members := strings.TrimSuffix(strings.Repeat(`{"value":"`+directory.NewID().String()+`"},`, 80_000), ",")
	nicks := strings.TrimSuffix(strings.Repeat(`{"value":"a@example.com","type":"work"},`, 25_000), ",")
	return []attack{
		{"scan", "GET", "/Users?count=0&filter=" + url.QueryEscape(`title co "zz"`), ""},
		{"terms", "GET", "/Users?count=0&filter=" + url.QueryEscape(strings.TrimSuffix(strings.Repeat(one, 100), " or ")), ""},
		{"sort", "GET", "/Users?count=1&sortBy=title", ""},
		{"range", "GET", "/Users?count=0&filter=" + url.QueryEscape(`userName gt "a"`), ""},
		{"pages", "GET", "/Users?count=1000", ""},
		{"group", "GET", "/Groups/" + crowd, ""},
		{"members", "GET", "/Groups?count=0&filter=" + url.QueryEscape(`members.display co "zz"`), ""},
		{"patch", "PATCH", "/Users/" + few, patches},
		{"body", "PATCH", "/Groups/" + crowd,
			`{"schemas":["` + patchURN + `"],"Operations":[{"op":"add","path":"members","value":[` + members + `]}]}`},
		{"document", "POST", "/Users", `{"schemas":["` + userURN + `"],"emails":[` + nicks + `]}`},
	}
}

// group makes a Group of the Users.
func (s *bench) group(b *testing.B, users []directory.ID) string {
	b.Helper()
	var id directory.ID
	for part := range slices.Chunk(users, 5000) {
		if _, err := s.store.Organization("default").Update(b.Context(), func(tx *directory.Tx) (err error) {
			var g *directory.Resource
			if id == (directory.ID{}) {
				g, err = tx.Create("Group", schema.Document{"displayName": "crowd"})
			} else {
				g, err = tx.Get("Group", id)
			}
			if err != nil {
				return err
			}
			id = g.ID
			return tx.AddMembers(g, part)
		}); err != nil {
			b.Fatal(err)
		}
	}
	return id.String()
}

// user makes a User with the emails.
func (s *bench) user(b *testing.B, emails any) string {
	b.Helper()
	body, err := json.Marshal(map[string]any{"schemas": []string{userURN}, "userName": "few", "emails": emails})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/orgs/default/scim/v2/Users", strings.NewReader(string(body)))
	r.Header.Set("Authorization", "Bearer "+s.c.token)
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	var made struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || made.ID == "" {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
	return made.ID
}

// repeat sends the request again and again until the context ends.
func (a attack) repeat(ctx context.Context, s *bench) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, a.method, fmt.Sprint(s.server.url, "/orgs/default/scim/v2", a.path),
			strings.NewReader(a.body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+s.c.token)
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
}

// stopwatch measures how long requests take whose path has the prefix.
type stopwatch struct {
	http.Handler
	prefix string
	mu     sync.Mutex
	took   []time.Duration
}

func (s *stopwatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, s.prefix) {
		s.Handler.ServeHTTP(w, r)
		return
	}
	start := time.Now()
	s.Handler.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, time.Since(start))
}

// reset returns what was measured, and forgets it.
func (s *stopwatch) reset() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := s.took
	s.took = nil
	return took
}

// p99 is in microseconds.
func p99(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds())
}
