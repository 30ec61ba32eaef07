package samlhook

import "rollcall/samlhook/saml"

// Reasons of a decision about the person whom a good message names (decide.go).
const (
	ReasonSignedIn          saml.Reason = "signed_in"           // known by a link
	ReasonLinked            saml.Reason = "linked"              // found by linkBy, and linked
	ReasonCreated           saml.Reason = "created"             // just in time
	ReasonRevived           saml.Reason = "revived"             // just in time, after the User was deleted
	ReasonJITDisabled       saml.Reason = "jit_disabled"        // no User matches, and just-in-time creation is off
	ReasonUserInactive      saml.Reason = "user_inactive"       // the User has active: false
	ReasonUserDeleted       saml.Reason = "user_deleted"        // and the DeletedUser is still there
	ReasonAmbiguous         saml.Reason = "ambiguous"           // more than one User matches
	ReasonLinkedElsewhere   saml.Reason = "linked_elsewhere"    // the User has another NameID or connection
	ReasonPrivilegedUser    saml.Reason = "privileged_user"     // the User has roles, and was not linked before
	ReasonDomainNotVerified saml.Reason = "domain_not_verified" // the person is in no domain of the connection
	ReasonLookAlike         saml.Reason = "look_alike"          // only looks like a User's value
	ReasonUserNameTaken     saml.Reason = "username_taken"      // by a User that may not be linked
	ReasonLinkSuspended     saml.Reason = "link_suspended"      // another connection has the User's domain since
)

// Reasons of the rest of a sign-in.
const (
	ReasonConnectionDisabled  saml.Reason = "connection_disabled"  // enabled: false
	ReasonNotConfigured       saml.Reason = "not_configured"       // the connection has no identity provider yet
	ReasonMetadataUnavailable saml.Reason = "metadata_unavailable" // the metadata could not be fetched
	ReasonClaimUnconfirmed    saml.Reason = "claim_unconfirmed"    // who claims a User has not confirmed yet
	ReasonClaimed             saml.Reason = "claimed"              // and has, so the NameID is linked
	ReasonClaimInvalid        saml.Reason = "claim_invalid"        // the claim was used, replaced, or has expired
	ReasonAssertionUsed       saml.Reason = "assertion_used"       // the assertion was used before
	ReasonRequestUsed         saml.Reason = "request_used"         // the request was answered before
	ReasonBrowserMismatch     saml.Reason = "browser_mismatch"     // another browser than the one that started
	ReasonSessionsEnded       saml.Reason = "sessions_ended"       // the User's sessions were ended meanwhile
	ReasonCodeInvalid         saml.Reason = "code_invalid"         // the hand-over code is not ours
	ReasonCodeExpired         saml.Reason = "code_expired"         // the hand-over code has expired
	ReasonCodeUsed            saml.Reason = "code_used"            // the hand-over code was used before
	ReasonTarget              saml.Reason = "target_not_allowed"   // the sign-in was to end at such an address
	ReasonNoTest              saml.Reason = "test_not_allowed"     // no administrator's session, no valid test link
	ReasonCrossOrigin         saml.Reason = "cross_origin"         // another site sent the request
	ReasonUnreadable          saml.Reason = "unreadable_request"   // the body could not be read
	ReasonUnavailable         saml.Reason = "unavailable"          // the store does not answer, or is full
	ReasonInternal            saml.Reason = "internal_error"       // our own
)
