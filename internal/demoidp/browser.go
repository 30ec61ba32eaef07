package demoidp

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// maxPages ends a sign-in that goes round in circles.
const maxPages = 10

// Page is where a browser ended up.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
}

// Browser does a browser's part of a sign-in: it keeps cookies, follows redirects and sends the forms that a script
// would send. It reads the forms of this package and of Rollcall's own pages, not HTML at large.
type Browser struct {
	Client *http.Client // with a cookie jar
}

// NewBrowser is a browser without cookies that uses a transport; nil means the default one.
func NewBrowser(transport http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // its error is always nil
	return &Browser{Client: &http.Client{Jar: jar, Transport: transport}}
}

// SignIn opens an address and goes on from page to page: it types user into the login form of a demo identity provider
// and sends the forms that carry a SAML message, until a page has none of these. That page is returned, whatever its
// status. An identity provider that does not know the user is an error.
func (b *Browser) SignIn(ctx context.Context, address, user string) (*Page, error) {
	page, err := b.Get(ctx, address)
	typed := false

	// Each page asks for the user, carries a message on, or is the last.
	for range maxPages {
		if err != nil {
			return nil, err
		}
		action, form, found := page.Form()
		_, asksUser := form["user"]
		switch {
		case !found:
			return page, nil
		case asksUser && typed:
			return nil, fmt.Errorf("the identity provider does not know %q", user)
		case asksUser:
			form.Set("user", user)
			typed = true
		case !form.Has("SAMLResponse") && !form.Has("SAMLRequest"):
			return page, nil
		}
		page, err = b.Post(ctx, action, form)
	}
	if err != nil {
		return nil, err
	}
	return nil, errors.New("the sign-in does not end")
}

// Get opens an address and follows redirects.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.do(request)
}

// Post sends a form and follows redirects.
func (b *Browser) Post(ctx context.Context, address string, form url.Values) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(request)
}

func (b *Browser) do(request *http.Request) (*Page, error) {
	response, err := b.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	return &Page{URL: response.Request.URL, Status: response.StatusCode, Header: response.Header, Body: string(body)},
		nil
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	attribute = regexp.MustCompile(`(?s)([a-zA-Z-]+)="([^"]*)"`)
)

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[strings.ToLower(m[1])] = html.UnescapeString(m[2])
	}
	return all
}

// Form is the first form of the page: where it leads, by default to the page itself, and its fields.
func (p *Page) Form() (action string, fields url.Values, found bool) {
	m := formTag.FindStringSubmatch(p.Body)
	if m == nil {
		return "", nil, false
	}
	fields = url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(m[2], -1) {
		if a := attributes(input[1]); a["name"] != "" {
			fields.Set(a["name"], a["value"])
		}
	}
	target, err := p.URL.Parse(attributes(m[1])["action"])
	if err != nil {
		target = p.URL
	}
	return target.String(), fields, true
}
