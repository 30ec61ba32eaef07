package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const healthTimeout = 5 * time.Second

// Health is `rollcall health`: a health check for images without a shell.
type Health struct {
	Listen  string `default:"127.0.0.1:8080" help:"Address on this machine that the service listens on."`
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificate that the service presents, when it serves https."`
	URL     string `name:"url" env:"-" placeholder:"URL" help:"Ask here instead, such as https://id.example.com."`
}

// Run asks /readyz. It fails when the service is not ready, and says why.
func (c *Health) Run(ctx context.Context, s Streams) error {
	client := &http.Client{Timeout: healthTimeout}
	address := c.URL
	if address == "" {
		scheme, err := c.dial(client)
		if err != nil {
			return err
		}
		host, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			host = "localhost"
		}
		address = scheme + "://" + net.JoinHostPort(host, port)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", response.Status, bytes.TrimSpace(body))
	}
	fmt.Fprintf(s.Out, "%s\n", bytes.TrimSpace(body))
	return nil
}

// dial prepares the client for the service on this machine. Its certificate names the public host, not this address, so it is
// compared with the file instead.
func (c *Health) dial(client *http.Client) (scheme string, err error) {
	if c.TLSCert == "" {
		return "http", nil
	}
	text, err := os.ReadFile(c.TLSCert)
	if err != nil {
		return "", fmt.Errorf("--tls-cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("--tls-cert: %s holds no certificate", c.TLSCert)
	}
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // VerifyPeerCertificate is stricter
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			if len(chain) == 0 || !bytes.Equal(chain[0], block.Bytes) {
				return errors.New("the service presents another certificate than the file of --tls-cert")
			}
			return nil
		},
	}}
	return "https", nil
}
