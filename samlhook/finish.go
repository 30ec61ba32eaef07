package samlhook

import (
	"net/http"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// finish ends a sign-in in the person's own browser: it demands the cookie that was
// set with the code and, where the sign-in began with us, the cookie of that
// beginning. Without these two a sign-in could be begun by somebody else.
func (x *exchange) finish() error {
	s, l, err := x.ready()
	if err != nil {
		return err
	}
	if x.r.Method == http.MethodPost {
		if err := x.origin.Check(x.r); err != nil {
			return errCrossOrigin
		}
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
	f := &finishing{exchange: x, loaded: l, handOver: o, at: now}
	if refusal := f.sameBrowser(); refusal != nil {
		return f.complete(refusal)
	}
	location, ok := x.target(f.asked, s.Organization())
	if !ok {
		location, _ = x.target("", s.Organization())
	}
	if o.Request == "" && x.r.Method == http.MethodGet {
		return f.confirm(s, code, location)
	}
	if err := f.findEarlier(); err != nil {
		return err
	}
	if err := f.complete(nil); err != nil {
		return err
	}
	x.setCookie(sessionCookie, f.secret, x.organizationPath(), 0)
	x.redirect(location)
	x.noteSignIn()
	return nil
}

// maxCodeForm bounds a form that holds a code.
const maxCodeForm = 16 << 10

// code is the hand-over code of the request; empty when there is none. Not FormValue:
// that reads a multipart body of any size, of a GET too, and into files.
func (x *exchange) code() string {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxCodeForm)
	if err := x.r.ParseForm(); err != nil {
		return ""
	}
	return x.r.Form.Get("code")
}

// finishing is the end of one sign-in.
type finishing struct {
	*exchange
	loaded   *loaded
	handOver handOver
	at       time.Time
	asked    string       // where the person wanted to go
	login    string       // name of the login cookie; "" for IdP-initiated sign-in
	earlier  directory.ID // session of this browser that the new one takes the place of; zero when it has none

	refusal *saml.Refusal
	secret  string
}

// sameBrowser finds out whether this is the browser that the sign-in belongs to.
func (f *finishing) sameBrowser() *saml.Refusal {
	if !f.handOver.boundTo(f.cookie(f.handOver.cookieName())) {
		return saml.Refuse(ReasonBrowserMismatch, "The browser that finished the sign-in is not the one that brought the identity provider's answer: it lacks the cookie set there. "+
			"Either cookies are blocked, or somebody passed the link on.")
	}
	if f.handOver.Request == "" {
		f.asked = f.handOver.Target
		return nil
	}
	mismatch := saml.Refuse(ReasonBrowserMismatch, "The sign-in was not begun in the browser that finished it: it lacks the cookie set at its beginning. "+
		"Either cookies are blocked, or somebody tried to sign another person in under his own name.")
	f.login = RequestID{Nonce: f.handOver.Request}.CookieName()
	login, refusal := f.loaded.requests.OpenLogin(f.cookie(f.login), f.at)
	if refusal != nil {
		return mismatch
	}
	request, refusal := f.loaded.requests.Check(f.loaded.Connection.ID, login.Request, f.at)
	if refusal != nil || request.Nonce != f.handOver.Request {
		return mismatch
	}
	f.asked = login.Target
	return nil
}

// findEarlier finds the session that the browser has already. It ends with the new
// one's beginning: its cookie is about to be overwritten, and nobody could sign out
// of it any more.
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

// confirmPage is what confirm.html shows.
type confirmPage struct {
	Organization string
	Person       person
	Action, Code string // of its form
}

// confirm asks a person whose sign-in we did not begin.
func (f *finishing) confirm(s *directory.Snapshot, code, location string) error {
	user, err := s.Get(schema.UserType, f.handOver.User)
	if err != nil {
		return f.complete(saml.Refuse(ReasonUserDeleted, "The User was deleted while the person signed in."))
	}
	policy := web.Policy{}
	if origin := f.originOf(location); origin != "" {
		policy.FormTargets = []string{origin}
	}
	f.show(http.StatusOK, "confirm", confirmPage{Organization: displayOf(s.Organization(), "name"),
		Person: describePerson(s, user), Action: f.urls(f.org, f.connection).Finish, Code: code}, policy)
	return nil
}

// complete uses the code up and begins the session, or records why not.
func (f *finishing) complete(refusal *saml.Refusal) error {
	if refusal == nil {
		refusal = f.loaded.usable()
	}
	as := f.dir.As(directory.Connection(f.connection))
	_, err := as.Update(f.r.Context(), func(tx *directory.Tx) error {
		f.refusal, f.secret = refusal, ""
		if err := tx.UseOnce(onceCode, f.handOver.ID, f.handOver.Expires.Add(maxClockSkew)); err != nil {
			return err
		}
		if f.refusal == nil {
			if err := f.begin(tx); err != nil {
				return err
			}
		}
		if f.refusal == nil {
			return nil
		}
		doc := newRecord(f.handOver.Correlation, f.connection, f.loaded.Name)
		judged(doc, OutcomeFailed, f.refusal.Reason, f.refusal.Explanation)
		doc["user"] = map[string]any{"value": f.handOver.User.String()}
		_, err := tx.RecordSignIn(doc)
		return err
	})
	if directory.KindOf(err) == directory.Exists {
		return f.unverified(f.loaded.Name, saml.Refuse(ReasonCodeUsed, "The hand-over code was used before; it counts once."), nil)
	}
	if err != nil {
		return err
	}
	f.dropCookie(f.handOver.cookieName(), f.finishPath())
	if f.login != "" {
		f.dropCookie(f.login, f.finishPath())
	}
	if f.refusal != nil {
		f.note(OutcomeFailed, f.refusal)
		return f.refusal
	}
	f.outcome, f.reason = OutcomeSignedIn, ReasonSignedIn // counted at the acs
	return nil
}

// begin creates the session, unless what the acs decided on has changed since.
func (f *finishing) begin(tx *directory.Tx) error {
	connection, err := tx.Get(schema.IdentityProviderType, f.connection)
	if err != nil {
		return err
	}
	if !directory.Enabled(connection.JSON) {
		f.refusal = saml.Refuse(ReasonConnectionDisabled, "The connection was switched off while the person signed in.")
		return nil
	}
	user, err := tx.Get(schema.UserType, f.handOver.User)
	switch {
	case directory.KindOf(err) == directory.NotFound:
		f.refusal = saml.Refuse(ReasonUserDeleted, "The User was deleted while the person signed in.")
		return nil
	case err != nil:
		return err
	case !directory.Active(user.JSON):
		f.refusal = saml.Refuse(ReasonUserInactive, "The User was deactivated while the person signed in.")
		return nil
	case tx.Snapshot().SessionEpoch(user.ID) != f.handOver.Epoch:
		f.refusal = saml.Refuse(ReasonSessionsEnded, "All sessions of the User were ended while the person signed in; begin the sign-in again.")
		return nil
	}
	end := f.at.Add(f.loaded.Session)
	if limit := f.handOver.SessionEnd; !limit.IsZero() && limit.Before(end) {
		end = limit
	}
	if !tx.Now().Before(end) {
		f.refusal = saml.Refuse(saml.ReasonSessionExpired, "The session at the identity provider is over (SessionNotOnOrAfter).")
		return nil
	}
	if f.secret, err = tx.CreateSession(user.ID, f.connection, end); err != nil {
		return err
	}
	earlier, err := tx.Get(schema.SessionType, f.earlier)
	if directory.KindOf(err) == directory.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Delete(earlier)
}
