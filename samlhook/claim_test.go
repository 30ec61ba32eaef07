package samlhook

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// claimed makes a claim of a User and returns its link.
func (s *site) claimed(user directory.ID) string {
	s.t.Helper()
	body := s.mustAct(s.hook.claim, user, "")
	if gjson.Get(body, "expiresAt").String() == "" {
		s.t.Fatalf("reply %s", body)
	}
	return gjson.Get(body, "url").String()
}

// openClaimed goes from the link of a claim to the page with both names.
func (b *browser) openClaimed(s *site, link, person string) (action string, form url.Values) {
	b.t.Helper()
	page := b.get(link)
	wantPage(b.t, page, http.StatusOK, "claim")
	_, rest, found := strings.Cut(page.Body, `<a class="button" href="`)
	login, _, _ := strings.Cut(rest, `"`)
	if !found {
		b.t.Fatalf("no way to sign in: %s", page.Body)
	}
	page = b.signIn(strings.ReplaceAll(login, "&amp;", "&"), person)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, `<main id="claimed">`) {
		b.t.Fatalf("%s: %d %s", page.URL, page.Status, page.Body)
	}
	action, form, _ = page.Form()
	return action, form
}

// The first administrator comes in by a claim: once, after seeing both names.
func TestClaim(t *testing.T) {
	s := newSite(t)
	connection := s.connect(nil)
	boss := s.createUser(schema.Document{"userName": "boss", "displayName": "Grace",
		"roles": []any{map[string]any{"value": "administrator"}}})
	b := s.browser()
	if p := b.signIn(s.loginURL(connection), "alice"); p.Status != http.StatusForbidden {
		t.Fatalf("came in without a claim: %d", p.Status)
	}
	link := s.claimed(boss)
	wantPage(t, b.get(link), http.StatusOK, "claim", "Grace", "boss")

	// Both names, and nothing before the person has confirmed.
	action, form := b.openClaimed(s, link, "alice")
	s.lastSignIn(OutcomeRefused, ReasonClaimUnconfirmed)
	if s.linked(connection, "alice@example.com") != nil || b.session(s) != "" {
		t.Fatal("linked or signed in before it was confirmed")
	}
	page := b.get(action + "?code=" + url.QueryEscape(form.Get("code")))
	wantPage(t, page, http.StatusOK, "claimed", "Alice Archer", "alice@example.com", "Grace", "boss")
	wantStatus(t, b.step(action, form), http.StatusSeeOther)
	if s.signedInAs(b.session(s)) != boss {
		t.Fatal("not signed in")
	}
	record := s.lastSignIn(OutcomeSignedIn, ReasonClaimed)
	if record.Text("user.value") != boss.String() || record.Text("nameId") != "alice@example.com" {
		t.Errorf("record %s", record.JSON)
	}
	r, err := s.snapshot().Get(schema.UserType, boss)
	if err != nil {
		t.Fatal(err)
	}
	if by := gjson.GetBytes(r.JSON, gjson.Escape(schema.OriginURN)+".links.0.linkedBy").String(); by != linkedByClaim {
		t.Errorf("linked by %q", by)
	}

	// From then on without, and the link is used.
	if p := s.browser().signIn(s.loginURL(connection), "alice"); p.Status != http.StatusOK {
		t.Errorf("the next sign-in: %d", p.Status)
	}
	wantPage(t, s.browser().get(link), http.StatusForbidden, "claimOver")
}

// A claim ends by being used, replaced, by time, and with the User's sessions; at whatever step that is found.
func TestClaimOver(t *testing.T) {
	for name, end := range map[string]func(s *site, user directory.ID, link string){
		"used": func(s *site, _ directory.ID, link string) {
			b := s.browser()
			wantStatus(s.t, b.step(b.openClaimed(s, link, "bob")), http.StatusSeeOther)
		},
		"replaced": func(s *site, user directory.ID, _ string) { s.claimed(user) },
		"too old":  func(s *site, _ directory.ID, _ string) { s.later(claimLifetime) },
		"sessions ended": func(s *site, user directory.ID, _ string) {
			s.update(func(tx *directory.Tx) error { return tx.EndSessions(user) })
		},
		"deleted": func(s *site, user directory.ID, _ string) { s.remove(schema.UserType, user) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			connection := s.connect(nil)
			user := s.createUser(schema.Document{"userName": "boss"})
			link := s.claimed(user)
			b := s.browser()
			action, form := b.openClaimed(s, link, "alice")
			end(s, user, link)
			wantPage(t, s.browser().get(link), http.StatusForbidden, "claimOver")
			if r := b.step(action, form); r.StatusCode == http.StatusSeeOther {
				t.Error("carried out")
			}
			if s.linked(connection, "alice@example.com") != nil || b.session(s) != "" {
				t.Error("linked or signed in")
			}
		})
	}
	s := newSite(t)
	s.connect(nil)
	for _, token := range []string{"", "x", strings.Repeat("A", 200)} {
		wantPage(t, s.browser().get(s.url+"/orgs/default/claim?token="+token), http.StatusForbidden, "claimOver")
	}
}

