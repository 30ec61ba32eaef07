package samlhook

import "rollcall/samlhook/saml"

// Reasons of a decision about a person whom a good message names (decide.go).
const (
	ReasonJITDisabled       saml.Reason = "jit_disabled"        // nobody of that name, and the connection makes nobody
	ReasonUserInactive      saml.Reason = "user_inactive"       //
	ReasonUserDeleted       saml.Reason = "user_deleted"        // and the DeletedUser is still there
	ReasonAmbiguous         saml.Reason = "ambiguous"           // more than one User fits
	ReasonLinkedElsewhere   saml.Reason = "linked_elsewhere"    // the User has another NameID on this connection
	ReasonPrivilegedUser    saml.Reason = "privileged_user"     // the User has roles, and was not linked before
	ReasonDomainNotVerified saml.Reason = "domain_not_verified" // the connection may make people of its domains only
	ReasonLookAlike         saml.Reason = "look_alike"          // equals a User's value only in the fold by which values are unique
	ReasonUserNameTaken     saml.Reason = "username_taken"      // by a User that may not be linked
)

// Reasons of the rest of a sign-in.
const (
	ReasonMetadataUnreachable saml.Reason = "metadata_unavailable" // metadata that could not be fetched
	ReasonLoginCookie         saml.Reason = "login_cookie"         // absent, expired or not made by us
	ReasonConnectionDisabled  saml.Reason = "connection_disabled"
	ReasonNotConfigured       saml.Reason = "not_configured"   // the connection has no identity provider yet
	ReasonAssertionUsed       saml.Reason = "assertion_used"   // the assertion was used before
	ReasonRequestUsed         saml.Reason = "request_used"     // the request was answered before
	ReasonBrowserMismatch     saml.Reason = "browser_mismatch" // another browser than the one that began
	ReasonSessionsEnded       saml.Reason = "sessions_ended"   // the User's sessions were ended while it signed in
	ReasonCodeInvalid         saml.Reason = "code_invalid"     // the hand-over code is not ours
	ReasonCodeExpired         saml.Reason = "code_expired"     //
	ReasonCodeUsed            saml.Reason = "code_used"        //
	ReasonSignedIn            saml.Reason = "signed_in"        // by a link
	ReasonLinked              saml.Reason = "linked"           // found by linkBy, and linked
	ReasonCreated             saml.Reason = "created"          // just in time
	ReasonRevived             saml.Reason = "revived"          // just in time, after the User was deleted
)
