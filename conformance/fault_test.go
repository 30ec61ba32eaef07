package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"rollcall/conformance/refserver"
)

// A fault is a mistake planted into the reference server, and the
// requirements a run has to find broken by it.
type fault struct {
	name   string
	ids    []string
	config string // of refOptions; "full" if empty
	during string // areas or checks that have to run for it, where the observers find it
	plant  func(*exchange)
	event  func(claims map[string]any) // a mistake inside of security events

	// outside selects paths that are not below the base and are answered as
	// if they were the list of users, or with outsideStatus.
	outside       func(path string) bool
	outsideStatus int
	outsideBase   bool // plant sees requests that are not below the base, too
}

// exchange is a request on its way to the reference server and its answer on
// the way back, for a fault to change either.
type exchange struct {
	srv  http.Handler
	r    *http.Request
	m, p string // method, path below the base
	q    url.Values
	raw  []byte // request body
	in   any    // the same as JSON
	st   int
	h    http.Header // of the answer
	out  any
	body []byte // the answer if it is no JSON
	ran  bool

	outside bool // the path is not below the base
}

var (
	typedPath = regexp.MustCompile(`^/(Users|Groups|Widgets|\.search|Me)`)
	onePath   = regexp.MustCompile(`^/(Users|Groups|Widgets)/[^.]`)
	typePath  = regexp.MustCompile(`^/(Users|Groups|Widgets)$`)
)

func (x *exchange) run() {
	rec := httptest.NewRecorder()
	req := x.r.Clone(x.r.Context())
	req.Method = x.m
	if req.URL.Path = refserver.Base + x.p; x.outside {
		req.URL.Path = x.p
	}
	req.URL.RawQuery = x.q.Encode()
	if x.in != nil {
		x.raw, _ = json.Marshal(x.in)
	}
	req.Body = io.NopCloser(bytes.NewReader(x.raw))
	x.srv.ServeHTTP(rec, req)
	x.ran, x.st, x.h, x.body = true, rec.Code, rec.Header(), rec.Body.Bytes()
	x.out, _ = decode(x.body)
}

// answer gives an answer without asking the server, or instead of what it said.
func (x *exchange) answer(status int, body any) {
	if x.h == nil {
		x.h = http.Header{}
	}
	x.ran, x.st, x.out, x.body = true, status, body, nil
	x.h.Set("Content-Type", mediaType)
}

func (x *exchange) refuse(status int, scimType string) {
	body := obj{"schemas": arr{messageURN + "Error"}, "status": json.Number(http.StatusText(status)),
		"detail": "planted"}
	body["status"] = itoa(status)
	if scimType != "" {
		body["scimType"] = scimType
	}
	x.answer(status, body)
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func (x *exchange) list() bool { return x.st == 200 && at(x.out, "totalResults") != nil }

// typed reports whether the path is under a type's endpoint, or the root search.
func (x *exchange) typed() bool {
	return typedPath.MatchString(x.p)
}

// each visits the resources of a successful answer.
func (x *exchange) each(f func(o obj)) {
	if x.st >= 300 || !x.typed() {
		return
	}
	if x.list() {
		for _, o := range resources(x.out) {
			f(o)
		}
	} else if o, ok := x.out.(obj); ok {
		f(o)
	}
}

// one reports whether the request is for a single resource.
func (x *exchange) one() bool {
	return onePath.MatchString(x.p)
}

func (x *exchange) create() bool {
	return x.m == "POST" && typePath.MatchString(x.p)
}

// input gives the request body as an object.
func (x *exchange) input() obj { o, _ := x.in.(obj); return o }

// users replaces a list's resources by n others.
func (x *exchange) onlyUser() {
	x.m, x.q, x.raw, x.in = "GET", url.Values{"count": {"1"}}, nil, nil
	x.run()
}

func (x *exchange) emptyList() {
	x.answer(200, obj{"schemas": arr{messageURN + "ListResponse"}, "totalResults": 0, "startIndex": 1,
		"itemsPerPage": 0, "Resources": arr{}})
}

// handler is the reference server with the fault. Requests are answered one after the other: faults remember what they
// saw.
func (f fault) handler(ref *refserver.Server) http.Handler {
	var srv http.Handler = ref
	if f.config == "interop" {
		srv = interopServer(ref)
	}
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.outside != nil && f.outside(r.URL.Path) {
			if f.outsideStatus != 0 {
				w.WriteHeader(f.outsideStatus)
				return
			}
			r = r.Clone(r.Context())
			r.URL.Path = refserver.Base + "/Users"
		}
		if f.plant == nil || !strings.HasPrefix(r.URL.Path, refserver.Base) && !f.outsideBase && f.config != "interop" {
			srv.ServeHTTP(w, r)
			return
		}
		x := &exchange{srv: srv, r: r, m: r.Method, p: strings.TrimPrefix(r.URL.Path, refserver.Base), q: r.URL.Query(),
			outside: !strings.HasPrefix(r.URL.Path, refserver.Base)}
		x.raw, _ = io.ReadAll(r.Body)
		if v, err := decode(x.raw); err == nil {
			if _, ok := v.(obj); ok && !bytes.Contains(x.raw, []byte(`"externalId":"a","externalId"`)) {
				x.in = v
			}
		}
		mu.Lock()
		x.guarded(f.plant, &mu)
		if !x.ran {
			x.run()
		}
		for k, v := range x.h {
			w.Header()[k] = v
		}
		data := x.body
		if x.out != nil {
			data, _ = json.Marshal(x.out)
		}
		mu.Unlock()
		w.WriteHeader(x.st)
		if r.Method != "HEAD" || len(x.body) > 0 && x.out == nil {
			w.Write(data)
		}
	})
}

