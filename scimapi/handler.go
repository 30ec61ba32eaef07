package scimapi

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"rollcall/directory"
)

// Handler serves SCIM. It is made by New and safe for concurrent use.
type Handler struct {
	store  *directory.Store
	o      Options
	public string // PublicURL without a trailing slash
	origin *http.CrossOriginProtection
	gzip   sync.Pool // of *gzip.Writer
	lists  sync.Pool // of *[]byte
	shapes sync.Map  // *schema.ResourceType → *shape

	requests, failures *limiter
}

// New returns a Handler that serves the store.
func New(store *directory.Store, o Options) *Handler {
	h := &Handler{store: store, o: o.withDefaults(), public: strings.TrimRight(o.PublicURL, "/"), origin: http.NewCrossOriginProtection(),
		requests: newLimiter(o.Rate), failures: newLimiter(o.Failures)}
	if u, err := url.Parse(h.public); err == nil && u.Scheme != "" && u.Host != "" {
		// A proxy may rewrite Host; the browser's Origin is still ours. The error is for malformed origins only.
		_ = h.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	return h
}
