package conformance

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const mediaType = "application/scim+json"

const tls13 = tls.VersionTLS13

// request is what a check sends. Path is relative to the base URL, or absolute.
type request struct {
	method string
	path   string
	query  url.Values
	body   any // nil, []byte or string as they are, anything else as JSON
	header http.Header
	auth   *Credentials // nil for the target's; a zero value for none
	check  string       // on whose behalf
}

// reply is what came back.
type reply struct {
	req     *http.Request
	reqBody []byte
	status  int
	header  http.Header
	body    []byte
	json    any   // the body as JSON, nil if it is none
	err     error // why the body is no JSON
	took    time.Duration
	auth    *Credentials // what the request was sent with, if not the target's
	check   string       // on whose behalf it was sent
	real    int          // the status as it came, where adapt changed it
	trail   []*reply     // what the check had sent before
	tls     *tls.ConnectionState
	ticket  *ticket // when it was on its way, by the clock of states
}

func (r *reply) at(keys ...string) any { return at(r.json, keys...) }

// came is the status as it came, whatever adapt made of it.
func (r *reply) came() int { return cmp.Or(r.real, r.status) }

func (r *reply) ok() bool { return r.status >= 200 && r.status < 300 }

// client sends requests politely and hands each exchange to observe.
type client struct {
	base    string
	auth    Credentials
	http    *http.Client
	observe func(*reply)
	before  func(request) // called before each request, to wait if need be
	states  *states       // takes note of what requests may change
	sleep   func(time.Duration)
	now     func() time.Time

	readOnly bool
	patience int // how often a 429 is waited out

	mu     sync.Mutex
	gap    time.Duration // between two requests
	next   time.Time
	tokens map[*ClientCredentials]oauthToken
}

// url resolves a path against the base URL.
func (c *client) url(path string, q url.Values) string {
	u := path
	if !strings.HasPrefix(path, "http://") && !strings.HasPrefix(path, "https://") {
		u = c.base + path
	}
	if len(q) > 0 {
		sep := "?"
		if strings.Contains(u, "?") {
			sep = "&"
		}
		u += sep + strings.ReplaceAll(q.Encode(), "+", "%20")
	}
	return u
}

// errReadOnly is what a check gets that would write in a read-only run.
var errReadOnly = errors.New("it would write, and the run is read-only")

// errReused is what a request gets whose connection had served others before.
var errReused = errors.New("on a connection that was used before")

// safe reports whether a request changes nothing.
func (rq request) safe() bool {
	switch rq.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return rq.method == http.MethodPost && strings.HasSuffix(rq.path, "/.search")
}

// idempotent reports whether a request may be sent again if no answer came.
func (rq request) idempotent() bool {
	return rq.safe() || rq.method == http.MethodPut || rq.method == http.MethodDelete
}

// do sends rq and observes each answer. A 429 is waited out a few times. Where
// no answer comes, or a 5xx that is not 501, an idempotent request is repeated
// once. The error is a transport error: no answer came.
func (c *client) do(ctx context.Context, rq request) (*reply, error) {
	if c.readOnly && !rq.safe() {
		return nil, errReadOnly
	}
	var body []byte
	switch b := rq.body.(type) {
	case nil:
	case []byte:
		body = b
	case string:
		body = []byte(b)
	default:
		body, _ = json.Marshal(b)
	}
	c.before(rq)
	k := c.states.begin(rq, c.base)
	defer c.states.end(k)
	repeated := false
	for try := 0; ; try++ {
		r, err := c.once(ctx, rq, body)
		// A server may close an idle connection just when it is used again: that
		// is no answer, but no fault either, so such a request is repeated, too.
		again := (rq.idempotent() || errors.Is(err, errReused)) && !repeated && ctx.Err() == nil
		switch {
		case err != nil && again:
			repeated = true
			continue
		case err != nil:
			return nil, err
		case r.status == http.StatusTooManyRequests && try < c.patience:
			r.ticket = k
			c.observe(r)
			c.sleep(retryAfter(r.header.Get("Retry-After"), try))
			continue
		case again && r.status >= 500 && r.status != http.StatusNotImplemented:
			repeated = true
			c.sleep(pause)
			continue
		}
		if repeated && rq.method == http.MethodDelete && r.status == http.StatusNotFound {
			r.status, r.real = http.StatusNoContent, r.status // the first one, whose answer was lost, had taken effect
			r.body, r.json = nil, nil
		}
		c.states.end(k)
		r.ticket = k
		c.observe(r)
		return r, nil
	}
}

