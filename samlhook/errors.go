package samlhook

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"rollcall/directory"
)

// failure is an error of this package's HTTP side: what the person reads.
type failure struct {
	status         int
	heading, text  string
	tryAgain       bool // offers to begin the sign-in again
	signInAgain    bool // offers the organization's login page
	withoutRequest bool // no correlation id: there is nothing to find
}

func (f *failure) Error() string { return f.heading }

var (
	errNotFound = &failure{status: http.StatusNotFound, heading: "There is nothing here",
		text: "Check the address, or ask whoever gave it to you.", withoutRequest: true}
	errMethod = &failure{status: http.StatusMethodNotAllowed, heading: "This cannot be done here",
		text: "Begin your sign-in again.", withoutRequest: true}
	errCrossOrigin = &failure{status: http.StatusForbidden, heading: "This was not asked for by this site",
		text: "Open this site and try again from there."}
	errTarget = &failure{status: http.StatusBadRequest, heading: "This sign-in leads to an address that is not allowed",
		text: "Begin where you wanted to go, or ask your administrator to allow the address."}
	errUnavailable = &failure{status: http.StatusServiceUnavailable, heading: "Signing in is not possible at the moment",
		text: "Nothing is lost. Try again in a minute by reloading this page."}
	errInternal = &failure{status: http.StatusInternalServerError, heading: "Something went wrong on our side",
		text: "Try again. If that does not help, tell your administrator."}
	errBadMessage = &failure{status: http.StatusBadRequest, heading: "You could not be signed in",
		text: "What your identity provider sent was not understood.", tryAgain: true}
	errTooLarge = &failure{status: http.StatusRequestEntityTooLarge, heading: "You could not be signed in",
		text: fmt.Sprintf("What your identity provider sent is too large: a form of at most %d MiB and %d fields is taken. Tell your administrator.",
			DefaultBodyBytes>>20, maxParameters), tryAgain: true}
	errNotSetUp = &failure{status: http.StatusForbidden, heading: "You could not be signed in",
		text: "Signing in is not set up yet. Ask your administrator when it will be.", signInAgain: true}
	errRefused = &failure{status: http.StatusForbidden, heading: "You could not be signed in",
		text: "Your organization's settings do not let you in.", signInAgain: true}
	errTooLate = &failure{status: http.StatusForbidden, heading: "This sign-in cannot be used any more",
		text: "It took too long, or was used already.", tryAgain: true}
	errOtherBrowser = &failure{status: http.StatusForbidden, heading: "This sign-in was not begun in this browser",
		text: "If you did not begin it yourself, somebody may have sent you the link: do not go on. Otherwise allow cookies and begin again.", tryAgain: true}
)

// panicked is a panic of a handler.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// translate says what the person reads of an error; anything unknown is a bare 500.
func translate(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.failure()
	}
	switch directory.KindOf(err) {
	case directory.NotFound, directory.Forbidden: // no such organization or connection, or one that is switched off
		return errNotFound
	case directory.Unavailable, directory.Busy, directory.Full:
		return errUnavailable
	}
	return errInternal
}

// failure is how a refusal looks to the person: one of a few pages that tell
// nothing of the reason but what the person can do about it.
func (r *Refusal) failure() *failure {
	switch r.Reason {
	case ReasonRequestExpired, ReasonExpired, ReasonConfirmationExpired, ReasonAssertionUsed, ReasonRequestUsed, ReasonCodeExpired,
		ReasonCodeUsed, ReasonSessionExpired, ReasonIssuedTooLongAgo, ReasonSessionsEnded:
		return errTooLate
	case ReasonBrowserMismatch, ReasonLoginCookie:
		return errOtherBrowser
	case ReasonJITDisabled, ReasonUserInactive, ReasonUserDeleted, ReasonAmbiguous, ReasonLinkedElsewhere, ReasonPrivilegedUser,
		ReasonDomainNotVerified, ReasonUserNameTaken, ReasonLookAlike, ReasonMissingAttribute, ReasonInvalidAttribute, ReasonConnectionDisabled,
		ReasonIdPInitiated:
		return errRefused
	case ReasonNotConfigured:
		return errNotSetUp
	case ReasonTooLarge:
		return errTooLarge
	}
	return errBadMessage
}

// fail writes the page of an error.
func (x *exchange) fail(err error) {
	if x.status != 0 {
		return // the answer is on its way; the log has the error
	}
	f := translate(err)
	if f.status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", "5")
	}
	p := page{Heading: f.heading, Text: f.text}
	if !f.withoutRequest {
		p.Correlation, p.Logged = x.id, !x.recorded
		p.Organization = x.organizationName(f.status)
	}
	switch {
	case f.signInAgain:
		p.Again = x.signInAgain()
	case f.tryAgain:
		p.Again = choice{Name: "Begin again", URL: x.organizationURL(x.org) + "/login"}
		if !x.connection.IsZero() {
			p.Again.URL = x.urls(x.org, x.connection).Login
		}
	}
	x.show(f.status, "error", p)
}

// organizationName is the organization's name to show. While the store does not
// answer that is the one read last; the name in URLs if this node has read none.
func (x *exchange) organizationName(status int) string {
	if status >= http.StatusInternalServerError {
		if name, ok := x.shown.Load(x.org); ok {
			return name.(string)
		}
		return x.org
	}
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil || s.Organization() == nil {
		return x.org
	}
	return displayOf(s.Organization(), "name")
}

// displayOf is a resource's displayName, or another attribute where it has none.
func displayOf(r *directory.Resource, otherwise string) string {
	if name := r.Text("displayName"); name != "" {
		return name
	}
	return r.Text(otherwise)
}

// newCorrelationID is short enough to be read out over the telephone.
func newCorrelationID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
