package txt_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/foxcpp/go-mockdns"

	"rollcall/internal/txt"
)

// serve serves zones on a free port of the loopback interface, for the resolver and as every name server.
func serve(t *testing.T, zones map[string]mockdns.Zone) *txt.Resolver {
	t.Helper()
	server, err := mockdns.NewServerWithLogger(zones, quiet{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	address := server.LocalAddr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return &txt.Resolver{Resolvers: []string{address}, Port: port}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func TestTXT(t *testing.T) {
	long := strings.Repeat("x", 200)
	r := serve(t, map[string]mockdns.Zone{
		"_c.example.com.":  {TXT: []string{"one", long}},
		"example.com.":     {NS: []net.NS{{Host: "ns1.example.com."}, {Host: "ns2.example.com."}, {Host: "gone.example.com."}}},
		"ns1.example.com.": {A: []string{"127.0.0.1"}},
		"ns2.example.com.": {A: []string{"127.0.0.1"}},
	})
	got, err := r.TXT(t.Context(), "", "_c.example.com")
	if err != nil || !slices.Equal(got, []string{"one", long}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.TXT(t.Context(), "", "_c.example.org"); err != nil || len(got) != 0 {
		t.Errorf("a name that does not exist: %q, %v", got, err)
	}

	// The zone's own servers, as many as asked for, those that have an address.
	for n, want := range map[int]int{4: 2, 1: 1} {
		servers, err := r.Servers(t.Context(), "example.com", n)
		if err != nil || len(servers) != want || servers[0].Name != "ns1.example.com" {
			t.Fatalf("servers %v, %v", servers, err)
		}
		if got, err := r.TXT(t.Context(), servers[0].Address, "_c.example.com"); err != nil || len(got) != 2 {
			t.Errorf("asked there: %q, %v", got, err)
		}
	}
	if servers, err := r.Servers(t.Context(), "a.b.example.com", 4); err != nil || len(servers) != 2 {
		t.Errorf("of a name inside the zone: %v, %v", servers, err)
	}

	// Addresses that are not allowed are not asked.
	r.Allow = func(a netip.Addr) bool { return !a.IsLoopback() }
	if servers, err := r.Servers(t.Context(), "example.com", 4); err != nil || len(servers) != 0 {
		t.Errorf("not allowed: %v, %v", servers, err)
	}
}

// A server that does not answer is an error, not a missing record.
func TestNoAnswer(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.LocalAddr().String()
	l.Close()
	r := &txt.Resolver{Resolvers: []string{address}}
	if got, err := r.TXT(t.Context(), "", "example.com"); err == nil {
		t.Errorf("%q", got)
	}
	if _, err := (&txt.Resolver{}).TXT(t.Context(), "", "example.com"); err == nil {
		t.Error("nobody was asked")
	}
}
