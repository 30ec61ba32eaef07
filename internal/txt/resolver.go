package txt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Timeout bounds one question to one server.
const Timeout = 2 * time.Second

// Server is an authoritative name server.
type Server struct {
	Name    string // without the last dot
	Address string // and port
}

// Resolver asks for TXT records. Only Resolvers is required.
type Resolver struct {
	// Resolvers are the host's, as addresses with ports; the first that answers counts.
	Resolvers []string
	// Allow judges the address of an authoritative server; nil allows all.
	Allow func(netip.Addr) bool
	// Port is that of authoritative servers; empty means 53.
	Port string
}

// resolvConf names the host's resolvers.
const resolvConf = "/etc/resolv.conf"

// Host is a Resolver that asks the resolvers of this host. It returns an error if the host names none.
func Host(allow func(netip.Addr) bool) (*Resolver, error) {
	config, err := dns.ClientConfigFromFile(resolvConf)
	if errors.Is(err, os.ErrNotExist) {
		config, err = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the host's resolvers: %w", err)
	}
	r := &Resolver{Allow: allow}
	for _, server := range config.Servers {
		r.Resolvers = append(r.Resolvers, net.JoinHostPort(server, config.Port))
	}
	return r, nil
}

// TXT returns the TXT records of the name, each as one text, as the server has them; an empty server stands for the
// host's resolver. A name that does not exist has none. An error means that the server did not answer, or not to that.
func (r *Resolver) TXT(ctx context.Context, server, name string) ([]string, error) {
	answer, err := r.ask(ctx, server, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, rr := range answer.Answer {
		if t, ok := rr.(*dns.TXT); ok {
			texts = append(texts, strings.Join(t.Txt, ""))
		}
	}
	return texts, nil
}

// Servers are up to n authoritative name servers of the zone that the domain is in, those whose addresses are allowed.
func (r *Resolver) Servers(ctx context.Context, domain string, n int) ([]Server, error) {
	names, err := r.nameServers(ctx, domain)
	if err != nil {
		return nil, err
	}
	var servers []Server
	for _, name := range names {
		if len(servers) == n {
			break
		}
		if address, ok := r.address(ctx, name); ok {
			port := r.Port
			if port == "" {
				port = "53"
			}
			servers = append(servers, Server{strings.TrimSuffix(name, "."), net.JoinHostPort(address.String(), port)})
		}
	}
	return servers, nil
}

// nameServers are the names in the NS records of the nearest zone.
func (r *Resolver) nameServers(ctx context.Context, domain string) ([]string, error) {
	for zone := dns.Fqdn(domain); zone != "."; {
		answer, err := r.ask(ctx, "", zone, dns.TypeNS)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, rr := range answer.Answer {
			if ns, ok := rr.(*dns.NS); ok {
				names = append(names, ns.Ns)
			}
		}
		if len(names) > 0 {
			return names, nil
		}
		next, end := dns.NextLabel(zone, 0)
		if end {
			break
		}
		zone = zone[next:]
	}
	return nil, nil
}

// address is the first address of a server that may be asked.
func (r *Resolver) address(ctx context.Context, name string) (netip.Addr, bool) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := r.ask(ctx, "", name, kind)
		if err != nil {
			continue
		}
		for _, rr := range answer.Answer {
			var ip net.IP
			switch a := rr.(type) {
			case *dns.A:
				ip = a.A
			case *dns.AAAA:
				ip = a.AAAA
			}
			if address, ok := netip.AddrFromSlice(ip); ok && (r.Allow == nil || r.Allow(address.Unmap())) {
				return address.Unmap(), true
			}
		}
	}
	return netip.Addr{}, false
}

// ask asks one server, or the host's resolvers in turn. A name that does not exist is an answer without records.
func (r *Resolver) ask(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	servers := r.Resolvers
	if server != "" {
		servers = []string{server}
	}
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	question.RecursionDesired = server == ""
	question.SetEdns0(1232, false)
	failed := errors.New("the host names no resolver")
	for _, s := range servers {
		answer, err := exchange(ctx, question, s)
		switch {
		case err != nil:
			failed = err
		case answer.Rcode == dns.RcodeSuccess, answer.Rcode == dns.RcodeNameError:
			return answer, nil
		default:
			failed = errors.New(dns.RcodeToString[answer.Rcode])
		}
	}
	return nil, failed
}

// exchange asks over UDP, and again over TCP if the answer does not fit.
func exchange(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answer, _, err := (&dns.Client{Timeout: Timeout}).ExchangeContext(ctx, question, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp", Timeout: Timeout}).ExchangeContext(ctx, question, server)
	}
	return answer, err
}
