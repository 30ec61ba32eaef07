package conformance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Target says which server to judge and how. Only URL is required.
type Target struct {
	URL  string      // base URL, such as https://host/scim/v2
	Auth Credentials // how the suite authenticates; zero for no authentication

	// Further credentials make requirements on authorization observable; those
	// that are nil leave theirs skipped.
	Reader  *Credentials // may read, but not write, in the same tenant
	Expired *Credentials // were valid once
	Other   *Tenant      // another tenant (or client) of the same server

	// EventsURL is a poll endpoint (RFC 8936) of a stream that carries the
	// events of this service, for RFC 9967; empty if there is none.
	EventsURL string

	TLS       *tls.Config       // custom CA, client certificate
	Transport http.RoundTripper // replaces the network; TLS is ignored then

	Name     string // what the server is called in reports; its URL if empty
	Profile  string // ProfileRFC if empty
	Prefix   string // starts the names of everything the suite makes; "scimconform" if empty
	ReadOnly bool   // sends only GET, HEAD and OPTIONS, and POST to .search

	Rate        float64        // requests per second at most; 0 for no limit
	Concurrency int            // checks at the same time; 4 if 0
	Run         *regexp.Regexp // only the checks one of whose ids, name or area matches
	Timeout     time.Duration  // of one request; 30 s if 0
	MaxWait     time.Duration  // longest pause a check may make (cursorTimeout); 5 s if 0, none if negative

	// Types restricts the suite to resource types with these names; empty for
	// all that /ResourceTypes lists. Checks that need another type are skipped.
	Types []string

	// Samples makes valid resources of types whose values their schema cannot
	// describe, by the type's name. Its argument is a string that is unique in
	// the run and starts with Prefix: unique attributes must contain it.
	Samples map[string]func(unique string) map[string]any

	// Confirm is how often the checks that found something are repeated, so that
	// what does not come back is told apart: 2 if 0, never if negative.
	Confirm int

	// Budget, if positive, restricts the run to the checks that see most for
	// their requests and are estimated to fit into it together.
	Budget time.Duration

	// Progress, if set, is told before the first check and after each; calls do
	// not overlap.
	Progress func(Progress)

	sleep func(time.Duration) // a test's clock instead of time.Sleep
	now   func() time.Time    // likewise
	id    string              // instead of a random one, for recorded runs
	plain bool                // nothing is sent at the same time, for recorded runs
}

// A Tenant is a place of the same server with credentials of its own.
type Tenant struct {
	URL  string // empty for the target's own URL
	Auth Credentials
}

// Credentials are sent with each request; at most one of the first three kinds
// together with Header.
type Credentials struct {
	Bearer             string
	Username, Password string // HTTP Basic
	OAuth2             *ClientCredentials
	Header             http.Header // custom headers, such as X-Api-Key
}

// ClientCredentials is the OAuth 2.0 client credentials grant (RFC 6749 §4.4).
type ClientCredentials struct {
	TokenURL     string
	ClientID     string
	ClientSecret string
	Scopes       []string
}

func (c Credentials) empty() bool {
	return c.Bearer == "" && c.Username == "" && c.Password == "" && c.OAuth2 == nil && len(c.Header) == 0
}

// secrets returns what must not appear in a report.
func (c Credentials) secrets() []string {
	out := []string{c.Bearer, c.Password}
	if c.OAuth2 != nil {
		out = append(out, c.OAuth2.ClientSecret)
	}
	for _, vs := range c.Header {
		out = append(out, vs...)
	}
	return out
}

// withDefaults checks the target and fills in what was left out.
func (t Target) withDefaults() (Target, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return t, fmt.Errorf("target URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return t, fmt.Errorf("target URL %q: must be an absolute http or https URL", t.URL)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return t, fmt.Errorf("target URL %q: must have no query, fragment or user", t.URL)
	}
	t.URL = strings.TrimRight(t.URL, "/")
	switch t.Profile {
	case "":
		t.Profile = ProfileRFC
	default:
		if !slices.Contains(Profiles, t.Profile) {
			return t, fmt.Errorf("profile %q: must be one of %s", t.Profile, strings.Join(Profiles, ", "))
		}
	}
	if t.Rate < 0 || t.Concurrency < 0 {
		return t, errors.New("rate and concurrency must not be negative")
	}
	if t.Prefix == "" {
		t.Prefix = "scimconform"
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`).MatchString(t.Prefix) {
		return t, fmt.Errorf("prefix %q: must be 1 to 20 of a-z, 0-9 and -, starting with a letter", t.Prefix)
	}
	if t.Concurrency == 0 {
		t.Concurrency = 4
	}
	if t.Timeout == 0 {
		t.Timeout = 30 * time.Second
	}
	if t.MaxWait == 0 {
		t.MaxWait = 5 * time.Second
	}
	if t.Confirm == 0 {
		t.Confirm = 2
	}
	if t.sleep == nil {
		t.sleep = time.Sleep
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t, nil
}
