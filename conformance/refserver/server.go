package refserver

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a server. The zero value is a server with everything.
type Options struct {
	Minimal    bool // no patch, bulk, filter, sort, etag, cursor, .search, /Me, events
	CursorOnly bool // no index paging
	Redirect   bool // /Me redirects
	Letter     bool // replace makes nothing, as RFC 7644 has it and Entra ID does not

	// Event, if set, may change the claims of a security event before it is
	// signed; it is how tests plant faults inside of events.
	Event func(claims map[string]any)
}

// Credentials the server knows.
const (
	Token        = "admin-token-0001" // all rights in the first tenant
	ReaderToken  = "reader-token-0001"
	ExpiredToken = "expired-token-0001"
	OtherToken   = "other-token-0001" // all rights in the second tenant
)

// Base is the path of the service.
const Base = "/scim/v2"

const (
	mediaType    = "application/scim+json"
	maxResults   = 100
	maxOps       = 20
	maxPayload   = 200_000
	pageSize     = 50
	cursorLife   = 2 * time.Second
	messages     = "urn:ietf:params:scim:api:messages:2.0:"
	maxBodyBytes = 1 << 20
)

// Server is an http.Handler.
type Server struct {
	opts  Options
	types []*typ
	key   []byte // seals cursors, signs events

	mu      sync.Mutex
	now     time.Time
	serial  int
	tenants map[string]*tenant
}

// tenant is the data of one customer.
type tenant struct {
	name  string
	recs  []*rec // in the order of creation
	gen   int    // counts changes
	sets  []set  // the event stream
	async map[string]string
}

// rec is one resource. Its data is never changed, only replaced.
type rec struct {
	id                string
	typ               *typ
	data              obj
	created, modified time.Time
	version           int

	whole obj // the rendered resource as of change gen
	gen   int
}

// New makes a server with two users; the first owns the first tenant's token.
func New(opts Options) *Server {
	s := &Server{opts: opts, types: makeTypes(), key: []byte(rand.Text() + rand.Text())[:32],
		now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), tenants: map[string]*tenant{}}
	for _, name := range []string{"first", "second"} {
		s.tenants[name] = &tenant{name: name, async: map[string]string{}}
	}
	c := &call{s: s, t: s.tenants["first"], host: "http://localhost"}
	for _, name := range []string{"owner", "helper"} {
		body := obj{"schemas": arr{s.types[0].urn}, "userName": name, "name": obj{"givenName": "Some",
			"familyName": "Body"}, "emails": arr{obj{"value": name + "@example.com", "type": "work"}}}
		if _, err := c.create(s.types[0], body); err != nil {
			panic(err)
		}
	}
	return s
}

// Advance moves the server's clock.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Len is the number of resources in both tenants.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tenants["first"].recs) + len(s.tenants["second"].recs)
}

// call is one request.
type call struct {
	s      *Server
	t      *tenant
	r      *http.Request
	host   string
	reader bool
	txn    string
}

func (c *call) base() string { return c.host + Base }

// scimError is an error answer.
type scimError struct {
	status   int
	scimType string
	detail   string
}

func (e *scimError) Error() string { return e.detail }

func fail(status int, scimType, format string, args ...any) error {
	return &scimError{status, scimType, fmt.Sprintf(format, args...)}
}

// answer is a successful or failed answer.
type answer struct {
	status int
	header http.Header
	body   any
}

