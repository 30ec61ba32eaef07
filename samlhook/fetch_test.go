package samlhook

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

func TestFetch(t *testing.T) {
	mux := http.NewServeMux()
	var loops atomic.Int32
	mux.HandleFunc("/metadata", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(metadataWith(samltest.Keys().IdP.PEM())))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter,
		r *http.Request) {
		http.Redirect(w, r, "/metadata", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		loops.Add(1)
		http.Redirect(w, r, "/loop", http.StatusFound)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter,
		r *http.Request) {
		w.Write(make([]byte, saml.MaxMetadataBytes+1))
	})
	mux.HandleFunc("/always304", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) })
	server := httptest.NewServer(mux)
	defer server.Close()
	f := newFetcher(true)

	got, _, err := f.fetch(t.Context(), server.URL+"/moved", validators{})
	if err != nil || string(got) != metadataWith(samltest.Keys().IdP.PEM()) {
		t.Fatalf("fetched %s, %v", got, err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name, url, want string
		ctx             context.Context
	}{
		{"404", server.URL + "/nothing", "404 Not Found", context.Background()},
		{"304 that nobody asked for", server.URL + "/always304", "304", context.Background()},
		{"too large", server.URL + "/big", "larger than", context.Background()},
		{"redirect loop", server.URL + "/loop", "more than 3 redirects", context.Background()},
		{"redirect to a file", server.URL + "/file", "URL", context.Background()},
		{"no URL", "://", "not a URL", context.Background()},
		{"file", "file:///etc/passwd", "URL", context.Background()},
		{"user information", "https://u:p@idp.example.com/", "user information", context.Background()},
		{"cancelled", server.URL + "/metadata", "cancel", cancelled},
		{"nobody listens", "http://127.0.0.1:1/", "refused", context.Background()},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := f.fetch(c.ctx, c.url, validators{})
			wantReason(t, err, ReasonMetadataUnavailable)
			if err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %q", err, c.want)
			}
		})
	}
	if n := loops.Load(); n != 1+maxRedirects {
		t.Errorf("the loop was entered %d times", n)
	}
}

// TestFetchPrivate: without the operator's leave nothing inside is reached, by name or by number, nor anything over
// http.
func TestFetchPrivate(t *testing.T) {
	reached := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for address, want := range map[string]string{
		server.URL:                          "--allow-private-metadata",
		"https://localhost" + port:          "--allow-private-metadata",
		"https://[::ffff:127.0.0.1]" + port: "--allow-private-metadata",
		"http://idp.example.com/":           "https only",
	} {
		_, _, err := newFetcher(false).fetch(context.Background(), address, validators{})
		wantReason(t, err, ReasonMetadataUnavailable)
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if reached {
		t.Error("a private address was reached")
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "172.32.0.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false,
		"0.0.0.0":    false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"192.0.0.192": false,
		"::1":         false, "::": false, "fe80::1": false, "fd00::1": false, "ff02::1": false,
		"::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("public(%s) = %t", address, got)
		}
	}
}
