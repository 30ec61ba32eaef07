// Package publicurl owns the rule for the service's public URL: the one that clients and browsers use, and that links,
// SAML addresses and entity ids begin with.
package publicurl

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Parse reads a public URL: http or https, a host, perhaps a port, nothing else; a trailing slash is ignored. The URL
// that it returns has no path, and its scheme and host are spelled as in an Origin header (RFC 6454 §6.2): lower case,
// without the scheme's default port. Parse returns an error that names what is wrong with any other text.
func Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // without the text, which may hold a password
		}
		return nil, fmt.Errorf("not a URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q does not start with http:// or https://", u.Redacted())
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host", u.Redacted())
	case u.User != nil:
		return nil, errors.New("it must not name a user or a password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment", text)
	case strings.Trim(u.EscapedPath(), "/") != "":
		return nil, fmt.Errorf("%q has a path; the service needs a host name of its own", text)
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": "80", "https": "443"}[u.Scheme]; u.Port() == port {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}
