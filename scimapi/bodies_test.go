package scimapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"rollcall/directory/directorytest"
	"rollcall/internal/bodies"
	"rollcall/scimapi"
)

// waiting is a body that brings one byte and then nothing until it is let go.
type waiting struct {
	begun *sync.WaitGroup // is told when the rest is waited for
	rest  chan struct{}
	reads int
}

func (w *waiting) Read(p []byte) (int, error) {
	if w.reads++; w.reads == 1 {
		p[0] = '{'
		return 1, nil
	}
	w.begun.Done()
	<-w.rest
	return 0, io.ErrUnexpectedEOF
}

func (w *waiting) Close() error { return nil }

// Memory grows with what was received, not with what Content-Length announces.
func TestAnnouncedBodiesCostNothing(t *testing.T) {
	store := directorytest.New(t)
	bound := bodies.New(bodies.DefaultMost)
	h := newRouter(t, store, scimapi.Options{PublicURL: publicURL, Bodies: bound})
	c := (&server{store: store}).client(t, "default", "write", nil)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var begun, done sync.WaitGroup
	rest := make(chan struct{})
	begun.Add(480)
	for range 480 {
		done.Go(func() {
			r := httptest.NewRequest("POST", "/orgs/default/scim/v2/Bulk", nil)
			r.Header.Set("Authorization", "Bearer "+c.token)
			r.Body, r.ContentLength = &waiting{begun: &begun, rest: rest}, 8<<20
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	begun.Wait()
	if grown := int64(heap()) - int64(before); grown > 64<<20 {
		t.Errorf("480 bodies of one byte grow the heap by %d MB", grown>>20)
	}
	if held := bound.Held(); held == 0 || held > 4<<20 {
		t.Errorf("%d bytes are held", held)
	}
	close(rest)
	done.Wait()
	if bound.Held() != 0 {
		t.Errorf("%d bytes are held by nobody", bound.Held())
	}
}

// All bodies together are bounded: who holds most is told to try again, another credential is served.
func TestBodiesTogether(t *testing.T) {
	bound := bodies.New(1 << 20)
	s := serve(t, scimapi.Options{Bodies: bound})
	a, b := s.client(t, "default", "write", nil), s.client(t, "default", "write", nil)

	// A request of a that goes on holding 500 KB.
	begun, rest := make(chan struct{}), make(chan struct{})
	pipe, in := io.Pipe()
	go func() {
		_, _ = io.WriteString(in, `{"schemas":["`+userURN+`"],"title":"`+strings.Repeat("x", 500_000))
		close(begun)
		<-rest
		in.Close()
	}()
	var done sync.WaitGroup
	done.Go(func() {
		req, err := http.NewRequest("POST", a.base+"/Users", pipe)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+a.token)
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	})
	<-begun
	for bound.Held() < 480_000 { // it is on its way
		runtime.Gosched()
	}
	large := map[string]any{"schemas": []string{userURN}, "userName": "large", "title": strings.Repeat("x", 100_000)}
	if r := a.refused(503, "", "POST", "/Users", large); r.header.Get("Retry-After") == "" {
		t.Errorf("%v", r.header)
	}
	b.must(201, "POST", "/Users", large)
	close(rest)
	done.Wait()
	large["userName"] = "again"
	a.must(201, "POST", "/Users", large)
}
