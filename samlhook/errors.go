package samlhook

import (
	"errors"
	"net/http"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// failure is an error of this package's HTTP side: the notice that the person reads.
type failure struct {
	status int
	kind   string         // of the notice
	values map[string]any // of the placeholders in its text
	next   nextStep
	words  string // key of its texts; the kind unless given
	ask    string // key of what to ask administrators for; "help" unless given

	// reason is for the record of what is no refusal.
	reason saml.Reason
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
	errNotFound    = &failure{status: http.StatusNotFound, kind: "notFound", untraced: true}
	errMethod      = &failure{status: http.StatusMethodNotAllowed, kind: "method", untraced: true}
	errTooOften    = &failure{status: http.StatusTooManyRequests, kind: "tooOften", untraced: true}
	errNoTest      = &failure{status: http.StatusForbidden, kind: "noTest", next: signInAgain, reason: ReasonNoTest}
	errCrossOrigin = &failure{status: http.StatusForbidden, kind: "crossOrigin", reason: ReasonCrossOrigin}
	errTarget      = &failure{status: http.StatusBadRequest, kind: "target", reason: ReasonTarget}
	errUnavailable = &failure{status: http.StatusServiceUnavailable, kind: "unavailable", reason: ReasonUnavailable}
	errInternal    = &failure{status: http.StatusInternalServerError, kind: "internal", reason: ReasonInternal}
	errBadMessage  = &failure{status: http.StatusBadRequest, kind: "badMessage", next: startAgain,
		reason: ReasonUnreadable}
	errNotSetUp     = &failure{status: http.StatusForbidden, kind: "notSetUp", next: signInAgain}
	errRefused      = &failure{status: http.StatusForbidden, kind: "refused", next: signInAgain}
	errNoAccount    = &failure{status: http.StatusForbidden, kind: "refused", words: "noAccount", ask: "ask.add"}
	errNotActive    = &failure{status: http.StatusForbidden, kind: "refused", words: "notActive", ask: "ask.activate"}
	errIncomplete   = &failure{status: http.StatusForbidden, kind: "refused", words: "incomplete", ask: "ask.mend"}
	errNotLinked    = &failure{status: http.StatusForbidden, kind: "refused", ask: "ask.mend"}
	errTooLate      = &failure{status: http.StatusForbidden, kind: "tooLate", next: startAgain}
	errOtherBrowser = &failure{status: http.StatusForbidden, kind: "otherBrowser", next: startAgain}
	errClaimUsed    = &failure{status: http.StatusForbidden, kind: "claimOver"}
	errClaim        = &failure{status: http.StatusForbidden, kind: "claimOver", untraced: true}
	errTooLarge     = &failure{status: http.StatusRequestEntityTooLarge, kind: "tooLarge", next: startAgain,
		values: map[string]any{"mebibytes": saml.DefaultBodyBytes >> 20, "fields": saml.MaxParameters}}
)

// noConnection is for an organization that nobody can sign in to yet.
func noConnection(organization string) *failure {
	return &failure{status: http.StatusNotFound, kind: "noConnection", untraced: true,
		values: map[string]any{"organization": organization}}
}

// translate is the one place that turns errors into what the person reads. An unknown error is a bare 500.
func translate(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if r, ok := errors.AsType[*saml.Refusal](err); ok {
		return failureOf(r.Reason)
	}
	switch directory.KindOf(err) {
	case directory.NotFound, directory.Forbidden: // no such organization or connection, or one that is not active
		return errNotFound
	case directory.Unavailable, directory.Busy, directory.Full:
		return errUnavailable
	}
	return errInternal
}

// failureOf is how a refusal looks to the person: one of a few pages that tell nothing of the reason but what the
// person can do about it.
func failureOf(reason saml.Reason) *failure {
	switch reason {
	case saml.ReasonRequestExpired, saml.ReasonExpired, saml.ReasonConfirmationExpired, saml.ReasonSessionExpired,
		saml.ReasonIssuedTooLongAgo, saml.ReasonAuthnTooLongAgo, ReasonAssertionUsed, ReasonRequestUsed,
		ReasonCodeExpired, ReasonCodeUsed, ReasonSessionsEnded:
		return errTooLate
	case ReasonBrowserMismatch:
		return errOtherBrowser
	case ReasonJITDisabled, ReasonDomainNotVerified:
		return errNoAccount
	case ReasonUserInactive, ReasonUserDeleted:
		return errNotActive
	case saml.ReasonMissingAttribute, saml.ReasonInvalidAttribute:
		return errIncomplete
	case ReasonAmbiguous, ReasonLinkedElsewhere, ReasonPrivilegedUser, ReasonUserNameTaken, ReasonLookAlike,
		ReasonLinkSuspended:
		return errNotLinked
	case ReasonConnectionDisabled, saml.ReasonIdPInitiated, saml.ReasonAuthnContext:
		return errRefused
	case saml.ReasonDecryptionHeld:
		return errUnavailable
	case ReasonClaimInvalid:
		return errClaimUsed
	case ReasonNotConfigured:
		return errNotSetUp
	case saml.ReasonTooLarge:
		return errTooLarge
	}
	return errBadMessage
}