// guarded plants the fault; one that cuts the connection must not keep the lock.
func (x *exchange) guarded(plant func(*exchange), mu *sync.Mutex) {
	defer func() {
		if e := recover(); e != nil {
			mu.Unlock()
			panic(e)
		}
	}()
	plant(x)
}

// The constructors of faults.

// after changes the answers a condition holds for.
func after(list string, cond func(*exchange) bool, change func(*exchange)) fault {
	return fault{ids: ids(list), plant: func(x *exchange) {
		x.run()
		if cond(x) {
			change(x)
		}
	}}
}

// before changes requests, or answers them.
func before(list string, cond func(*exchange) bool, change func(*exchange)) fault {
	return fault{ids: ids(list), plant: func(x *exchange) {
		if cond(x) {
			change(x)
		}
	}}
}

// shown changes every resource that is shown.
func shown1(list string, change func(o obj)) fault {
	return fault{ids: ids(list), plant: func(x *exchange) {
		x.run()
		x.each(change)
	}}
}

// doc changes a discovery answer.
func doc(list, path string, change func(o obj)) fault {
	return fault{ids: ids(list), plant: func(x *exchange) {
		x.run()
		if o, ok := x.out.(obj); ok && x.p == path && x.st == 200 {
			change(o)
		}
	}}
}

// docs changes each entry of a discovery list, also when read alone.
func docs(list, path string, change func(o obj)) fault {
	return fault{ids: ids(list), plant: func(x *exchange) {
		x.run()
		if !strings.HasPrefix(x.p, path) || x.st != 200 {
			return
		}
		if items := resources(x.out); items != nil {
			for _, o := range items {
				change(o)
			}
		} else if o, ok := x.out.(obj); ok {
			change(o)
		}
	}}
}

// claims changes security events.
func claims(list string, change func(c obj)) fault {
	return fault{ids: ids(list), event: func(c map[string]any) { change(c) }}
}

// on is a condition on method and path.
func on(method, path string) func(*exchange) bool {
	re := regexp.MustCompile("^" + path + "$")
	return func(x *exchange) bool {
		return (method == "" || slices.Contains(strings.Split(method, "|"), x.m)) && re.MatchString(x.p)
	}
}

func and(all ...func(*exchange) bool) func(*exchange) bool {
	return func(x *exchange) bool {
		return !slices.ContainsFunc(all, func(f func(*exchange) bool) bool { return !f(x) })
	}
}

// param is a condition on a query parameter.
func param(name, pattern string) func(*exchange) bool {
	re := regexp.MustCompile(pattern)
	return func(x *exchange) bool { return x.q.Has(name) && re.MatchString(x.q.Get(name)) }
}

// sends is a condition on the request body.
func sends(pattern string) func(*exchange) bool {
	re := regexp.MustCompile(pattern)
	return func(x *exchange) bool { return re.Match(x.raw) }
}

// asks is a condition on a request header.
func asks(name, pattern string) func(*exchange) bool {
	re := regexp.MustCompile(pattern)
	return func(x *exchange) bool { return re.MatchString(x.r.Header.Get(name)) }
}

func status(want ...int) func(*exchange) bool {
	return func(x *exchange) bool { return slices.Contains(want, x.st) }
}

func set(name string, v any) func(*exchange) {
	return func(x *exchange) {
		if o, ok := x.out.(obj); ok {
			o[name] = v
		}
	}
}

func drop(names ...string) func(*exchange) {
	return func(x *exchange) {
		if o, ok := x.out.(obj); ok {
			for _, n := range names {
				delete(o, n)
			}
		}
	}
}

func dropHeader(name string) func(*exchange) { return func(x *exchange) { x.h.Del(name) } }

func setHeader(name, v string) func(*exchange) { return func(x *exchange) { x.h.Set(name, v) } }

func refuse(st int, scimType string) func(*exchange) {
	return func(x *exchange) { x.refuse(st, scimType) }
}

func failing(x *exchange) bool { return x.st >= 400 }

// cut drops the connection.
func cut(*exchange) { panic(http.ErrAbortHandler) }

// from is a condition that holds from the n-th time on that it is asked.
func from(n int) func(*exchange) bool {
	asked := 0
	return func(*exchange) bool { asked++; return asked >= n }
}
