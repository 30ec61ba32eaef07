package saml

// Reason is a stable code for why a message was refused. Codes appear in SignIn records and metrics: new ones are
// added, none is ever renamed.
type Reason string

// Reasons to refuse a message before its signature is looked at.
const (
	ReasonNotPost          Reason = "not_post"            // the binding is HTTP-POST only
	ReasonNoResponse       Reason = "no_response"         // no SAMLResponse parameter, or an empty one
	ReasonSeveralResponses Reason = "several_responses"   // more than one SAMLResponse or RelayState parameter
	ReasonArtifact         Reason = "artifact_binding"    // SAMLart: the artifact binding is not supported
	ReasonTooLarge         Reason = "too_large"           // the body, the form or the message exceeds its limit
	ReasonNotBase64        Reason = "not_base64"          // SAMLResponse is not base64, or badly percent-encoded
	ReasonNotUTF8          Reason = "not_utf8"            // the message is, or declares to be, in another encoding
	ReasonMalformed        Reason = "malformed_xml"       // not well-formed, or parsers disagree
	ReasonDoctype          Reason = "doctype"             // a document type declaration
	ReasonEntity           Reason = "entity_reference"    // an entity that XML does not predefine
	ReasonComment          Reason = "comment"             // a comment anywhere
	ReasonInstruction      Reason = "xml_instruction"     // a processing instruction
	ReasonTooDeep          Reason = "too_deep"            // elements nested deeper than the limit
	ReasonTooManyElements  Reason = "too_many_elements"   // more elements than the limit
	ReasonDuplicateID      Reason = "duplicate_id"        // two elements with one ID
	ReasonNotResponse      Reason = "not_a_response"      // the root is not samlp:Response
	ReasonUnexpected       Reason = "unexpected_element"  // an element where the schema has none
	ReasonSeveral          Reason = "several_assertions"  // more than one assertion
	ReasonMisplaced        Reason = "misplaced_assertion" // an assertion that is not a child of Response
	ReasonNoAssertion      Reason = "no_assertion"        // a Response without an assertion
	ReasonEncrypted        Reason = "encrypted_assertion" // encrypted, and the connection does not ask for that
)

// Reasons that concern encryption.
const (
	ReasonEncryptionShape     Reason = "encryption_shape"     // not one EncryptedData with one or two EncryptedKeys
	ReasonEncryptionAlgorithm Reason = "encryption_algorithm" // other than AES with RSA-OAEP
	ReasonDecryption          Reason = "decryption_failed"    // whatever the cause
	ReasonDecryptionHeld      Reason = "decryption_held"      // too many tries under the key of a message
	ReasonNotEncrypted        Reason = "not_encrypted"        // and the connection asks for encryption
)

// Reasons that concern the signature.
const (
	ReasonUnsigned           Reason = "unsigned"             // neither Response nor assertion is signed
	ReasonMisplacedSignature Reason = "misplaced_signature"  // a Signature where SAML has none
	ReasonSignatureShape     Reason = "signature_shape"      // not exactly SignedInfo, SignatureValue and KeyInfo
	ReasonSignatureEmpty     Reason = "signature_empty"      // no SignatureValue, or one that is not base64
	ReasonReference          Reason = "signature_reference"  // does not point at the element that holds it
	ReasonTransforms         Reason = "signature_transforms" // other than enveloped-signature, then exclusive c14n
	ReasonAlgorithm          Reason = "signature_algorithm"  // unknown, or symmetric
	ReasonWeakAlgorithm      Reason = "weak_algorithm"       // SHA-1 without allowSha1, or a key that is too short
	ReasonUnknownCertificate Reason = "unknown_certificate"  // signed with a key that the connection does not know
	ReasonSignatureInvalid   Reason = "signature_invalid"    // claims a known key but was not made with it
	ReasonContentChanged     Reason = "content_changed"      // the signature is genuine, what it covers was changed
	ReasonCertificateExpired Reason = "certificate_expired"  // the certificate is not valid now
)

