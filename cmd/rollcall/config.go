package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"rollcall/internal/publicurl"
)

// Node is how one node of the service runs.
type Node struct {
	Listen    string `default:"127.0.0.1:8080" help:"Address to listen on."`
	PublicURL string `placeholder:"URL" help:"URL at which clients reach the service; by default from --listen."`
	TLSCert   string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM) to serve https with."`
	TLSKey    string `name:"tls-key" placeholder:"FILE" help:"Its private key (PEM)."`

	Data string `default:"./rollcall-data" help:"Folder of the embedded etcd; not used with --etcd-endpoints."`
	Etcd Etcd   `embed:"" prefix:"etcd-"`

	SecretKey         string   `placeholder:"KEY" help:"32 bytes, hexadecimal or base64, that stored secrets are sealed under; by default made and kept in {data}/secret.key."`
	PreviousSecretKey []string `placeholder:"KEY" help:"Keys that were used before; what they sealed is sealed anew."`
	OperatorToken     string   `placeholder:"TOKEN" help:"Token that may do everything; by default made and kept in {data}/operator.token. Better given as a variable: others see arguments."`

	Schemas              string        `placeholder:"DIR" help:"Folder of JSON files with schemas and resource types that every organization is to have."`
	RateLimit            float64       `default:"100" help:"Requests a second that one credential may make at this node on average, five times as many at once; 0 for no limit."`
	StaleReads           bool          `help:"Without a majority of etcd, go on reading what this node has."`
	AllowPrivateMetadata bool          `help:"Fetch identity providers' metadata over http and from private addresses, too."`
	ShutdownTimeout      time.Duration `default:"20s" help:"How long requests may take to finish when the service is stopped."`
}

// Etcd is an etcd cluster to use instead of the embedded one.
type Etcd struct {
	Endpoints []string `placeholder:"URL" help:"Endpoints of an etcd cluster to use instead of the embedded etcd."`
	CA        string   `placeholder:"FILE" help:"Certificates (PEM) that sign the endpoints' certificates; by default the system's."`
	Cert      string   `placeholder:"FILE" help:"Client certificate (PEM) to present to etcd."`
	Key       string   `placeholder:"FILE" help:"Its private key (PEM)."`
	User      string   `placeholder:"NAME" help:"User of etcd."`
	Password  string   `placeholder:"PASSWORD" help:"Password of that user."`
}

// check finds what cannot work before anything is started. Its errors name the flags.
func (n *Node) check() error {
	if (n.TLSCert == "") != (n.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or none")
	}
	if n.PublicURL != "" {
		if _, err := publicurl.Parse(n.PublicURL); err != nil {
			return fmt.Errorf("--public-url: %w", err)
		}
	}
	if n.RateLimit < 0 {
		return errors.New("--rate-limit must not be negative")
	}
	return n.Etcd.check(n)
}

func (e *Etcd) check(n *Node) error {
	if (e.Cert == "") != (e.Key == "") {
		return errors.New("--etcd-cert and --etcd-key belong together: give both or none")
	}
	if (e.User == "") != (e.Password == "") {
		return errors.New("--etcd-user and --etcd-password belong together: give both or none")
	}
	if len(e.Endpoints) == 0 {
		if e.Cert+e.CA+e.User != "" {
			return errors.New("--etcd-cert, --etcd-ca and --etcd-user are for an etcd cluster: give its --etcd-endpoints, too")
		}
		return nil
	}
	for _, endpoint := range e.Endpoints {
		if e.Cert+e.CA != "" && strings.HasPrefix(endpoint, "http://") {
			return fmt.Errorf("--etcd-endpoints: %s is not encrypted, but --etcd-cert or --etcd-ca is given: use https://", endpoint)
		}
	}
	// Nodes that share an etcd have to share these; a node that made up its own would be a trap.
	if n.SecretKey == "" {
		return errors.New("with --etcd-endpoints, --secret-key (ROLLCALL_SECRET_KEY) is required, the same on every node; " +
			"make one with: openssl rand -hex 32")
	}
	if n.OperatorToken == "" {
		return errors.New("with --etcd-endpoints, ROLLCALL_OPERATOR_TOKEN is required, the same on every node; " +
			"make one with: openssl rand -hex 32")
	}
	return nil
}

// publicURL is the URL that links are made with, without a slash at its end.
func (n *Node) publicURL(listening net.Addr, log *slog.Logger) string {
	if n.PublicURL != "" {
		return strings.TrimRight(n.PublicURL, "/")
	}
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		host, port = "localhost", ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		log.Warn("no --public-url is given: links name localhost, which other machines cannot reach", "listen", n.Listen)
		host = "localhost"
	}
	scheme := "http"
	if n.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
