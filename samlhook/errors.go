package samlhook

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"rollcall/directory"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// failure is an error of this package's HTTP side: what the person reads.
type failure struct {
	status int
	kind   string         // of the notice
	values map[string]any // of the placeholders in its text
	next   nextStep
	// untraced means that nothing is recorded, so there is no number to tell anybody.
	untraced bool
}

// nextStep is what a failure offers.
type nextStep int

const (
	noStep      nextStep = iota
	startAgain           // the same connection once more
	signInAgain          // the organization's login page
)

func (f *failure) Error() string { return f.kind }

var (
	errNotFound     = &failure{status: http.StatusNotFound, kind: "notFound", untraced: true}
	errMethod       = &failure{status: http.StatusMethodNotAllowed, kind: "method", untraced: true}
	errCrossOrigin  = &failure{status: http.StatusForbidden, kind: "crossOrigin"}
	errTarget       = &failure{status: http.StatusBadRequest, kind: "target"}
	errUnavailable  = &failure{status: http.StatusServiceUnavailable, kind: "unavailable"}
	errInternal     = &failure{status: http.StatusInternalServerError, kind: "internal"}
	errBadMessage   = &failure{status: http.StatusBadRequest, kind: "badMessage", next: startAgain}
	errNotSetUp     = &failure{status: http.StatusForbidden, kind: "notSetUp", next: signInAgain}
	errRefused      = &failure{status: http.StatusForbidden, kind: "refused", next: signInAgain}
	errTooLate      = &failure{status: http.StatusForbidden, kind: "tooLate", next: startAgain}
	errOtherBrowser = &failure{status: http.StatusForbidden, kind: "otherBrowser", next: startAgain}
	errTooLarge     = &failure{status: http.StatusRequestEntityTooLarge, kind: "tooLarge", next: startAgain,
		values: map[string]any{"mebibytes": saml.DefaultBodyBytes >> 20, "fields": saml.MaxParameters}}
)

// noConnection is for an organization that nobody can sign in to yet.
func noConnection(organization string) *failure {
	return &failure{status: http.StatusNotFound, kind: "noConnection", untraced: true,
		values: map[string]any{"organization": organization}}
}

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
	if r, ok := errors.AsType[*saml.Refusal](err); ok {
		return failureOf(r.Reason)
	}
	switch directory.KindOf(err) {
	case directory.NotFound, directory.Forbidden: // no such organization or connection, or one that is switched off
		return errNotFound
	case directory.Unavailable, directory.Busy, directory.Full:
		return errUnavailable
	}
	return errInternal
}

// failureOf is how a refusal looks to the person: one of a few pages that tell
// nothing of the reason but what the person can do about it.
func failureOf(reason saml.Reason) *failure {
	switch reason {
	case saml.ReasonRequestExpired, saml.ReasonExpired, saml.ReasonConfirmationExpired, ReasonAssertionUsed, ReasonRequestUsed, ReasonCodeExpired,
		ReasonCodeUsed, saml.ReasonSessionExpired, saml.ReasonIssuedTooLongAgo, ReasonSessionsEnded:
		return errTooLate
	case ReasonBrowserMismatch, ReasonLoginCookie:
		return errOtherBrowser
	case ReasonJITDisabled, ReasonUserInactive, ReasonUserDeleted, ReasonAmbiguous, ReasonLinkedElsewhere, ReasonPrivilegedUser,
		ReasonDomainNotVerified, ReasonUserNameTaken, ReasonLookAlike, saml.ReasonMissingAttribute, saml.ReasonInvalidAttribute,
		ReasonConnectionDisabled, saml.ReasonIdPInitiated:
		return errRefused
	case ReasonNotConfigured:
		return errNotSetUp
	case saml.ReasonTooLarge:
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
	n := notice{Kind: f.kind, Values: f.values, Next: x.offer(f.next)}
	if !f.untraced {
		n.Correlation, n.Logged, n.Organization = x.id, !x.recorded, x.organizationName(f.status)
	}
	x.show(f.status, "notice", n, web.Policy{})
}

// offer is the link of a next step; nil where there is none.
func (x *exchange) offer(step nextStep) *link {
	l := &link{"signInAgain", x.organizationURL(x.org) + "/login"}
	switch {
	case step == noStep:
		return nil
	case step == startAgain:
		l.Text = "startAgain"
		if !x.connection.IsZero() {
			l.URL = x.urls(x.org, x.connection).Login
		}
	}
	return l
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
