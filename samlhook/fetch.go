package samlhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"rollcall/samlhook/saml"
)

const (
	fetchTimeout = 10 * time.Second // of a whole fetch
	stepTimeout  = 5 * time.Second  // of each of its steps
	maxRedirects = 3
)

// fetcher gets metadata by URL. It is safe for concurrent use.
type fetcher struct {
	client       *http.Client
	allowPrivate bool
}

// newFetcher makes a fetcher. Unless allowPrivate (the operator's choice), only https is fetched and only public
// addresses are connected to. The address is judged when it is dialled, after name resolution, so that no name and no
// redirect leads inside. No proxy is used: that judgement would be the proxy's.
func newFetcher(allowPrivate bool) *fetcher {
	f := &fetcher{allowPrivate: allowPrivate}
	dialer := &net.Dialer{Timeout: stepTimeout, Control: f.control}
	f.client = &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    stepTimeout,
			ResponseHeaderTimeout:  stepTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    -1,
			DisableKeepAlives:      true,
		},
		CheckRedirect: f.redirect,
	}
	return f
}

var (
	errPrivate  = errors.New("the address is private; the operator can allow it with --allow-private-metadata")
	errRedirect = fmt.Errorf("more than %d redirects", maxRedirects)
)

// control judges an address before it is connected to.
func (f *fetcher) control(_, address string, _ syscall.RawConn) error {
	if f.allowPrivate {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return errPrivate
	}
	return nil
}

func (f *fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirect
	}
	return f.checkURL(r.URL)
}

func (f *fetcher) checkURL(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil:
		return errors.New("not an absolute URL without user information")
	case u.Scheme == "https", u.Scheme == "http" && f.allowPrivate:
		return nil
	}
	return errors.New("metadata holds the keys that are trusted, so it is fetched over https only")
}

// validators tell a server which copy of the metadata we have (RFC 9110 §8.8).
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// maxValidator bounds each of them, in bytes: they are stored.
const maxValidator = 256

// fetch gets the metadata at a URL, within 10 seconds and saml.MaxMetadataBytes, unless it is the one that the
// validators name: then there is none. The error is a *saml.Refusal (ReasonMetadataUnavailable) that names what went
// wrong.
func (f *fetcher) fetch(ctx context.Context, address string, have validators) ([]byte, validators, error) {
	body, got, err := f.get(ctx, address, have)
	if err != nil {
		return nil, got, saml.Refuse(ReasonMetadataUnavailable,
			saml.Say("metadata_unavailable", "address", saml.Clip(address), "problem", saml.Clip(explain(err))))
	}
	return body, got, nil
}

func (f *fetcher) get(ctx context.Context, address string, have validators) (_ []byte, got validators, _ error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, got, errors.New("not a URL")
	}
	if err := f.checkURL(u); err != nil {
		return nil, got, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, got, err
	}
	request.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1")
	request.Header.Set("User-Agent", "rollcall")
	if have.ETag != "" {
		request.Header.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		request.Header.Set("If-Modified-Since", have.LastModified)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, got, err
	}
	defer response.Body.Close()

	// All of it, or nothing.
	switch {
	case response.StatusCode == http.StatusNotModified && have != (validators{}):
		return nil, have, nil
	case response.StatusCode != http.StatusOK:
		return nil, got, fmt.Errorf("the answer was %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, saml.MaxMetadataBytes+1))
	if err != nil {
		return nil, got, err
	}
	if len(body) > saml.MaxMetadataBytes {
		return nil, got, fmt.Errorf("it is larger than %d bytes", saml.MaxMetadataBytes)
	}
	for value, into := range map[string]*string{"ETag": &got.ETag, "Last-Modified": &got.LastModified} {
		if v := response.Header.Get(value); len(v) <= maxValidator {
			*into = v
		}
	}
	return body, got, nil
}

// explain takes the URL and the method out of what net/http says.
func explain(err error) string {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		if inner.Timeout() {
			return "no answer in time"
		}
		err = inner.Err
	}
	if errors.Is(err, errPrivate) {
		return errPrivate.Error()
	}
	return err.Error()
}

// notPublic are networks that netip's own predicates leave out: shared address space, protocol assignments,
// benchmarking, reserved, and the IPv6 forms that carry an IPv4 address inside.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address belongs to the Internet at large.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(a) {
			return false
		}
	}
	return true
}
