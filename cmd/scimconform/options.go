package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"rollcall/conformance"
)

// options are the flags. Secrets can come from the environment, so that they
// stand in no process list.
type options struct {
	URL string `help:"Base URL of the service, such as https://host/scim/v2." placeholder:"URL" env:"SCIM_URL"`

	Token         string   `help:"Bearer token." env:"SCIM_TOKEN" group:"Authentication"`
	User          string   `help:"User and password for HTTP Basic." placeholder:"NAME:PASSWORD" env:"SCIM_USER" group:"Authentication"`
	Header        []string `help:"Custom header to send, such as 'X-Api-Key: abc'; repeatable." sep:"none" placeholder:"NAME: VALUE" group:"Authentication"`
	OauthTokenURL string   `help:"Token URL for the OAuth 2.0 client credentials grant." placeholder:"URL" group:"Authentication"`
	OauthClient   string   `help:"OAuth client id and secret." placeholder:"ID:SECRET" env:"SCIM_OAUTH_CLIENT" group:"Authentication"`
	OauthScope    []string `help:"OAuth scope; repeatable." group:"Authentication"`
	ClientCert    string   `help:"Client certificate for mutual TLS (PEM)." type:"path" group:"Authentication"`
	ClientKey     string   `help:"Key of the client certificate (PEM)." type:"path" group:"Authentication"`
	CA            string   `name:"ca" help:"Certificates to trust instead of the system's (PEM)." type:"path" group:"Authentication"`

	ReaderToken  string `help:"Token that may only read; makes the checks on rights possible." env:"SCIM_READER_TOKEN" group:"Further credentials"`
	ExpiredToken string `help:"Token that has expired." env:"SCIM_EXPIRED_TOKEN" group:"Further credentials"`
	OtherToken   string `help:"Token of another tenant; makes the checks on isolation possible." env:"SCIM_OTHER_TOKEN" group:"Further credentials"`
	OtherURL     string `help:"Base URL of the other tenant, if it is another." placeholder:"URL" group:"Further credentials"`
	EventsURL    string `help:"Poll URL (RFC 8936) of a stream with the service's events, for RFC 9967." placeholder:"URL" group:"Further credentials"`

	Profile     string            `help:"What to judge by: ${enum}." enum:"rfc,entra,okta,interop,ipsie-al1,ipsie-al2,all" default:"rfc" group:"Run"`
	ReadOnly    bool              `help:"Change nothing on the server." group:"Run"`
	Run         string            `help:"Only checks whose id, name or area matches." placeholder:"REGEXP" group:"Run"`
	Type        []string          `help:"Only these resource types; repeatable." placeholder:"NAME" group:"Run"`
	Body        map[string]string `help:"Valid body of a type, as a JSON file in which {{unique}} stands for a unique string." placeholder:"TYPE=FILE" mapsep:"none" group:"Run"`
	Sample      time.Duration     `help:"Judge a sample of the checks that fits into this time, for a slow server." placeholder:"DURATION" group:"Run"`
	Name        string            `help:"What the server is called in reports." group:"Run"`
	Prefix      string            `help:"Start of the names of what the suite makes." default:"scimconform" group:"Run"`
	Rate        float64           `help:"Requests per second at most; 0 for no limit." group:"Run"`
	Concurrency int               `help:"Checks at the same time." default:"4" group:"Run"`
	Timeout     time.Duration     `help:"For one request." default:"30s" group:"Run"`
	MaxWait     time.Duration     `help:"Longest pause for a check that has to wait, such as for a cursor to expire." default:"5s" group:"Run"`
	Clean       bool              `help:"Delete what killed runs left behind (by --prefix), then stop." group:"Run"`

	JSON   string `name:"json" help:"Write the report as JSON." type:"path" placeholder:"FILE" group:"Output"`
	JUnit  string `name:"junit" help:"Write the report as JUnit XML." type:"path" placeholder:"FILE" group:"Output"`
	HTML   string `name:"html" help:"Write the report as one HTML page." type:"path" placeholder:"FILE" group:"Output"`
	Badge  string `name:"badge" help:"Write a badge with the score as SVG." type:"path" placeholder:"FILE" group:"Output"`
	Strict bool   `help:"Exit with 1 on warnings and unstable findings, too." group:"Output"`
	Quiet  bool   `short:"q" help:"Print the score only." group:"Output"`
	All    bool   `name:"verbose" short:"v" help:"Print every cause, with the requests that led to it." group:"Output"`

	List    bool     `help:"List all requirements." group:"Other"`
	Explain string   `help:"Explain one requirement." placeholder:"ID" group:"Other"`
	Diff    bool     `help:"Compare two JSON reports, an older and a newer one." group:"Other"`
	Publish string   `help:"Write a static site into this directory, with the JSON reports given as arguments side by side." type:"path" placeholder:"DIR" group:"Other"`
	Reports []string `arg:"" optional:"" help:"JSON reports for --diff and --publish."`
}

