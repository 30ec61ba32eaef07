package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/bodies"
	"rollcall/samlhook"
	"rollcall/scimapi"
)

// readyTimeout limits how long /readyz waits for the store. It is shorter than the timeouts of those who ask.
const readyTimeout = 2 * time.Second

// site is everything that a node serves: SCIM, sign-in, and the addresses for operators.
type site struct {
	store    *directory.Store
	etcd     *clientv3.Client
	embedded bool // etcd is
	signIn   *samlhook.Hook
	public   string // URL without a trailing slash
	rate     float64
	bodies   *bodies.Bound
	log      *slog.Logger
	metrics  *prometheus.Registry
	endWaits func() // ends requests that wait for Events, once there is a handler
}

// handler returns the router of the site. Every request is measured.
func (s *site) handler() (http.Handler, error) {
	api, err := scimapi.New(s.store, s.scimOptions())
	if err != nil {
		return nil, err
	}
	s.endWaits = api.EndWaits
	r := mux.NewRouter().SkipClean(true)
	s.signIn.Register(r)
	api.Register(r)

	r.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	r.HandleFunc("/readyz", s.ready)
	r.Handle(snapshotPath, &snapshots{site: s, failed: api.Failed})
	r.Handle("/metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))

	// A person who opens another address learns where the service is.
	addresses := fmt.Sprintf("SCIM:    %[1]s/orgs/{organization}/scim/v2\n"+
		"System:  %[1]s/scim/v2\n"+
		"Sign-in: %[1]s/orgs/{organization}/login", s.public)
	r.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "Rollcall\n\n"+addresses)
	})
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "There is nothing at this address.\n\n"+addresses)
	})
	return measure(s.metrics, r), nil
}

// scimOptions joins SCIM and sign-in: IdentityProviders are completed and rendered by the sign-in.
func (s *site) scimOptions() scimapi.Options {
	o := scimapi.Options{PublicURL: s.public, Log: s.log, Failures: scimapi.DefaultFailures(), Bodies: s.bodies}
	o.Hooks = map[string]scimapi.Hook{
		schema.IdentityProvider().Name: {Prepare: s.signIn.Prepare, Resolve: s.signIn.Resolve, Render: s.signIn.Render,
			Actions: s.signIn.Actions(), Inquiries: s.signIn.Inquiries(), Pend: s.signIn.Pend, Base: s.signIn.Base,
			Grants: s.signIn.GrantsGroup, Copies: map[string]string{"metadataUrl": "metadataXml"}},
		schema.Organization().Name: {Prepare: s.signIn.PrepareOrganization, Render: s.signIn.RenderOrganization,
			Actions: s.signIn.OrganizationActions()},
		schema.User().Name:   {Actions: s.signIn.UserActions()},
		schema.SignIn().Name: {Language: s.signIn.Language, Explain: s.signIn.Explain},
	}
	if s.rate > 0 {
		o.Rate = scimapi.Rate{PerSecond: s.rate, Burst: int(5 * s.rate)}
	}
	return o
}

// ready serves /readyz. A node that can only read and delete, or only read, is ready, and says so: a proxy that took it
// out would take that, too.
func (s *site) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.store.Ready(ctx); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready"+s.limits())
}

// limits says why not everything can be written, and what to do; "" if everything can.
func (s *site) limits() string {
	err := s.store.Writable()
	switch {
	case err == nil:
		return ""
	case directory.KindOf(err) == directory.Full && !s.embedded:
		return ", but " + err.Error() + ". Delete what is not needed, then run: rollcall etcd heal"
	}
	return ", but " + err.Error()
}

// plain writes a line of text for a person or a probe.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
