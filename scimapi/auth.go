package scimapi

import (
	"net/http"
	"strings"

	"rollcall/directory"
	"rollcall/internal/web"
)

// sessionCookie is the name of the cookie that holds the secret of a sign-in session.
func (x *exchange) sessionCookie() string {
	return web.SessionCookie(strings.HasPrefix(x.public, "https:"), x.org)
}

// authenticate judges the request's credential, and counts the request against its rate or that of failures.
func (x *exchange) authenticate() error {
	err := x.judge()
	switch {
	case err == nil:
		return x.paced()
	case translate(err).status == http.StatusUnauthorized:
		return x.refusedAgain(err)
	}
	return err
}

// judge judges the request's credential. From then on x.dir acts for it, on the snapshot it was judged on.
func (x *exchange) judge() error {
	c, err := x.credential()
	if err != nil {
		return err
	}
	d, err := x.dir.Authenticate(x.r.Context(), c)
	if err == nil {
		x.dir, x.actor = d, d.Actor()
	}
	return err
}

// credential finds a bearer token (RFC 6750 §2.1) or, without an Authorization header, a session cookie. A browser
// sends the cookie whichever site makes the request, so a change by cookie must come from our own pages.
func (x *exchange) credential() (directory.Credential, error) {
	if headers := x.r.Header.Values("Authorization"); len(headers) > 0 {
		scheme, token, _ := strings.Cut(headers[0], " ")
		token = strings.TrimSpace(token)
		if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
			return directory.Credential{}, fail(http.StatusUnauthorized, "", "the credential is invalid")
		}
		return directory.Credential{Bearer: token}, nil
	}
	cookie, err := x.r.Cookie(x.sessionCookie())
	if err != nil || cookie.Value == "" {
		return directory.Credential{}, fail(http.StatusUnauthorized, "", "a bearer token is required")
	}
	if err := x.origin.Check(x.r); err != nil {
		return directory.Credential{}, fail(http.StatusForbidden, "",
			"a session can make changes only from pages of this server")
	}
	return directory.Credential{Session: cookie.Value}, nil
}

// anonymous reports whether the request presents no credential at all.
func (x *exchange) anonymous() bool {
	cookie, err := x.r.Cookie(x.sessionCookie())
	return len(x.r.Header.Values("Authorization")) == 0 && (err != nil || cookie.Value == "")
}

// challenge is the WWW-Authenticate of a 401. It names an error only if a credential was sent (RFC 6750 §3.1).
func (x *exchange) challenge() string {
	const realm = `Bearer realm="rollcall"`
	if x.r.Header.Get("Authorization") == "" && !strings.Contains(x.r.Header.Get("Cookie"), x.sessionCookie()) {
		return realm
	}
	return realm + `, error="invalid_token"`
}

// begin authenticates the request and returns the snapshot that the credential was judged on.
func (x *exchange) begin() (*directory.Snapshot, error) {
	if err := x.authenticate(); err != nil {
		return nil, err
	}
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil {
		return nil, err
	}
	if x.store.Stale(x.r.Context()) { // the operator allows reads without quorum
		x.w.Header().Set("Warning", staleWarning)
	}
	return s, nil
}

// staleWarning marks replies that may be older than the last change.
const staleWarning = `110 rollcall "Response is Stale"`
