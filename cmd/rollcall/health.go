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

// healthTimeout is longer than readyTimeout, so that a service that is not ready can say why.
const healthTimeout = 5 * time.Second

// Health is `rollcall health`: a health check for images without a shell.
type Health struct {
	Listen  string `default:"127.0.0.1:8080" help:"Address that the service on this machine listens on."`
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificate of the service, if it serves https."`
	URL     string `name:"url" env:"-" placeholder:"URL" help:"URL to ask instead, such as https://id.example.com."`
}

// Run asks /readyz. It returns an error with the reason if the service is not ready.
func (c *Health) Run(ctx context.Context, s Streams) error {
	address, client, err := c.target()
	if err != nil {
		return err
	}
	client.Timeout = healthTimeout
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

// target returns the URL of the service and a client for it.
func (c *Health) target() (address string, client *http.Client, err error) {
	if c.URL != "" {
		return c.URL, &http.Client{}, nil
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", nil, fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	address = net.JoinHostPort(host, port)
	if c.TLSCert == "" {
		return "http://" + address, &http.Client{}, nil
	}
	client, err = pinned(c.TLSCert)
	return "https://" + address, client, err
}

// pinned returns a client for a service with the certificate in the file. The certificate names the public host rather
// than the address on this machine, so the client compares it with the file instead of verifying it.
func pinned(file string) (*http.Client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("--tls-cert: %s contains no certificate", file)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // VerifyPeerCertificate is stricter
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			if len(chain) == 0 || !bytes.Equal(chain[0], block.Bytes) {
				return errors.New("the service's certificate is not the one in --tls-cert")
			}
			return nil
		},
	}}}, nil
}
