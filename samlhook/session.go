package samlhook

import (
	"net/http"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
)

// signedIn is a directory for the session that the request carries, judged on a current snapshot.
func (x *exchange) signedIn() (*directory.Directory, error) {
	return x.dir.Authenticate(x.r.Context(), directory.Credential{Session: x.cookie(x.sessionCookie())})
}

// sessionCookie is the name of the cookie that holds the secret of a session. The SCIM side reads it, too.
func (x *exchange) sessionCookie() string { return web.SessionCookie(x.secure, x.org) }

// mePage is what me.html shows.
type mePage struct {
	web.Brand
	Organization string
	Person       person
	SignOut      string // where its form leads
}

// me is the landing page: it shows who is signed in.
func (x *exchange) me() error {
	if _, err := x.snapshot(); err != nil { // no such organization
		return err
	}
	if x.store.Stale(x.r.Context()) { // old data does not tell who is signed in
		return errUnavailable
	}
	d, err := x.signedIn()
	if directory.KindOf(err) == directory.Unauthenticated {
		return x.notSignedIn()
	}
	if err != nil {
		return err
	}

	// The session is good; its User may be gone by now.
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	user, err := s.Get(schema.UserType, d.Actor().User)
	if directory.KindOf(err) == directory.NotFound {
		return x.notSignedIn()
	}
	if err != nil {
		return err
	}
	x.show(http.StatusOK, "me", mePage{Brand: x.brand(s), Organization: displayOrganization(s),
		Person:  describePerson(s, user),
		SignOut: x.organizationURL(x.org) + "/sign-out"}, web.Policy{})
	return nil
}

func (x *exchange) notSignedIn() error {
	x.show(http.StatusForbidden, "notice", notice{Brand: x.brandFor(http.StatusOK), Kind: "notSignedIn",
		Words: "notSignedIn", Next: x.offer(signInAgain)}, web.Policy{})
	return nil
}

// signOut ends the session of this browser. It accepts only a form of our own site, so that no other site can end it.
func (x *exchange) signOut() error {
	if err := x.origin.Check(x.r); err != nil {
		return errCrossOrigin
	}
	d, err := x.signedIn()
	if err == nil {
		err = d.SignOut(x.r.Context())
	}
	if kind := directory.KindOf(err); err != nil && kind != directory.Unauthenticated && kind != directory.NotFound {
		return err
	}
	x.dropCookie(x.sessionCookie())
	// Browsers keep the page before this one for their back button, whatever no-store says.
	x.w.Header().Set("Clear-Site-Data", `"cache"`)
	x.show(http.StatusOK, "notice", notice{Brand: x.brandFor(http.StatusOK), Kind: "signedOut",
		Words: "signedOut", Next: x.offer(signInAgain)}, web.Policy{})
	return nil
}
