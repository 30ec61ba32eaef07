package samlhook

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory"
	"rollcall/internal/bodies"
	"rollcall/internal/publicurl"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// Options configure a Hook. The zero value works, but for PublicURL.
type Options struct {
	// PublicURL is where people reach the server; addresses in metadata and redirects
	// begin with it, and its scheme decides whether cookies are Secure. The Host
	// header is never used.
	PublicURL string
	// Log gets one line for each request and attempt; nil discards them.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// AllowPrivateMetadata lets metadata be fetched from private addresses and by http.
	AllowPrivateMetadata bool
	// Bodies bounds what the bodies of all requests of this node hold together; nil
	// means a bound of its own.
	Bodies *bodies.Bound
	// Registry takes the metrics; nil means none.
	Registry prometheus.Registerer
}

// Hook serves sign-in for every organization of a store. It is made by New and safe
// for concurrent use.
type Hook struct {
	store   *directory.Store
	log     *slog.Logger
	now     func() time.Time
	public  string // PublicURL without a trailing slash
	site    *url.URL
	secure  bool
	origin  *http.CrossOriginProtection
	pages   *web.Pages
	fetcher *Fetcher
	metrics *metrics
	bodies  *bodies.Bound

	parsed      sync.Map // directory.ID → *loaded
	parsedCount atomic.Int64
	aggregate   aggregate
	shown       sync.Map // name of an organization → its name to show, as last read
	noted       notes
}

// New makes a Hook. The error is for a PublicURL that is none. Call Close at the end.
func New(store *directory.Store, o Options) (*Hook, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Bodies == nil {
		o.Bodies = bodies.New(bodies.DefaultMost)
	}
	h := &Hook{bodies: o.Bodies, store: store, log: o.Log, now: o.Now, origin: http.NewCrossOriginProtection(), fetcher: NewFetcher(o.AllowPrivateMetadata), metrics: newMetrics(o.Registry)}
	site, err := publicurl.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("the public URL: %w", err)
	}
	h.site, h.public, h.secure = site, site.String(), site.Scheme == "https"
	h.pages = web.MustParse(pageFiles, "")
	// A proxy may rewrite Host; the browser's Origin is still ours.
	if err := h.origin.AddTrustedOrigin(h.public); err != nil {
		return nil, err
	}
	h.aggregate.write = h.writeAggregated
	return h, nil
}

// Close writes the records that are still being gathered.
func (h *Hook) Close() { h.aggregate.close() }

// Register adds the routes to r, and those of the pages' assets. One route stands for one path; methods are told
// apart here, so that a wrong one gets 405 with Allow.
func (h *Hook) Register(r *mux.Router) {
	r.PathPrefix(web.AssetsPath).Handler(web.Assets())
	get := []string{http.MethodGet, http.MethodHead}
	for _, route := range []struct {
		path    string
		methods []string
		handle  func(*exchange) error
	}{
		{"/orgs/{org}/saml/{id}/metadata", get, (*exchange).metadata},
		{"/orgs/{org}/saml/{id}/login", get, (*exchange).login},
		{"/orgs/{org}/saml/{id}/acs", []string{http.MethodPost}, (*exchange).acs},
		{"/orgs/{org}/saml/{id}/finish", []string{http.MethodGet, http.MethodPost}, (*exchange).finish},
		{"/orgs/{org}/login", get, (*exchange).choose},
		{"/orgs/{org}/me", get, (*exchange).me},
		{"/orgs/{org}/sign-out", []string{http.MethodPost}, (*exchange).signOut},
	} {
		r.HandleFunc(route.path, func(w http.ResponseWriter, r *http.Request) { h.serve(route.path, route.methods, route.handle, w, r) })
	}
}

// exchange is one request and its answer.
type exchange struct {
	*Hook
	w http.ResponseWriter
	r *http.Request

	start  time.Time
	id     string // the correlation id
	route  string
	org    string
	dir    *directory.Directory
	status int

	connection directory.ID // zero where the path has none
	recorded   bool         // a SignIn has the correlation id
	outcome    Outcome      // for the log
	reason     saml.Reason
}

// serve runs one request: whatever handle returns as an error becomes the page.
func (h *Hook) serve(route string, methods []string, handle func(*exchange) error, w http.ResponseWriter, r *http.Request) {
	vars := mux.Vars(r)
	x := &exchange{Hook: h, w: w, r: r, start: h.now(), id: newCorrelationID(), route: route, org: vars["org"],
		dir: h.store.Organization(vars["org"])}
	w.Header().Set("X-Request-Id", x.id)
	var cause error
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			cause = &panicked{value: p, stack: debug.Stack()}
			x.fail(cause)
		}
		x.logLine(cause)
	}()
	if cause = x.enter(vars["id"], methods); cause == nil {
		cause = handle(x)
	}
	if cause != nil {
		x.fail(cause)
	}
}

func (x *exchange) enter(id string, methods []string) error {
	if err := x.method(methods); err != nil {
		return err
	}
	if id == "" {
		return nil
	}
	connection, ok := directory.ParseID(id)
	if !ok {
		return errNotFound
	}
	x.connection = connection
	return nil
}

func (x *exchange) method(methods []string) error {
	for _, m := range methods {
		if m == x.r.Method {
			return nil
		}
	}
	x.w.Header().Set("Allow", strings.Join(methods, ", "))
	return errMethod
}

// snapshot is the organization's state; an organization that is switched off has none.
func (x *exchange) snapshot() (*directory.Snapshot, error) {
	s, err := x.dir.Snapshot(x.r.Context())
	if err == nil && !s.Active() {
		err = errNotFound
	}
	if err == nil {
		x.shown.Store(x.org, displayOf(s.Organization(), "name"))
	}
	return s, err
}

// load is the request's connection as it is on the snapshot.
func (x *exchange) load(s *directory.Snapshot) (*loaded, error) {
	r, err := s.Get(typeConnection, x.connection)
	if err != nil {
		return nil, err
	}
	return x.Hook.load(s, x.org, r)
}

// ready is the request's connection with its keys, and the snapshot on which it was read.
func (x *exchange) ready() (*directory.Snapshot, *loaded, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, nil, err
	}
	l, err := x.load(s)
	if err == nil && (l.Key == nil || l.requests == nil) {
		err = errNotSetUp
	}
	return s, l, err
}

// logLine writes the one line of a request: no values of attributes, no names.
func (x *exchange) logLine(cause error) {
	level, attrs := slog.LevelInfo, []any{"organization", x.org, "route", x.route, "method", x.r.Method, "status", x.status,
		"correlationId", x.id, "duration", x.now().Sub(x.start)}
	if !x.connection.IsZero() {
		attrs = append(attrs, "connection", x.connection.String())
	}
	if x.outcome != "" {
		attrs = append(attrs, "outcome", string(x.outcome), "reason", string(x.reason))
	}
	if refusal, ok := errors.AsType[*saml.Refusal](cause); ok {
		attrs = append(attrs, "cause", string(refusal.Reason)) // the explanation names the person; it is in the record
	} else if cause != nil {
		attrs = append(attrs, "cause", cause.Error())
	}
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	x.log.Log(x.r.Context(), level, "sign-in request", attrs...)
}
