package samlhook

import (
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
	"rollcall/internal/publicurl"
	"rollcall/internal/web"
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
	h := &Hook{store: store, log: o.Log, now: o.Now, origin: http.NewCrossOriginProtection(), fetcher: NewFetcher(o.AllowPrivateMetadata), metrics: newMetrics(o.Registry)}
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