func (o *options) target() (conformance.Target, error) {
	t := conformance.Target{
		URL: o.URL, EventsURL: o.EventsURL, Profile: o.Profile, Prefix: o.Prefix, ReadOnly: o.ReadOnly,
		Rate: o.Rate, Concurrency: o.Concurrency, Timeout: o.Timeout, MaxWait: o.MaxWait, Types: o.Type,
		Name: o.Name, Budget: o.Sample,
	}
	if o.MaxWait == 0 {
		t.MaxWait = -1
	}
	var err error
	if t.Auth, err = o.credentials(); err != nil {
		return t, err
	}
	if o.ReaderToken != "" {
		t.Reader = &conformance.Credentials{Bearer: o.ReaderToken}
	}
	if o.ExpiredToken != "" {
		t.Expired = &conformance.Credentials{Bearer: o.ExpiredToken}
	}
	if o.OtherToken != "" {
		t.Other = &conformance.Tenant{URL: o.OtherURL, Auth: conformance.Credentials{Bearer: o.OtherToken}}
	}
	if o.Run != "" {
		if t.Run, err = regexp.Compile(o.Run); err != nil {
			return t, fmt.Errorf("--run: %w", err)
		}
	}
	if t.TLS, err = o.tls(); err != nil {
		return t, err
	}
	t.Samples, err = o.samples()
	return t, err
}

func (o *options) credentials() (conformance.Credentials, error) {
	c := conformance.Credentials{Bearer: o.Token}
	kinds := 0
	for _, v := range []string{o.Token, o.User, o.OauthTokenURL} {
		if v != "" {
			kinds++
		}
	}
	if kinds > 1 {
		return c, errors.New("only one of --token, --user and --oauth-token-url can be given")
	}
	if o.User != "" {
		name, password, ok := strings.Cut(o.User, ":")
		if !ok {
			return c, errors.New("--user: must be NAME:PASSWORD")
		}
		c.Username, c.Password = name, password
	}
	if (o.OauthTokenURL == "") != (o.OauthClient == "") {
		return c, errors.New("--oauth-token-url and --oauth-client belong together")
	}
	if o.OauthTokenURL != "" {
		id, secret, ok := strings.Cut(o.OauthClient, ":")
		if !ok {
			return c, errors.New("--oauth-client: must be ID:SECRET")
		}
		c.OAuth2 = &conformance.ClientCredentials{TokenURL: o.OauthTokenURL, ClientID: id, ClientSecret: secret,
			Scopes: o.OauthScope}
	}
	for _, h := range o.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return c, fmt.Errorf("--header: must be 'NAME: VALUE', got a value without colon")
		}
		if c.Header == nil {
			c.Header = http.Header{}
		}
		c.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return c, nil
}

func (o *options) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: %s holds no PEM certificate", o.CA)
		}
	}
	if (o.ClientCert == "") != (o.ClientKey == "") {
		return nil, errors.New("--client-cert and --client-key belong together")
	}
	if o.ClientCert != "" {
		cert, err := tls.LoadX509KeyPair(o.ClientCert, o.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("--client-cert: %w", err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

func (o *options) samples() (map[string]func(string) map[string]any, error) {
	out := map[string]func(string) map[string]any{}
	for name, path := range o.Body {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--body: %w", err)
		}
		var probe map[string]any
		if err := json.Unmarshal(data, &probe); err != nil {
			return nil, fmt.Errorf("--body: %s: %w", path, err)
		}
		out[name] = func(unique string) map[string]any {
			var v map[string]any
			// The file parsed, and unique has only letters, digits and "-".
			_ = json.Unmarshal([]byte(strings.ReplaceAll(string(data), "{{unique}}", unique)), &v)
			return v
		}
	}
	return out, nil
}
