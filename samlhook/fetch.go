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
	fetchTimeout = 10 * time.Second
	maxRedirects = 3
)

// Fetcher gets metadata by URL. It is safe for concurrent use; make one with
// NewFetcher and keep it.
type Fetcher struct {
	client       *http.Client
	allowPrivate bool
}

// NewFetcher makes a Fetcher. Unless allowPrivate (the operator's choice), only
// https is fetched and only public addresses are connected to; the address is
// judged when it is dialled, after name resolution, so that no name and no redirect
// leads inside. No proxy is used, because that judgement would be the proxy's.
func NewFetcher(allowPrivate bool) *Fetcher {
	f := &Fetcher{allowPrivate: allowPrivate}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: f.control}
	f.client = &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  5 * time.Second,
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

func (f *Fetcher) control(_, address string, _ syscall.RawConn) error {
	if f.allowPrivate {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return errPrivate
	}
	return nil
}

func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirect
	}
	return f.checkURL(r.URL)
}

func (f *Fetcher) checkURL(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil:
		return errors.New("not an absolute URL without user information")
	case u.Scheme == "https", u.Scheme == "http" && f.allowPrivate:
		return nil
	}
	return errors.New("metadata holds the keys that are trusted, it is fetched over https only")
}

// Fetched is the answer to a fetch. ETag and LastModified are for the next one.
type Fetched struct {
	NotModified  bool // nothing changed since the validators; Body is nil
	Body         []byte
	ETag         string
	LastModified string
}

// Fetch gets the metadata at a URL, within 10 s and MaxMetadataBytes. before holds
// the validators of the last answer (zero for none). The error is a *Refusal
// (ReasonMetadataUnreachable) that names what went wrong.
func (f *Fetcher) Fetch(ctx context.Context, address string, before Fetched) (Fetched, error) {
	fetched, err := f.fetch(ctx, address, before)
	if err != nil {
		return Fetched{}, saml.Refuse(ReasonMetadataUnreachable, "The metadata could not be fetched from "+saml.Clip(address)+": "+saml.Clip(explain(err))+".")
	}
	return fetched, nil
}

func (f *Fetcher) fetch(ctx context.Context, address string, before Fetched) (Fetched, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Fetched{}, errors.New("not a URL")
	}
	if err := f.checkURL(u); err != nil {
		return Fetched{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Fetched{}, err
	}
	request.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1")
	request.Header.Set("User-Agent", "rollcall")
	if before.ETag != "" {
		request.Header.Set("If-None-Match", before.ETag)
	}
	if before.LastModified != "" {
		request.Header.Set("If-Modified-Since", before.LastModified)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return Fetched{}, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && before.ETag+before.LastModified != "":
		return Fetched{NotModified: true, ETag: before.ETag, LastModified: before.LastModified}, nil
	case response.StatusCode != http.StatusOK:
		return Fetched{}, fmt.Errorf("the answer was %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, saml.MaxMetadataBytes+1))
	if err != nil {
		return Fetched{}, err
	}
	if len(body) > saml.MaxMetadataBytes {
		return Fetched{}, fmt.Errorf("it is larger than %d bytes", saml.MaxMetadataBytes)
	}
	return Fetched{Body: body, ETag: response.Header.Get("ETag"), LastModified: response.Header.Get("Last-Modified")}, nil
}

// explain takes the URL and the method out of what net/http says.
func explain(err error) string {
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
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

// notPublic are networks that netip's own predicates leave out: shared address
// space, protocol assignments, benchmarking, reserved, and the IPv6 forms that
// carry an IPv4 address inside.
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

// public says whether an address belongs to the Internet at large.
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
