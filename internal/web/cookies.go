package web

// Cookies are for the whole site, and each organization has names of its own: paths are no boundary. On https the names
// begin with __Host-, so that browsers take such a cookie from this very host only, never from a neighbour's or over
// http. On http, which is for one's own machine, they refuse that prefix.

const hostPrefix = "__Host-"

// SessionCookie is the name of the cookie that holds the secret of an organization's session.
func SessionCookie(https bool, organization string) string { return cookieName(https, organization) }

// LoginCookie is the name of the cookie that keeps an organization's sign-ins under way.
func LoginCookie(https bool, organization string) string {
	return cookieName(https, "login-"+organization)
}

// ViaCookie is the name of the cookie that says through which connection of an organization the browser signed in last.
// No organization has a dot in its name, so it is no other's cookie.
func ViaCookie(https bool, organization string) string { return cookieName(https, "via."+organization) }

// FinishCookie is the name of the cookie that ties a hand-over code to the browser.
func FinishCookie(https bool, code string) string { return cookieName(https, "finish-"+code) }

func cookieName(https bool, of string) string {
	if https {
		return hostPrefix + "rollcall-" + of
	}
	return "rollcall-" + of
}
