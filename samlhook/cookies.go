package samlhook

import (
	"net/http"
	"time"
)

// setCookie sets a cookie of ours. If lasts is zero, it lasts as long as the browser. SameSite=Lax is as strict as
// possible: the person comes from another site.
func (x *exchange) setCookie(name, value string, lasts time.Duration) {
	c := x.newCookie(name)
	c.Value, c.MaxAge = value, int(lasts/time.Second)
	http.SetCookie(x.w, c)
}

func (x *exchange) dropCookie(name string) {
	c := x.newCookie(name)
	c.MaxAge = -1
	http.SetCookie(x.w, c)
}

func (x *exchange) newCookie(name string) *http.Cookie {
	return &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: x.secure, SameSite: http.SameSiteLaxMode}
}

// cookie is the value of a cookie; empty if the browser sent none.
func (x *exchange) cookie(name string) string {
	c, err := x.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
