package scimapi

import (
	"log/slog"
	"time"

	"rollcall/directory/filter"
	"rollcall/internal/bodies"
)

// Options configures a Handler. PublicURL is required; the zero value of everything else works.
type Options struct {
	// PublicURL is the http or https URL at which clients reach the server, without a path: locations and references in
	// replies start with it. The Host header is never used for them.
	PublicURL string
	// Log gets one line for each request; nil discards the lines.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Limits that are zero have their default values.
	Limits Limits
	// Rate bounds the requests of each credential on this node, Failures the requests with an invalid credential from
	// each remote address. Zero is no bound; see DefaultFailures. Entra ID alone needs 25 requests a second.
	Rate, Failures Rate
	// Bodies bounds what the bodies of all requests of this node hold together; nil means a bound of its own.
	Bodies *bodies.Bound
	// Hooks are by the name of the resource type.
	Hooks map[string]Hook
}

// Limits bound what one request may cost. Each refusal names its limit.
type Limits struct {
	Body           int64         // bytes of a request body; default 1 MiB
	GroupBody      int64         // bytes of a Group's body, which without its members is bound by Body; default 64 MiB
	PageSize       int           // resources in a page if count is not given; default 100
	MaxPageSize    int           // resources in a page whatever count says; default 1,000
	BulkBody       int64         // bytes of a Bulk job (maxPayloadSize); default 8 MiB
	BulkOperations int           // operations of a Bulk job (maxOperations); default 1,000
	GroupReply     int           // members above which PATCH of a Group answers 204 instead of the Group; default 1,000
	Groups         int           // groups in the representation of a User, direct ones first; default 200
	Sort           int           // resources that one query may sort; default 1,000,000
	Filter         filter.Limits // zero fields: filter.DefaultLimits
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Bodies == nil {
		o.Bodies = bodies.New(bodies.DefaultMost)
	}
	l := &o.Limits
	setDefault(&l.Body, 1<<20)
	setDefault(&l.GroupBody, 64<<20)
	setDefault(&l.MaxPageSize, 1000)
	setDefault(&l.PageSize, min(100, l.MaxPageSize))
	setDefault(&l.GroupReply, 1000)
	setDefault(&l.BulkBody, 8<<20)
	setDefault(&l.BulkOperations, 1000)
	setDefault(&l.Sort, 1_000_000)
	setDefault(&l.Groups, 200)
	return o
}

func setDefault[N int | int64](n *N, d N) {
	if *n == 0 {
		*n = d
	}
}
