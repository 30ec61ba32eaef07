package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook"
	"rollcall/scimapi"
)

// readyTimeout bounds how long /readyz waits for the store: less than the patience of who asks.
const readyTimeout = 2 * time.Second

// newHook makes the sign-in of a node; it is to be closed before the store is.
func newHook(s *directory.Store, public string, n *Node, log *slog.Logger, metrics *prometheus.Registry) (*samlhook.Hook, error) {
	return samlhook.New(s, samlhook.Options{PublicURL: public, Log: log, AllowPrivateMetadata: n.AllowPrivateMetadata, Registry: metrics})
}

// newRouter puts everything that a node serves under one router.
func (n *Node) newRouter(s *directory.Store, signIn *samlhook.Hook, public string, log *slog.Logger, metrics *prometheus.Registry) (http.Handler, error) {
	r := mux.NewRouter().SkipClean(true)
	signIn.Register(r)
	o := scimapi.Options{PublicURL: public, Log: log, Hooks: map[string]scimapi.Hook{
		schema.IdentityProvider().Name: {Prepare: signIn.Prepare, Resolve: signIn.Resolve, Render: signIn.Render},
	}}
	if n.RateLimit > 0 {
		o.Rate = scimapi.Rate{PerSecond: n.RateLimit, Burst: int(5 * n.RateLimit)}
		o.Failures = scimapi.DefaultFailures()
	}
	api, err := scimapi.New(s, o)
	if err != nil {
		return nil, err
	}
	api.Register(r)

	r.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	r.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	r.Handle("/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	places := fmt.Sprintf("SCIM:    %[1]s/orgs/{organization}/scim/v2\nSystem:  %[1]s/scim/v2\nSign-in: %[1]s/orgs/{organization}/login", public)
	r.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "Rollcall\n\n"+places) })
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "There is nothing at this address.\n\n"+places)
	})
	return measure(metrics, r), nil
}

// plain writes a line of text for a person or a probe.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// newMetrics is a registry with what every Go process tells.
func newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// measure counts and times requests.
func measure(metrics *prometheus.Registry, next http.Handler) http.Handler {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rollcall_http_request_duration_seconds", Help: "How long requests took, by method and status.",
		Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30},
	}, []string{"method", "code"})
	metrics.MustRegister(duration)
	return promhttp.InstrumentHandlerDuration(duration, next)
}
