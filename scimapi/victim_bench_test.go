package scimapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// BenchmarkVictim measures a GET of one organization while 16 clients of another one, which has 30,000 Users, ask for
// much at once, against the same GET while they do not. The figures are percentiles in microseconds: as the victim's
// client sees them (idle, attack and their ratio), and without the network (served). The attackers' requests come
// without a network, so that what their clients would cost is not counted: their machines are not ours.
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
	path := "/Users/" + victim.user("ada")
	sample := func() (seen, served float64) {
		watch.reset()
		var took []time.Duration
		for range 2000 {
			start := time.Now()
			victim.must(200, "GET", path, nil)
			took = append(took, time.Since(start))
			time.Sleep(time.Millisecond)
		}
		return p99(took), p99(watch.reset())
	}
	for _, a := range attacks(b, s, ids) {
		b.Run(a.name, func(b *testing.B) {
			for b.Loop() {
				idle, servedIdle := sample()
				ctx, stop := context.WithCancel(b.Context())
				var attackers sync.WaitGroup
				var answers atomic.Int64
				for range 16 {
					attackers.Go(func() { a.repeat(ctx, s, &answers) })
				}
				time.Sleep(200 * time.Millisecond)
				under, servedUnder := sample()
				stop()
				attackers.Wait()
				b.ReportMetric(idle, "idle-p99-µs")
				b.ReportMetric(under, "attack-p99-µs")
				b.ReportMetric(servedUnder/servedIdle, "served-ratio")
				b.ReportMetric(servedUnder, "served-p99-µs")
				b.ReportMetric(under/idle, "ratio")
				b.ReportMetric(float64(answers.Load()), "answers")
			}
		})
	}
}

// attack is a request that asks for much.
type attack struct{ name, method, path, body string }

// attacks prepares the organization "default", which has the Users, and returns what can be asked of it.
func attacks(b *testing.B, s *bench, users []directory.ID) []attack {
	crowd, few := s.group(b, users), s.user(b, mails(100))
	filter := func(text string) string { return "count=0&filter=" + url.QueryEscape(text) }
	terms := strings.TrimSuffix(strings.Repeat(`meta.location co "zz" or `, 100), " or ")
	selects := `emails[` + strings.TrimSuffix(strings.Repeat(`value co \"zz\" or `, 100), " or ") + `].display`
	message := func(operations string) string {
		return `{"schemas":["` + patchURN + `"],"Operations":[` + operations + `]}`
	}
	operations := strings.Repeat(`{"op":"replace","path":"`+selects+`","value":"x"},`, 200)
	unknown := strings.Repeat(`{"value":"`+directory.NewID().String()+`"},`, 80_000)
	mail := strings.Repeat(`{"value":"a@example.com","type":"work"},`, 25_000)
	return []attack{
		{name: "scan", method: "GET", path: "/Users?" + filter(`title co "zz"`)},
		{name: "terms", method: "GET", path: "/Users?" + filter(terms)},
		{name: "sort", method: "GET", path: "/Users?count=1&sortBy=title"},
		{name: "range", method: "GET", path: "/Users?" + filter(`userName gt "a"`)},
		{name: "pages", method: "GET", path: "/Users?count=1000"},
		{name: "group", method: "GET", path: "/Groups/" + crowd},
		{name: "members", method: "GET", path: "/Groups?" + filter(`members.display co "zz"`)},
		{name: "patch", method: "PATCH", path: "/Users/" + few, body: message(strings.TrimSuffix(operations, ","))},
		{name: "body", method: "PATCH", path: "/Groups/" + crowd,
			body: message(`{"op":"add","path":"members","value":[` + strings.TrimSuffix(unknown, ",") + `]}`)},
		{name: "document", method: "POST", path: "/Users",
			body: `{"schemas":["` + userURN + `"],"emails":[` + strings.TrimSuffix(mail, ",") + `]}`},
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
func (a attack) repeat(ctx context.Context, s *bench, answers *atomic.Int64) {
	for ctx.Err() == nil {
		r := httptest.NewRequestWithContext(ctx, a.method, "/orgs/default/scim/v2"+a.path, strings.NewReader(a.body))
		r.Header.Set("Authorization", "Bearer "+s.c.token)
		func() {
			defer func() { _ = recover() }() // http.ErrAbortHandler: the context ended within a reply
			s.h.ServeHTTP(&discard{header: http.Header{}}, r)
			answers.Add(1)
		}()
	}
}

// discard is a client that reads as fast as it is written to.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

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
