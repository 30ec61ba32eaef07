package samlhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory"
	"rollcall/internal/bodies"
	"rollcall/internal/fair"
	"rollcall/internal/publicurl"
	"rollcall/internal/txt"
	"rollcall/internal/web"
)

// Options configure a Hook. PublicURL is required; every other field may be zero.
type Options struct {
	// PublicURL is where people reach the server. Addresses in metadata and redirects start with it, and its scheme
	// decides whether cookies are Secure. The Host header is never used.
	PublicURL string
	// Log gets one line for each request and attempt; nil discards them.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// AllowPrivateMetadata lets metadata be fetched from private addresses and over http.
	AllowPrivateMetadata bool
	// Bodies bounds what the bodies of all requests of this node hold together; nil
	// means a bound of its own.
	Bodies *bodies.Bound
	// Resolver looks up the records that prove control of domains; nil means the host's.
	Resolver Resolver
	// Platform is the brand of pages that belong to no organization; nil means Rollcall's.
	Platform *web.Platform
	// Registry takes the metrics; nil means none.
	Registry prometheus.Registerer
}

// Failed requests of one network that are recorded: beyond them it is told to wait. Whoever signs in is never counted,
// and never refused because of what others in the network send.
const (
	failuresPerSecond = 5
	failuresAtOnce    = 100
)

// Hook serves sign-in for every organization of a store. It is made by New and safe for concurrent use.
type Hook struct {
	store   *directory.Store
	log     *slog.Logger
	now     func() time.Time
	public  string // the public URL, without a trailing slash
	site    *url.URL
	secure  bool // cookies are
	origin  *http.CrossOriginProtection
	pages   *web.Pages
	fetcher *fetcher
	metrics *metrics
	bodies  *bodies.Bound

	resolver Resolver
	routes   routes
	// failures limits, for each network, the failed requests that are recorded.
	failures *fair.Buckets[string]

	parsed      sync.Map // directory.ID → *loaded
	parsedCount atomic.Int64
	ring        ring
	shown       sync.Map // name of an organization → its name to show, as last read
	noted       notes

	verifier *fair.Scheduler
	used     usedIDs
	tries    cbcTries
}

// New makes a Hook. It returns an error if PublicURL is not an http or https URL without a path. Call Close when you
// are done with it.
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
	site, err := publicurl.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("the public URL: %w", err)
	}
	h := &Hook{
		store: store, log: o.Log, now: o.Now, site: site, public: site.String(), secure: site.Scheme == "https",
		origin: http.NewCrossOriginProtection(), pages: web.MustParse(pageFiles),
		fetcher: newFetcher(o.AllowPrivateMetadata), metrics: newMetrics(o.Registry),
		bodies: o.Bodies, verifier: newVerifier(), resolver: o.Resolver,
		failures: fair.NewBuckets[string](failuresPerSecond, failuresAtOnce),
	}
	if h.resolver == nil {
		host, err := txt.Host(public)
		if err != nil {
			o.Log.Warn("no domain can be verified", "error", err)
			host = &txt.Resolver{}
		}
		h.resolver = host
	}
	h.pages.Platform = o.Platform
	// A proxy may rewrite Host; the browser's Origin is still ours.
	if err := h.origin.AddTrustedOrigin(h.public); err != nil {
		return nil, err
	}
	h.ring.write, h.ring.log = store.WriteRings, o.Log
	return h, nil
}

// Run does what nobody asks for, each on one node of all, until ctx ends: it looks for the records of domains, and
// refreshes metadata.
func (h *Hook) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { h.store.Elected(ctx, "domains", lookInterval, h.checkDue) })
	all.Go(func() { h.store.Elected(ctx, "metadata", refreshTick, h.refreshDue) })
	all.Wait()
}

// Close writes the records that are still being gathered.
func (h *Hook) Close() { h.ring.close() }

// route is one path. Methods are checked by its handler, so that a wrong one gets 405 with Allow.
type route struct {
	path    string
	methods []string
	handle  func(*exchange) error
}

// Register adds the routes of sign-in, and those of the pages' assets, to r.
func (h *Hook) Register(r *mux.Router) {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	for _, route := range []route{
		{"/orgs/{org}/saml/{id}/metadata", get, (*exchange).metadata},
		{"/orgs/{org}/saml/{id}/login", get, (*exchange).login},
		{"/orgs/{org}/saml/{id}/acs", post, (*exchange).acs},
		{"/orgs/{org}/saml/{id}/finish", []string{http.MethodGet, http.MethodPost}, (*exchange).finish},
		{"/orgs/{org}/login", []string{http.MethodGet, http.MethodHead, http.MethodPost}, (*exchange).choose},
		{"/login", []string{http.MethodGet, http.MethodHead, http.MethodPost}, (*exchange).everybody},
		{"/orgs/{org}/claim", get, (*exchange).claimPage},
		{"/orgs/{org}/me", get, (*exchange).me},
		{"/orgs/{org}/brand/{file}", get, (*exchange).serveBrand},
		{"/orgs/{org}/sign-out", post, (*exchange).signOut},
	} {
		r.HandleFunc(route.path, func(w http.ResponseWriter, r *http.Request) { h.serve(route, w, r) })
	}
	r.PathPrefix(web.AssetsPath).Handler(web.Assets())
	r.PathPrefix(web.PlatformPath).Handler(h.pages.Platform)
}
