package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/conformance/refserver"
)

// guarded lets only requests through that ok likes, and hands them on as the
// reference server's own.
func guarded(srv http.Handler, ok func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok(r) {
			r.Header.Set("Authorization", "Bearer "+refserver.Token)
		} else {
			r.Header.Del("Authorization")
		}
		srv.ServeHTTP(w, r)
	})
}

// TestCredentials shows that each way to authenticate reaches the server, and
// that none of the secrets reaches a report.
func TestCredentials(t *testing.T) {
	const secret = "s3cret-value-77"
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, pw, _ := r.BasicAuth()
		if r.PostFormValue("grant_type") != "client_credentials" || id != "client" || pw != secret ||
			r.PostFormValue("scope") != "scim" {
			w.WriteHeader(401)
			return
		}
		fmt.Fprint(w, `{"access_token":"granted-token-1","token_type":"Bearer","expires_in":60}`)
	}))
	defer tokens.Close()
	for _, c := range []struct {
		name string
		auth Credentials
		ok   func(*http.Request) bool
	}{
		{"bearer", Credentials{Bearer: secret},
			func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+secret }},
		{"basic", Credentials{Username: "u", Password: secret}, func(r *http.Request) bool {
			u, p,
				_ := r.BasicAuth()
			return u == "u" && p == secret
		}},
		{"header", Credentials{Header: http.Header{"X-Api-Key": {secret}}},
			func(r *http.Request) bool { return r.Header.Get("X-Api-Key") == secret }},
		{"oauth2", Credentials{OAuth2: &ClientCredentials{TokenURL: tokens.URL, ClientID: "client",
			ClientSecret: secret, Scopes: []string{"scim"}}},
			func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer granted-token-1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := guarded(refserver.New(refserver.Options{}), c.ok)
			broken := http.HandlerFunc(func(w http.ResponseWriter,
				r *http.Request) { // echoes what it got, to tempt the report
				if r.Method == http.MethodDelete {
					w.Header().Set("X-Echo", fmt.Sprint(r.Header))
				}
				h.ServeHTTP(w, r)
			})
			ts := httptest.NewServer(broken)
			defer ts.Close()
			rep, err := Run(t.Context(), Target{URL: ts.URL + refserver.Base, Auth: c.auth,
				Run: regexp.MustCompile("^(delete|auth|choices)$")})
			if err != nil || rep.Counts.Passed < 5 {
				t.Fatalf("%+v, %v", rep.Counts, err)
			}
			data, _ := json.Marshal(rep)
			if strings.Contains(string(data), secret) || strings.Contains(string(data), "granted-token-1") &&
				c.name != "oauth2" {
				t.Error("the report holds the secret")
			}
		})
	}
}

func TestTLS(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	ts := httptest.NewUnstartedServer(guarded(srv,
		func(r *http.Request) bool { return len(r.TLS.PeerCertificates) == 1 }))
	ts.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	ts.StartTLS()
	defer ts.Close()
	roots := x509.NewCertPool()
	roots.AddCert(ts.Certificate())
	target := Target{URL: ts.URL + refserver.Base, Run: regexp.MustCompile("^(R7644-7.2-01|delete)$"), Confirm: -1,
		TLS: &tls.Config{RootCAs: roots, Certificates: ts.TLS.Certificates}}
	rep, err := Run(t.Context(), target)
	if err != nil || rep.Counts.Failed > 0 || rep.Counts.Passed < 5 {
		t.Fatalf("%+v, %v", rep.Counts, err)
	}
	target.Profile, target.Run = ProfileInterop, regexp.MustCompile("^INTEROP-7.1-01$")
	if rep, err = Run(t.Context(), target); err != nil || rep.Result("INTEROP-7.1-01").Status != Passed {
		t.Errorf("%+v, %v", rep.Counts, err)
	}
	target.TLS = nil
	if _, err := Run(t.Context(), target); err == nil {
		t.Error("a server with an unknown CA was judged")
	}
}

func TestReadOnlySendsNoWrites(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && r.Method != "HEAD" && r.Method != "OPTIONS" && !strings.HasSuffix(r.URL.Path,
			"/.search") {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		srv.ServeHTTP(w, r)
	})
	target := refTarget(srv, h)
	target.ReadOnly = true
	rep, err := Run(t.Context(), target)
	if err != nil || rep.Counts.Failed > 0 || rep.Counts.Passed < 40 || rep.Counts.Skipped < 100 {
		t.Errorf("%+v, %v", rep.Counts, err)
	}
}

// TestServerThatStops answers for a while and then no more.
func TestServerThatStops(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	target := refTarget(srv, srv)
	n := 0
	target.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if n++; n > 200 {
			return nil, errors.New("connection refused")
		}
		return Handler(srv).RoundTrip(r)
	})
	rep, err := Run(t.Context(), target)
	if !errors.Is(err, errLost) {
		t.Errorf("error %v, expected %v", err, errLost)
	}
	if rep.Counts.Skipped < 300 {
		t.Errorf("%+v: what was not seen must be skipped", rep.Counts)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRateAndCancel(t *testing.T) {
	c := &client{base: "http://x.test", gap: time.Millisecond, observe: func(*reply) {}, before: func(request) {},
		states: new(states), sleep: time.Sleep, now: time.Now,
		http: &http.Client{Transport: Handler(http.NotFoundHandler())}}
	*c.states = newStates()
	start := time.Now()
	for range 20 {
		if _, err := c.do(t.Context(), request{method: "GET", path: "/"}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 19*time.Millisecond {
		t.Errorf("20 requests at 1000 per second took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.do(ctx, request{method: "GET", path: "/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after cancel", err)
	}
}

// TestThrottledRunIsClean: a 429 with Retry-After costs time, not verdicts.
func TestThrottledRunIsClean(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	n := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%10 == 0 {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", mediaType)
			w.WriteHeader(429)
			fmt.Fprintf(w, `{"schemas":["%sError"],"status":"429","detail":"slow down"}`, messageURN)
			return
		}
		srv.ServeHTTP(w, r)
	})
	target := refTarget(srv, h)
	target.Run = regexp.MustCompile("^(create|delete|put|R6585-4-01)$")
	rep, err := Run(t.Context(), target)
	if err != nil || rep.Counts.Failed+rep.Counts.Warned > 0 {
		t.Errorf("%+v, %v: %+v", rep.Counts, err, rep.Failures())
	}
}

func TestTypesAndSamples(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	target := refTarget(srv, srv)
	target.Types = []string{"Widget"}
	made := 0
	target.Samples = map[string]func(string) map[string]any{"Widget": func(unique string) map[string]any {
		made++
		return map[string]any{"label": unique, "size": 7, refserver.WidgetCare: map[string]any{"contact": "x"}}
	}}
	rep, err := Run(t.Context(), target)
	if err != nil || rep.Counts.Failed+rep.Counts.Warned > 0 || made == 0 || len(rep.Types) != 1 {
		for _, r := range append(rep.Failures(), rep.Warnings()...) {
			t.Log(r.ID, r.Findings[0].Message, r.Findings[0].Exchange)
		}
		t.Errorf("%+v, %v, %d samples, types %v", rep.Counts, err, made, rep.Types)
	}
}

func TestBadTargets(t *testing.T) {
	for name, target := range map[string]Target{
		"no scheme": {URL: "host/scim"}, "query": {URL: "http://h/scim?x=1"}, "profile": {URL: "http://h",
			Profile: "x"},
		"prefix": {URL: "http://h", Prefix: "Bad Prefix"}, "rate": {URL: "http://h", Rate: -1},
	} {
		if _, err := Run(t.Context(), target); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
