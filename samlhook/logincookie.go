package samlhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"rollcall/internal/web"
)

// maxLogins is how many sign-ins under way a browser keeps, in one cookie: with a cookie for each, people with many
// open tabs send more than servers accept.
const maxLogins = 8

// loginState is one sign-in under way: what the browser keeps between login and finish.
type loginState struct {
	Request string `json:"r"`           // nonce of the request
	Target  string `json:"t,omitempty"` // where to go afterwards
	Expires int64  `json:"e"`           // in seconds since 1970
	Claim   string `json:"k,omitempty"` // token of the claim that the answer is for
}

// logins are the sign-ins under way of one browser, the newest first.
type logins []loginState

// add puts a sign-in first, and drops what has expired or is too much.
func (l logins) add(s loginState, now time.Time) logins {
	kept := slices.DeleteFunc(slices.Clone(l), func(old loginState) bool { return old.Expires <= now.Unix() })
	return append(logins{s}, kept[:min(len(kept), maxLogins-1)]...)
}

// find is the sign-in with the nonce, unless it has expired.
func (l logins) find(nonce string, now time.Time) (loginState, bool) {
	i := slices.IndexFunc(l, func(s loginState) bool { return s.Request == nonce && s.Expires > now.Unix() })
	if i < 0 {
		return loginState{}, false
	}
	return l[i], true
}

// without is all but the sign-in with the nonce.
func (l logins) without(nonce string) logins {
	return slices.DeleteFunc(slices.Clone(l), func(s loginState) bool { return s.Request == nonce })
}

const sealedLogins = "login cookie"

// maxSealedLogins bounds the value of a login cookie: browsers drop a cookie of more than 4096 bytes with its name.
const maxSealedLogins = 3800

// sealLogins makes the value of a login cookie, without the oldest sign-ins if it would be too long.
func (k requestKey) sealLogins(l logins) string {
	for {
		var body bytes.Buffer
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false) // six bytes for each & of a target
		if err := encoder.Encode(l); err != nil {
			panic("samlhook: logins always marshal: " + err.Error())
		}
		value := base64.RawURLEncoding.EncodeToString(k.seal(sealedLogins, body.Bytes(), nil))
		if len(value) <= maxSealedLogins || len(l) <= 1 {
			return value
		}
		l = l[:len(l)-1]
	}
}

// openLogins reads a login cookie; one that is empty or not ours has none.
func (k requestKey) openLogins(value string) logins {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil
	}
	var l logins
	body, ok := k.open(sealedLogins, raw, nil)
	if !ok || json.Unmarshal(body, &l) != nil {
		return nil
	}
	return l
}

// logins are the sign-ins under way of the request's browser.
func (x *exchange) logins(k requestKey) logins { return k.openLogins(x.cookie(x.loginCookie())) }

// setLogins has the browser keep these.
func (x *exchange) setLogins(k requestKey, l logins) {
	if len(l) == 0 {
		x.dropCookie(x.loginCookie())
		return
	}
	x.setCookie(x.loginCookie(), k.sealLogins(l), loginLifetime)
}

func (x *exchange) loginCookie() string { return web.LoginCookie(x.secure, x.org) }
