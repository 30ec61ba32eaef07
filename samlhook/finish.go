package samlhook

import (
	"net/http"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// finish ends a sign-in in the person's own browser. It demands the cookie that was set with the code and, if the
// sign-in started with us, the cookie of that start. Without these two, somebody could start a sign-in for somebody
// else.
func (x *exchange) finish() error {
	s, l, err := x.ready()
	if err != nil {
		return err
	}
	if x.r.Method == http.MethodPost && x.origin.Check(x.r) != nil {
		return errCrossOrigin
	}
	now := x.now()
	code := x.code()
	o, refusal := l.requests.openCode(l.Connection.ID, code, now)
	if o.Correlation != "" {
		x.id, x.recorded = o.Correlation, true // one number for the whole sign-in
		x.w.Header().Set("X-Request-Id", x.id)
	}
	if refusal != nil {
		return x.unverified(l.Name, refusal, nil)
	}

	// Whose browser it is, and where it goes.
	f := &finishing{exchange: x, loaded: l, handOver: o, at: now}
	if refusal := f.sameBrowser(); refusal != nil {
		return f.complete(refusal)
	}
	location, ok := x.target(f.target, s.Organization())
	if !ok {
		location, _ = x.target("", s.Organization())
	}
	if o.Claimant != nil && x.r.Method == http.MethodGet {
		return f.confirmClaim(s, code)
	}
	if o.Request == "" && x.r.Method == http.MethodGet {
		return f.confirm(s, code, location)
	}
	return f.signIn(location)
}

// maxCodeForm bounds a form that holds a code, in bytes.
const maxCodeForm = 16 << 10

// code is the hand-over code of the request; empty if there is none. It does not use FormValue, which reads a multipart
// body of any size, of a GET too, and into files.
func (x *exchange) code() string {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxCodeForm)
	if err := x.r.ParseForm(); err != nil {
		return ""
	}
	return x.r.Form.Get("code")
}

// finishing is one request to finish.
type finishing struct {
	*exchange
	loaded   *loaded
	handOver handOver
	at       time.Time
	target   string       // where the person wanted to go
	claim    string       // token of the claim that the person came with
	earlier  directory.ID // session of this browser that the new one replaces; zero if it has none

	refusal *saml.Refusal // of the last run of the change
	secret  string        // of the session that it made
}

// sameBrowser checks that this is the browser that the sign-in belongs to, and reads where the person wanted to go.
func (f *finishing) sameBrowser() *saml.Refusal {
	if !f.handOver.boundTo(f.cookie(f.bindingCookie())) {
		return saml.Refuse(ReasonBrowserMismatch)
	}
	if f.handOver.Request == "" {
		f.target = f.handOver.Target
		return nil
	}

	// We started it: with the cookie of that very request.
	mismatch := saml.Refuse(ReasonBrowserMismatch, saml.Say("browser_mismatch.start"))
	login, ok := f.logins(f.loaded.requests).find(f.handOver.Request, f.at)
	if !ok {
		return mismatch
	}
	f.target, f.claim = login.Target, login.Claim
	return nil
}

// bindingCookie is the name of the cookie that was set with the code.
func (f *finishing) bindingCookie() string { return web.FinishCookie(f.secure, f.handOver.ID) }

// confirmPage is what confirm.html shows.
type confirmPage struct {
	web.Brand
	Organization string
	Person       person
	Action, Code string // of its form
}

// confirm asks a person whose sign-in we did not start.
func (f *finishing) confirm(s *directory.Snapshot, code, location string) error {
	user, err := s.Get(schema.UserType, f.handOver.User)
	if err != nil {
		return f.complete(saml.Refuse(ReasonUserDeleted, saml.Say("user_deleted.meanwhile")))
	}
	policy := web.Policy{}
	if origin := f.originOf(location); origin != "" {
		policy.FormTargets = []string{origin}
	}
	f.show(http.StatusOK, "confirm", confirmPage{Brand: f.brand(s), Organization: displayOrganization(s),
		Person: describePerson(s, user),
		Action: f.urls(f.org, f.connection).Finish, Code: code}, policy)
	return nil
}

// signIn begins the session and sends the person on.
func (f *finishing) signIn(location string) error {
	if err := f.findEarlier(); err != nil {
		return err
	}
	if err := f.complete(nil); err != nil {
		return err
	}
	f.setCookie(f.sessionCookie(), f.secret, 0)
	f.remember()
	f.redirect(location)
	f.noteSignIn()
	return nil
}

