// Package publicurl checks the URL at which clients and browsers reach the service. Everything that makes links with it
// reads it here, so that no part accepts what another one refuses.
package publicurl

import (
	"fmt"
	"net/url"
	"strings"
)

// Parse reads a public URL: an http or https URL of nothing but a host and perhaps a port. It returns the URL without a
// path, so that its text is also the origin that browsers send. The error names what is wrong with it.
func Parse(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q does not begin with http:// or https://", s)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%q is not a plain URL such as https://id.example.com", s)
	case strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("%q has a path: the service needs a host of its own", s)
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}
