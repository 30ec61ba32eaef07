package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"rollcall/internal/publicurl"
)

// Node holds the flags of one node of the service.
type Node struct {
	Listen    string `default:"127.0.0.1:8080" help:"Address to listen on."`
	PublicURL string `placeholder:"URL" help:"URL that clients and browsers use; by default derived from --listen."`
	TLSCert   string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM) for serving https."`
	TLSKey    string `name:"tls-key" placeholder:"FILE" help:"Private key (PEM) of --tls-cert."`

	Data string `default:"./rollcall-data" help:"Folder for all data; not used with --etcd-endpoints."`
	Etcd Etcd   `embed:"" prefix:"etcd-"`

	// 32 bytes in hexadecimal or base64. By default each of the two secrets is generated and kept in a file of --data.
	SecretKey string `placeholder:"KEY" help:"Key that encrypts stored secrets; by default {data}/secret.key."`
	// Keys that may still decrypt; what they encrypted is encrypted under SecretKey at startup.
	PreviousSecretKey []string `placeholder:"KEY" help:"Earlier secret keys, while the key is being replaced."`
	// Better given as a variable: other users of the machine can see arguments.
	OperatorToken string `placeholder:"TOKEN" help:"Token with full access; by default {data}/operator.token."`
	// Accepted besides OperatorToken.
	PreviousOperatorToken []string `placeholder:"TOKEN" help:"Other operator tokens, while replacing the token."`

	Schemas string `placeholder:"DIR" help:"Folder of JSON schemas and resource types for every organization."`
	// Five times as many requests may come at once.
	RateLimit float64 `default:"100" help:"Average requests per second for each credential; 0 for no limit."`

	// In comparisons of a filter with one record; ten million may come at once.
	WorkLimit float64 `default:"300000" help:"Average comparisons per second for each credential; 0 for no limit."`

	// Limits count by the client's address, which a proxy passes on.
	TrustedProxies []netip.Prefix `placeholder:"CIDR" help:"Proxies whose X-Forwarded-For counts, such as 10.0.0.0/8."`

	// Of pages that belong to no organization; an organization without a colour has this one.
	BrandName   string `placeholder:"NAME" help:"Name on pages that belong to no organization; by default Rollcall."`
	BrandColour string `placeholder:"#RRGGBB" help:"Colour of pages, unless their organization has one."`
	BrandLogo   string `placeholder:"FILE" help:"Logo (PNG, JPEG or WebP) on pages that belong to no organization."`

	StaleReads           bool          `help:"Keep answering reads while etcd has no quorum."`
	AllowPrivateMetadata bool          `help:"Also fetch SAML metadata over http and from private addresses."`
	ShutdownTimeout      time.Duration `default:"20s" help:"How long running requests may take to finish on shutdown."`
}

// check finds mistakes in the flags before anything is started. Its errors name the flags.
func (n *Node) check() error {
	if (n.TLSCert == "") != (n.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or neither")
	}
	if n.RateLimit < 0 {
		return errors.New("--rate-limit must not be negative")
	}
	if n.WorkLimit < 0 {
		return errors.New("--work-limit must not be negative")
	}
	if err := n.checkOtherTokens(); err != nil {
		return err
	}
	if err := n.Etcd.check(); err != nil {
		return err
	}
	if len(n.Etcd.Endpoints) > 0 {
		return n.checkShared()
	}
	return nil
}

// checkShared checks that a node of a cluster is given the secrets that all nodes share: if each generated its own,
// they could not read each other's data.
func (n *Node) checkShared() error {
	if n.SecretKey == "" {
		return errors.New("with --etcd-endpoints, --secret-key (ROLLCALL_SECRET_KEY) is required, " +
			"the same on every node; generate one with: openssl rand -hex 32")
	}
	if n.OperatorToken == "" {
		return errors.New("with --etcd-endpoints, ROLLCALL_OPERATOR_TOKEN is required, " +
			"the same on every node; generate one with: openssl rand -hex 32")
	}
	return nil
}

// publicURL returns the URL that links begin with, without a trailing slash: --public-url or, by default, the address
// that the node listens on.
func (n *Node) publicURL(listening net.Addr, log *slog.Logger) (string, error) {
	if n.PublicURL != "" {
		u, err := publicurl.Parse(n.PublicURL)
		if err != nil {
			return "", fmt.Errorf("--public-url: %w", err)
		}
		return u.String(), nil
	}
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return "", fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		log.Warn("--public-url is not set: links use localhost, which other machines cannot reach", "listen", n.Listen)
		host = "localhost"
	}
	scheme := "http"
	if n.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}