// findEarlier finds the session that the browser has already. It ends when the new one begins: its cookie is about to
// be overwritten, and then nobody could sign out of it.
func (f *finishing) findEarlier() error {
	d, err := f.signedIn()
	if directory.KindOf(err) == directory.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	f.earlier, _ = directory.ParseID(d.Actor().ID)
	return nil
}

// complete uses up the code and begins the session or, if there is a refusal, records it.
func (f *finishing) complete(refusal *saml.Refusal) error {
	if refusal == nil {
		refusal = f.loaded.usable()
	}
	as := f.dir.As(directory.Connection(f.connection))
	_, err := as.Update(f.r.Context(), func(tx *directory.Tx) error { return f.change(tx, refusal) })
	if directory.KindOf(err) == directory.Exists {
		return f.unverified(f.loaded.Name,
			saml.Refuse(ReasonCodeUsed), nil)
	}
	if err != nil {
		return err
	}

	// The sign-in is over, whatever came of it.
	f.dropCookie(f.bindingCookie())
	if f.handOver.Request != "" {
		f.setLogins(f.loaded.requests, f.logins(f.loaded.requests).without(f.handOver.Request))
	}
	if f.refusal != nil {
		f.count(OutcomeFailed, f.refusal.Reason)
		return f.refusal
	}
	f.outcome, f.reason = OutcomeSignedIn, ReasonSignedIn // acs has counted it
	if f.handOver.Claimant != nil {
		f.count(OutcomeSignedIn, ReasonClaimed)
	}
	return nil
}

// change is the transaction of the end of a sign-in. It may run more than once.
func (f *finishing) change(tx *directory.Tx, refusal *saml.Refusal) error {
	f.refusal, f.secret = refusal, ""
	if err := tx.UseOnce(onceCode, f.handOver.ID, f.handOver.Expires.Add(maxClockSkew)); err != nil {
		return err
	}
	if f.refusal == nil && f.handOver.Claimant != nil {
		if err := f.takeClaim(tx); err != nil {
			return err
		}
	}
	if f.refusal == nil {
		if err := f.begin(tx); err != nil {
			return err
		}
	}
	if f.refusal == nil && f.handOver.Claimant == nil {
		return nil
	}
	doc := newRecord(f.handOver.Correlation, f.connection, f.loaded.Name)
	if f.refusal != nil {
		judged(doc, OutcomeFailed, f.refusal.Reason, f.refusal.Explanation)
	} else {
		judged(doc, OutcomeSignedIn, ReasonClaimed, saml.Refuse(ReasonClaimed).Explanation)
	}
	if c := f.handOver.Claimant; c != nil {
		putText(doc, "nameId", saml.Clip(c.NameID))
	}
	if !f.handOver.User.IsZero() {
		doc["user"] = map[string]any{"value": f.handOver.User.String()}
	}
	_, err := tx.RecordSignIn(doc)
	return err
}

// begin creates the session, unless what acs decided on has changed since.
func (f *finishing) begin(tx *directory.Tx) error {
	if err := f.recheck(tx); err != nil || f.refusal != nil {
		return err
	}
	end := f.at.Add(f.loaded.Session)
	if limit := f.handOver.SessionEnd; !limit.IsZero() && limit.Before(end) {
		end = limit
	}
	if !tx.Now().Before(end) {
		f.refusal = saml.Refuse(saml.ReasonSessionExpired)
		return nil
	}
	var err error
	if f.secret, err = tx.CreateSession(f.handOver.User, f.connection, end); err != nil {
		return err
	}

	// It takes the place of the browser's earlier one.
	earlier, err := tx.Get(schema.SessionType, f.earlier)
	if directory.KindOf(err) == directory.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Delete(earlier)
}

// recheck looks at the connection and the User again, and sets the refusal if the person may not sign in any more.
func (f *finishing) recheck(tx *directory.Tx) error {
	connection, err := tx.Get(schema.IdentityProviderType, f.connection)
	if err != nil {
		return err
	}
	user, err := tx.Get(schema.UserType, f.handOver.User)
	if err != nil && directory.KindOf(err) != directory.NotFound {
		return err
	}
	switch {
	case !directory.Enabled(connection.JSON):
		f.refusal = saml.Refuse(ReasonConnectionDisabled, saml.Say("connection_disabled.meanwhile"))
	case err != nil:
		f.refusal = saml.Refuse(ReasonUserDeleted, saml.Say("user_deleted.meanwhile"))
	case !directory.Active(user.JSON):
		f.refusal = saml.Refuse(ReasonUserInactive, saml.Say("user_inactive.meanwhile"))
	case tx.Snapshot().SessionEpoch(user.ID) != f.handOver.Epoch:
		f.refusal = saml.Refuse(ReasonSessionsEnded)
	}
	return nil
}
