package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"rollcall/internal/demoidp"
)

// signInTimeout limits a whole sign-in.
const signInTimeout = time.Minute

// DemoSignIn is `rollcall demo sign-in`.
type DemoSignIn struct {
	Name      string `arg:"" help:"Who signs in: alice, bob, carol or admin."`
	URL       string `name:"url" default:"http://127.0.0.1:8080" help:"URL of the demo."`
	CookieJar string `placeholder:"FILE" help:"File for the session's cookies, in the format that curl -b reads."`
}

// Run does the browser's part of a sign-in and prints the page that it ends on. It fails if the sign-in is refused.
func (c *DemoSignIn) Run(ctx context.Context, s Streams) error {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	site, err := url.Parse(strings.TrimRight(c.URL, "/"))
	if err != nil || site.Host == "" {
		return fmt.Errorf("--url: %q is not a URL such as http://127.0.0.1:8080", c.URL)
	}

	// Go through the sign-in; the identity provider asks for a name only.
	browser := demoidp.NewBrowser(nil)
	page, err := browser.SignIn(ctx, site.JoinPath("orgs", demoOrganization, "login").String(), c.Name)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no demo is running at %s: start one with rollcall demo, or name it with --url", site)
	}
	if err != nil {
		return err
	}

	// The sign-in ends at the demo; a page of another site is the identity provider's, which shows an error.
	text := pageText(page.Body)
	if page.URL.Host != site.Host {
		status := http.StatusText(page.Status)
		return fmt.Errorf("the sign-in ended at %s, not at the demo: %s\n%s", page.URL, status, text)
	}

	// Print the page. A refusal fails the command, and only a session has cookies.
	fmt.Fprintln(s.Out, text)
	if page.Status != http.StatusOK {
		return errSaid
	}
	if c.CookieJar != "" {
		return writeCookies(c.CookieJar, page.URL, browser.Client.Jar.Cookies(page.URL))
	}
	return nil
}

// writeCookies writes a cookie file in Netscape's format, which curl reads: domain, whether subdomains are included,
// path, whether https is required, expiry (0: with the session), name, value.
func writeCookies(path string, site *url.URL, cookies []*http.Cookie) error {
	var b strings.Builder
	b.WriteString("# Netscape HTTP Cookie File\n")
	for _, cookie := range cookies {
		fmt.Fprintf(&b, "#HttpOnly_%s\tFALSE\t/\tFALSE\t0\t%s\t%s\n", site.Hostname(), cookie.Name, cookie.Value)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