// A claim takes nobody's NameID, and no other browser may confirm it.
func TestClaimOfWhoIsSomebody(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	wantPage(t, b.signIn(s.loginURL(connection), "alice"), http.StatusOK, "me")
	alice := s.users("alice@example.com")[0].ID
	boss := s.createUser(schema.Document{"userName": "boss"})
	link := s.claimed(boss)
	action, form := b.openClaimed(s, link, "alice")
	wantStatus(t, b.step(action, form), http.StatusForbidden)
	s.lastSignIn(OutcomeFailed, ReasonLinkedElsewhere)
	if s.linked(connection, "alice@example.com").User != alice {
		t.Error("moved")
	}

	// The claim is still there for the right person, in the right browser.
	action, form = b.openClaimed(s, link, "bob")
	wantStatus(t, s.browser().step(action, form), http.StatusForbidden)
	s.lastSignIn(OutcomeFailed, ReasonBrowserMismatch)
	wantStatus(t, b.step(b.openClaimed(s, link, "bob")), http.StatusSeeOther)
	if s.signedInAs(b.session(s)) != boss {
		t.Error("not signed in")
	}
}

// Two people use one claim at one moment: one becomes the User.
func TestClaimRace(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.connect(nil)
	other := s.another(directorytest.NewClient(t))
	link := s.claimed(s.createUser(schema.Document{"userName": "boss"}))
	alice, bob := s.browser(), s.browser()
	action, form := alice.openClaimed(s, link, "alice")
	otherAction, otherForm := bob.openClaimed(s, link, "bob")
	hook := func(clientv3.Op) error {
		wantStatus(t, bob.step(strings.Replace(otherAction, s.url, other.url, 1), otherForm), http.StatusSeeOther)
		return nil
	}
	f.before.Store(&hook)
	wantStatus(t, alice.step(action, form), http.StatusForbidden)
	// Of two nodes' records in one millisecond, either may be the last.
	if !slices.ContainsFunc(s.signIns(), func(r *directory.Resource) bool {
		return r.Text("outcome") == string(OutcomeFailed) && r.Text("reason") == string(ReasonClaimInvalid)
	}) {
		t.Error("no record of the claim that came too late")
	}
	if s.linked(connection, "alice@example.com") != nil || s.linked(connection, "bob@example.com") == nil {
		t.Error("linked to the wrong person")
	}
}

// A claim is of the sessions that the User has at that time: those that were ended before do not end it.
func TestClaimAfterSessionsEnded(t *testing.T) {
	s := newSite(t)
	s.connect(nil)
	user := s.createUser(schema.Document{"userName": "boss"})
	for range 2 {
		s.update(func(tx *directory.Tx) error { return tx.EndSessions(user) })
	}
	b := s.browser()
	wantStatus(t, b.step(b.openClaimed(s, s.claimed(user), "alice")), http.StatusSeeOther)
	if s.signedInAs(b.session(s)) != user {
		t.Error("not signed in")
	}
}

// A claim needs a connection to sign in through, when it is made and when it is opened.
func TestClaimWithoutConnection(t *testing.T) {
	s := newSite(t)
	user := s.createUser(schema.Document{"userName": "boss"})
	wantKind(t, s.act(s.hook.claim, user, ""), directory.Invalid, "create an IdentityProvider first")
	wantPage(t, s.browser().get(s.url+"/orgs/default/claim?token=AAAA"), http.StatusForbidden, "claimOver")
	connection := s.connect(nil)
	link := s.claimed(user)
	wantPage(t, s.browser().get(link), http.StatusOK, "claim")
	s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
	if page := s.browser().get(link); page.Status == http.StatusOK || strings.Contains(page.Body, `<main id="claim">`) {
		t.Errorf("%d: %s", page.Status, page.Body)
	}
}

// A claim of a User who is deleted between the sign-in and the page with both names shows no names.
func TestClaimOverBeforeTheNames(t *testing.T) {
	s := newSite(t)
	connection := s.connect(nil)
	user := s.createUser(schema.Document{"userName": "boss", "displayName": "Grace"})
	b := s.browser()
	page := b.get(s.claimed(user))
	wantPage(t, page, http.StatusOK, "claim")
	_, rest, _ := strings.Cut(page.Body, `<a class="button" href="`)
	login, _, _ := strings.Cut(rest, `"`)
	landed := b.step(s.acsURL(connection), b.answer(strings.ReplaceAll(login, "&amp;", "&"), "alice"))
	wantStatus(t, landed, http.StatusSeeOther)
	s.remove(schema.UserType, user)
	page = b.get(landed.Header.Get("Location"))
	if page.Status == http.StatusOK || strings.Contains(page.Body, "Grace") {
		t.Errorf("%d: %s", page.Status, page.Body)
	}
	s.lastSignIn(OutcomeFailed, ReasonClaimInvalid)
}

// Who claims a User has ten minutes to look at both names, and a sign-in one to finish.
func TestTimeToConfirmAClaim(t *testing.T) {
	for after, status := range map[time.Duration]int{claimConfirmation - time.Minute: http.StatusSeeOther,
		claimConfirmation + time.Second: http.StatusForbidden} {
		s := newSite(t)
		s.connect(nil)
		link := s.claimed(s.createUser(schema.Document{"userName": "boss"}))
		b := s.browser()
		action, form := b.openClaimed(s, link, "alice")
		s.later(after)
		if r := b.step(action, form); r.StatusCode != status {
			t.Errorf("confirmed after %v: %d, want %d", after, r.StatusCode, status)
		}
	}
}