// Reasons that concern what a verified message says.
const (
	ReasonStatus                    Reason = "idp_status"                   // the identity provider reports a failure
	ReasonResponseIssuer            Reason = "response_issuer"              // the Response has another issuer
	ReasonDestination               Reason = "destination"                  // the Response was sent to another address
	ReasonVersion                   Reason = "version"                      // Response or assertion not SAML 2.0
	ReasonNoResponseID              Reason = "no_response_id"               // no ID, or none that XML allows
	ReasonNoAssertionID             Reason = "no_assertion_id"              // no ID, or none that XML allows
	ReasonIssuer                    Reason = "issuer"                       // the assertion has another issuer
	ReasonIssuedInFuture            Reason = "issued_in_future"             // by our clock
	ReasonIssuedTooLongAgo          Reason = "issued_too_long_ago"          // or without IssueInstant
	ReasonDuplicateElement          Reason = "duplicate_element"            // an element that may occur once only
	ReasonNoSubject                 Reason = "no_subject"                   // no Subject
	ReasonNoNameID                  Reason = "no_name_id"                   // no NameID, or an encrypted one
	ReasonBlankNameID               Reason = "blank_name_id"                // no visible character
	ReasonInvalidNameID             Reason = "invalid_name_id"              // elements, control characters, length
	ReasonTransientNameID           Reason = "transient_name_id"            // another one with every sign-in
	ReasonNoSubjectConfirmation     Reason = "no_subject_confirmation"      // no SubjectConfirmation
	ReasonNotBearer                 Reason = "not_bearer"                   // no SubjectConfirmation is for a bearer
	ReasonNoSubjectConfirmationData Reason = "no_subject_confirmation_data" // no SubjectConfirmationData
	ReasonRecipient                 Reason = "recipient"                    // confirmed for another address
	ReasonConfirmationExpired       Reason = "confirmation_expired"         // or without an end
	ReasonConfirmationNotBefore     Reason = "confirmation_not_before"      // NotBefore, which a bearer's must not have
	ReasonNoConditions              Reason = "no_conditions"                // no Conditions
	ReasonUnknownCondition          Reason = "unknown_condition"            // a condition that SAML 2.0 does not define
	ReasonExpired                   Reason = "expired"                      // Conditions' NotOnOrAfter has passed
	ReasonNotYetValid               Reason = "not_yet_valid"                // Conditions' NotBefore is ahead
	ReasonNoAudience                Reason = "no_audience"                  // no AudienceRestriction
	ReasonAudience                  Reason = "audience"                     // for another service
	ReasonLifetime                  Reason = "lifetime"                     // valid for longer than the limit
	ReasonNoAuthnStatement          Reason = "no_authn_statement"           // does not say that somebody signed in
	ReasonSessionExpired            Reason = "session_expired"              // SessionNotOnOrAfter has passed
	ReasonAuthnContext              Reason = "authn_context"                // not authenticated as the connection asks
	ReasonAuthnInFuture             Reason = "authn_in_future"              // AuthnInstant, by our clock
	ReasonAuthnTooLongAgo           Reason = "authn_too_long_ago"           // forceAuthn, and AuthnInstant is earlier
	ReasonInResponseTo              Reason = "in_response_to"               // Response and assertion disagree
	ReasonIdPInitiated              Reason = "idp_initiated"                // unsolicited, and not allowed
	ReasonRequestUnknown            Reason = "request_unknown"              // answers no request of ours
	ReasonRequestForeign            Reason = "request_foreign"              // answers another connection's request
	ReasonRequestExpired            Reason = "request_expired"              // answers a request that has ended
)

// Reasons of the rest of this package.
const (
	ReasonInvalidAttribute Reason = "invalid_attribute" // control or invisible characters, or too long
	ReasonMissingAttribute Reason = "missing_attribute" // firstName, lastName or a mapped userName
	ReasonMetadata         Reason = "metadata"          // metadata that cannot be used
)