func errorAnswer(err error) *answer {
	var e *scimError
	if !errors.As(err, &e) {
		e = &scimError{500, "", "internal error"}
	}
	body := obj{"schemas": arr{messages + "Error"}, "status": fmt.Sprint(e.status), "detail": e.detail}
	if e.scimType != "" {
		body["scimType"] = e.scimType
	}
	return &answer{status: e.status, body: body, header: http.Header{}}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Millisecond)
	c := &call{s: s, r: r, host: "http://" + r.Host}
	a, err := c.serve()
	if err != nil {
		h := http.Header{}
		if a != nil && a.header != nil {
			h = a.header
		}
		a = errorAnswer(err)
		a.header = h
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if jwt, ok := a.body.(rawJWT); ok {
		w.Header().Set("Content-Type", "application/secevent+jwt")
		w.WriteHeader(a.status)
		io.WriteString(w, string(jwt))
		return
	}
	data, err := json.Marshal(a.body)
	if err != nil {
		http.Error(w, "internal error", 500)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	if accept := r.Header.Get("Accept"); accept == "application/json" {
		w.Header().Set("Content-Type", accept)
		if a.status >= 400 {
			w.Header().Set("Content-Type", mediaType)
		}
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(data)
	}
}

var discovery = []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"}

func (c *call) serve() (*answer, error) {
	path, ok := strings.CutPrefix(c.r.URL.Path, Base)
	if !ok {
		return nil, fail(404, "", "no such endpoint %s", c.r.URL.Path)
	}
	for _, d := range discovery {
		if path == d || strings.HasPrefix(path, d+"/") {
			return c.discover(d, strings.TrimPrefix(strings.TrimPrefix(path, d), "/"))
		}
	}
	if a, err := c.authenticate(); err != nil {
		return a, err
	}
	c.txn = rand.Text()
	if id, ok := strings.CutPrefix(path, "/.completions/"); ok {
		return c.completion(id)
	}
	if path == "/.poll" {
		return c.poll()
	}
	if !c.asynchronous() {
		return c.dispatch(path)
	}
	return c.respondAsync(path)
}

func (c *call) authenticate() (*answer, error) {
	h := c.r.Header.Get("Authorization")
	token, ok := strings.CutPrefix(h, "Bearer ")
	challenge := `Bearer realm="scim"`
	switch {
	case ok && token == Token:
		c.t = c.s.tenants["first"]
	case ok && token == ReaderToken:
		c.t, c.reader = c.s.tenants["first"], true
	case ok && token == OtherToken:
		c.t = c.s.tenants["second"]
	default:
		if h != "" {
			challenge += `, error="invalid_token"`
		}
		return &answer{header: http.Header{"Www-Authenticate": {challenge}}}, fail(401, "", "no valid credentials")
	}
	search := strings.HasSuffix(c.r.URL.Path, "/.search")
	if c.reader && !search && c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return nil, fail(403, "", "these credentials may only read")
	}
	return nil, nil
}

func allow(methods string) (*answer, error) {
	return &answer{header: http.Header{"Allow": {methods}}},
		fail(405, "", "the method is not allowed here; allowed: %s", methods)
}

func (c *call) dispatch(path string) (*answer, error) {
	get := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	switch {
	case path == "" || path == "/":
		if !get {
			return allow("GET, HEAD")
		}
		return c.list(nil)
	case path == "/.search":
		return c.searchPost(nil)
	case path == "/Bulk":
		return c.bulk()
	case path == "/Me":
		return c.me()
	}
	i := slices.IndexFunc(c.s.types, func(t *typ) bool {
		return path == t.endpoint || strings.HasPrefix(path,
			t.endpoint+"/")
	})
	if i < 0 {
		return nil, fail(404, "", "no such endpoint %s", path)
	}
	t := c.s.types[i]
	id := strings.TrimPrefix(strings.TrimPrefix(path, t.endpoint), "/")
	switch {
	case id == ".search":
		return c.searchPost(t)
	case id == "" && get:
		return c.list(t)
	case id == "" && c.r.Method == http.MethodPost:
		return c.post(t)
	case id == "":
		return allow("GET, HEAD, POST")
	}
	return c.one(t, id)
}

// body reads a JSON object.
func (c *call) body(limit int64) (obj, error) {
	m, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || m != mediaType && m != "application/json" {
		return nil, fail(415, "", "Content-Type %q: must be %s or application/json", c.r.Header.Get("Content-Type"),
			mediaType)
	}
	data, err := io.ReadAll(io.LimitReader(c.r.Body, limit+1))
	if err != nil {
		return nil, fail(400, "invalidSyntax", "the body cannot be read")
	}
	if int64(len(data)) > limit {
		return nil, fail(413, "", "the body is larger than %d bytes", limit)
	}
	return parseObject(data)
}

func parseObject(data []byte) (obj, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fail(400, "invalidSyntax", "the body is no JSON: %v", err)
	}
	o, ok := v.(obj)
	if !ok || d.More() {
		return nil, fail(400, "invalidSyntax", "the body is not one JSON object")
	}
	return o, nil
}
