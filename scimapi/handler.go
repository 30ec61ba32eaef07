package scimapi

import (
	"fmt"
	"net/http"
	"sync"

	"rollcall/directory"
	"rollcall/internal/fair"
	"rollcall/internal/publicurl"
)

// Handler serves SCIM. It is made by New and safe for concurrent use.
type Handler struct {
	store  *directory.Store
	o      Options
	public string // PublicURL without a path
	origin *http.CrossOriginProtection
	gzip   sync.Pool // of *gzip.Writer
	shapes sync.Map  // *schema.ResourceType → *shape

	buffers sync.Pool // of *[]byte

	requests, failures *fair.Buckets[string]

	waits *waits
}

// New returns a Handler that serves the store. It returns an error if PublicURL is not the URL of a host.
func New(store *directory.Store, o Options) (*Handler, error) {
	public, err := publicurl.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("the public URL: %w", err)
	}
	h := &Handler{store: store, o: o.withDefaults(), public: public.String(), origin: http.NewCrossOriginProtection(),
		requests: newLimiter(o.Rate), failures: newLimiter(o.Failures), waits: newWaits()}
	// A proxy may rewrite Host; the browser's Origin is still the public URL's.
	if err := h.origin.AddTrustedOrigin(h.public); err != nil {
		return nil, err
	}
	return h, nil
}