func retryAfter(h string, try int) time.Duration {
	d := time.Second << try
	if n, err := strconv.Atoi(h); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(h); err == nil {
		d = time.Until(t)
	}
	return max(0, min(d, time.Minute))
}

func (c *client) once(ctx context.Context, rq request, body []byte) (*reply, error) {
	if err := c.pace(ctx); err != nil {
		return nil, err
	}
	var rd io.Reader
	if body != nil {
		rd = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, rq.method, c.url(rq.path, rq.query), rd)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", "scimconform/1")
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	for k, vs := range rq.header {
		if len(vs) == 0 {
			req.Header.Del(k)
			continue
		}
		req.Header[k] = vs
	}
	auth := c.auth
	if rq.auth != nil {
		auth = *rq.auth
	}
	if err := c.authorize(ctx, req, auth); err != nil {
		return nil, err
	}
	if rq.method == http.MethodPost {
		// What a request makes is deleted at the end; its answer, which names it, is waited for also after Ctrl-C.
		ctx = context.WithoutCancel(ctx)
	}
	reused := false
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	req = req.WithContext(httptrace.WithClientTrace(ctx, trace))
	start := c.now()
	res, err := c.http.Do(req)
	if err != nil {
		var t interface{ Timeout() bool }
		if reused && !(errors.As(err, &t) && t.Timeout()) {
			c.http.CloseIdleConnections()
			err = fmt.Errorf("%w: %w", errReused, err)
		}
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	r := &reply{req: req, reqBody: body, status: res.StatusCode, header: res.Header, body: data,
		took: c.now().Sub(start),
		auth: rq.auth, check: rq.check, tls: res.TLS}
	if len(bytes.TrimSpace(data)) > 0 {
		r.json, r.err = decode(data)
	}
	return r, nil
}

// pace keeps to the rate limit.
func (c *client) pace(ctx context.Context) error {
	if c.gap == 0 {
		return ctx.Err()
	}
	c.mu.Lock()
	now := time.Now()
	if c.next.Before(now) {
		c.next = now
	}
	wait := c.next.Sub(now)
	c.next = c.next.Add(c.gap)
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

type oauthToken struct {
	value   string
	expires time.Time
}

func (c *client) authorize(ctx context.Context, req *http.Request, a Credentials) error {
	for k, vs := range a.Header {
		req.Header[http.CanonicalHeaderKey(k)] = vs
	}
	switch {
	case a.OAuth2 != nil:
		tok, err := c.token(ctx, a.OAuth2)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+tok)
	case a.Bearer != "":
		req.Header.Set("Authorization", "Bearer "+a.Bearer)
	case a.Username != "" || a.Password != "":
		req.SetBasicAuth(a.Username, a.Password)
	}
	return nil
}

// token gets an access token by the client credentials grant and keeps it
// until shortly before it expires.
func (c *client) token(ctx context.Context, cc *ClientCredentials) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.tokens[cc]; ok && time.Now().Before(t.expires) {
		return t.value, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(cc.Scopes) > 0 {
		form.Set("scope", strings.Join(cc.Scopes, " "))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cc.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("OAuth token URL: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(cc.ClientID), url.QueryEscape(cc.ClientSecret))
	res, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("OAuth token request: %w", err)
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer)
	if err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("OAuth token request: status %d, no access_token (error %q)", res.StatusCode,
			answer.Error)
	}
	life := time.Duration(answer.ExpiresIn) * time.Second
	if life == 0 {
		life = 5 * time.Minute
	}
	c.tokens[cc] = oauthToken{answer.AccessToken, time.Now().Add(life * 9 / 10)}
	return answer.AccessToken, nil
}

// transport returns the HTTP client for a target. It follows no redirects:
// what a server redirects is for the checks to see.
func (t Target) transport() *http.Client {
	rt := t.Transport
	if rt == nil {
		tr := http.DefaultTransport.(*http.Transport).Clone()
		tr.TLSClientConfig = t.TLS
		tr.MaxIdleConnsPerHost = t.Concurrency + 2
		tr.DisableCompression = true
		tr.IdleConnTimeout = time.Second
		rt = tr
	}
	return &http.Client{
		Transport:     rt,
		Timeout:       t.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
