package samlhook

import (
	"net/http"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/internal/web"
)

// signedIn is the session that the request carries, judged on a current snapshot.
func (x *exchange) signedIn() (*directory.Directory, error) {
	return x.dir.Authenticate(x.r.Context(), directory.Credential{Session: x.cookie(sessionCookie)})
}

// mePage is what me.html shows.
type mePage struct {
	Organization string
	Person       person
	SignOut      string // where its form leads
}

// me shows who is signed in.
func (x *exchange) me() error {
	if _, err := x.snapshot(); err != nil { // no such organization
		return err
	}
	if x.store.Stale(x.r.Context()) { // who is signed in is not answered from old data
		return errUnavailable
	}
	d, err := x.signedIn()
	if directory.KindOf(err) == directory.Unauthenticated {
		return x.notSignedIn()
	}
	if err != nil {
		return err
	}
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	user, err := s.Get(typeUser, d.Actor().User)
	if directory.KindOf(err) == directory.NotFound {
		return x.notSignedIn()
	}
	if err != nil {
		return err
	}
	x.show(http.StatusOK, "me", mePage{Organization: displayOf(s.Organization(), "name"), Person: describePerson(s, user),
		SignOut: x.organizationURL(x.org) + "/sign-out"}, web.Policy{})
	return nil
}

func (x *exchange) notSignedIn() error {
	x.show(http.StatusForbidden, "notice", notice{Kind: "notSignedIn", Next: x.offer(signInAgain)}, web.Policy{})
	return nil
}

// signOut ends the session of this browser. It asks for a form of our own site, so
// that no other one can end it.
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
	x.dropCookie(sessionCookie, x.organizationPath())
	// Browsers keep the page before this one for their back button, no-store or not.
	x.w.Header().Set("Clear-Site-Data", `"cache"`)
	x.show(http.StatusOK, "notice", notice{Kind: "signedOut", Next: x.offer(signInAgain)}, web.Policy{})
	return nil
}

// maxShownGroups bounds the groups on the landing page.
const maxShownGroups = 20

func describePerson(s *directory.Snapshot, user *directory.Resource) person {
	p := person{Name: user.Display(), UserName: user.Text("userName")}
	emails := gjson.GetBytes(user.JSON, "emails").Array()
	for _, e := range emails {
		if p.Email == "" || e.Get("primary").Bool() {
			p.Email = e.Get("value").String()
		}
	}
	for g := range s.GroupsOf(user) {
		if len(p.Groups) == maxShownGroups {
			p.MoreGroups = true
			break
		}
		p.Groups = append(p.Groups, g.Display)
	}
	return p
}
