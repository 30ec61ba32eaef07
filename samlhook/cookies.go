package samlhook

import (
	"net/http"
	"time"
)

// sessionCookie holds the secret of a session; the SCIM side reads it under this name.
const sessionCookie = "rollcall_session"

// bindingCookiePrefix begins the name of the cookie that ties a hand-over code to
// the browser that posted the response.
const bindingCookiePrefix = "rollcall-finish-"

// setCookie sets a cookie for a path of ours; without an end it lasts as long as the
// browser. SameSite=Lax is as strict as can be: the person comes from another site.
func (x *exchange) setCookie(name, value, path string, lasts time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: path, HttpOnly: true, Secure: x.secure, SameSite: http.SameSiteLaxMode}
	if lasts > 0 {
		c.MaxAge = int(lasts / time.Second)
	}
	http.SetCookie(x.w, c)
}

func (x *exchange) dropCookie(name, path string) {
	http.SetCookie(x.w, &http.Cookie{Name: name, Path: path, MaxAge: -1, HttpOnly: true, Secure: x.secure, SameSite: http.SameSiteLaxMode})
}

func (x *exchange) cookie(name string) string {
	c, err := x.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Paths for which cookies are set.
func (x *exchange) organizationPath() string { return "/orgs/" + x.org }
func (x *exchange) finishPath() string {
	return x.organizationPath() + "/saml/" + x.connection.String() + "/finish"
}
