// Package remote says where a request comes from, for limits that count by network.
package remote

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Network is the network of an address with a port: the /24 of an IPv4 address, the /64 of an IPv6 address. A client
// can easily have many addresses of one, and hardly many networks. What is no such address stands for itself.
func Network(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// Behind gives requests that come through trusted proxies the address of the client as RemoteAddr: the last one in
// X-Forwarded-For that is not itself a trusted proxy's. Whatever stands before it, the client may have made up, and so
// may have all of it where the request comes from anybody else.
func Behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client := clientOf(r, proxies); client != r.RemoteAddr {
			copied := *r
			copied.RemoteAddr = client
			r = &copied
		}
		next.ServeHTTP(w, r)
	})
}

func clientOf(r *http.Request, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !trusted(peer.Addr(), proxies) {
		return r.RemoteAddr
	}
	client := r.RemoteAddr
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return client
		}
		client = net.JoinHostPort(ip.Unmap().String(), "0")
		if !trusted(ip, proxies) {
			return client
		}
	}
	return client
}

func trusted(ip netip.Addr, proxies []netip.Prefix) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
