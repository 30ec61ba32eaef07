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

// signInTimeout bounds a whole sign-in.
const signInTimeout = time.Minute

// DemoSignIn is `rollcall demo sign-in`.
type DemoSignIn struct {
	Name      string `arg:"" help:"Who signs in: alice, bob or carol."`
	URL       string `name:"url" default:"http://127.0.0.1:8080" help:"Where the demo runs."`
	CookieJar string `placeholder:"FILE" help:"Put the session's cookies there, as curl -b reads them."`
}

// Run does the browser's part of a sign-in and prints the page at its end. A refusal fails the command.
func (c *DemoSignIn) Run(ctx context.Context, s Streams) error {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	site, err := url.Parse(strings.TrimRight(c.URL, "/"))
	if err != nil || site.Host == "" {
		return fmt.Errorf("--url: %q is not a URL such as http://127.0.0.1:8080", c.URL)
	}
	browser := demoidp.NewBrowser(nil)
	page, err := browser.SignIn(ctx, site.JoinPath("orgs", demoOrganization, "login").String(), c.Name)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no demo runs at %s: start one with rollcall demo, or say where with --url", site)
	}
	if err != nil {
		return err
	}
	if page.URL.Host != site.Host {
		return fmt.Errorf("the sign-in ended at %s, not at the demo: %s\n%s", page.URL, http.StatusText(page.Status), pageText(page.Body))
	}
	fmt.Fprintln(s.Out, pageText(page.Body))
	if page.Status != http.StatusOK {
		return errSaid
	}
	if c.CookieJar != "" {
		return writeCookies(c.CookieJar, page.URL, browser.Client.Jar.Cookies(page.URL))
	}
	return nil
}

// writeCookies writes a cookie file in the format that began with Netscape and that curl reads: domain, whether subdomains
// are meant, path, whether https is demanded, expiry (0: with the session), name, value.
func writeCookies(path string, site *url.URL, cookies []*http.Cookie) error {
	var b strings.Builder
	b.WriteString("# Netscape HTTP Cookie File\n")
	for _, cookie := range cookies {
		fmt.Fprintf(&b, "#HttpOnly_%s\tFALSE\t/\tFALSE\t0\t%s\t%s\n", site.Hostname(), cookie.Name, cookie.Value)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
