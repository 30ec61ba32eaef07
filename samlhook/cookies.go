package samlhook

import (
	"net/http"
	"time"
)

const (
	// sessionCookie holds the secret of a session. The SCIM side reads it under this name.
	sessionCookie = "rollcall_session"
	// loginCookiePrefix starts the name of the cookie of each login under way.
	loginCookiePrefix = "rollcall-login-"
	// bindingCookiePrefix starts the name of the cookie that ties a hand-over code to the browser that posted the
	// response.
	bindingCookiePrefix = "rollcall-finish-"
)

// setCookie sets a cookie for a path of ours. If lasts is zero, it lasts as long as the browser. SameSite=Lax is as
// strict as possible: the person comes from another site.
func (x *exchange) setCookie(name, value, path string, lasts time.Duration) {
	c := x.newCookie(name, path)
	c.Value, c.MaxAge = value, int(lasts/time.Second)
	http.SetCookie(x.w, c)
}

func (x *exchange) dropCookie(name, path string) {
	c := x.newCookie(name, path)
	c.MaxAge = -1
	http.SetCookie(x.w, c)
}

func (x *exchange) newCookie(name, path string) *http.Cookie {
	return &http.Cookie{Name: name, Path: path, HttpOnly: true, Secure: x.secure, SameSite: http.SameSiteLaxMode}
}

// cookie is the value of a cookie; empty if the browser sent none.
func (x *exchange) cookie(name string) string {
	c, err := x.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// organizationPath and finishPath are the paths for which cookies are set.
func (x *exchange) organizationPath() string { return "/orgs/" + x.org }

func (x *exchange) finishPath() string {
	return x.organizationPath() + "/saml/" + x.connection.String() + "/finish"
}
