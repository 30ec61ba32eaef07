package saml

// Reason is a stable code for why a sign-in was refused. Codes appear in SignIn
// records and metrics; they are added to, never renamed.
type Reason string

// Reasons of a message that is refused before a signature was looked at.
const (
	ReasonNotPost          Reason = "not_post"           // the binding is HTTP-POST only
	ReasonNoResponse       Reason = "no_response"        // no SAMLResponse parameter, or an empty one
	ReasonSeveralResponses Reason = "several_responses"  // more than one SAMLResponse parameter
	ReasonArtifact         Reason = "artifact_binding"   // SAMLart: the artifact binding is not offered
	ReasonTooLarge         Reason = "too_large"          // body or message over the cap
	ReasonNotBase64        Reason = "not_base64"         //
	ReasonNotUTF8          Reason = "not_utf8"           //
	ReasonMalformed        Reason = "malformed_xml"      // not well-formed, or well-formed in a way parsers disagree about
	ReasonDoctype          Reason = "doctype"            // a document type declaration
	ReasonEntity           Reason = "entity_reference"   // an entity that XML does not predefine
	ReasonComment          Reason = "comment"            // a comment anywhere
	ReasonInstruction      Reason = "xml_instruction"    // a processing instruction
	ReasonTooDeep          Reason = "too_deep"           //
	ReasonTooManyElements  Reason = "too_many_elements"  //
	ReasonDuplicateID      Reason = "duplicate_id"       // two elements with one ID
	ReasonNotResponse      Reason = "not_a_response"     // the root is not samlp:Response
	ReasonUnexpected       Reason = "unexpected_element" // an element where the schema has none
	ReasonSeveral          Reason = "several_assertions" // more than one assertion
	ReasonMisplaced        Reason = "misplaced_assertion"
	ReasonNoAssertion      Reason = "no_assertion"
	ReasonEncrypted        Reason = "encrypted_assertion" // encrypted although the connection does not ask for it
)

// Reasons that concern the signature.
const (
	ReasonUnsigned           Reason = "unsigned"
	ReasonMisplacedSignature Reason = "misplaced_signature"
	ReasonSignatureShape     Reason = "signature_shape"      // not exactly SignedInfo, SignatureValue and KeyInfo
	ReasonSignatureEmpty     Reason = "signature_empty"      //
	ReasonReference          Reason = "signature_reference"  // does not point at the element that holds it
	ReasonTransforms         Reason = "signature_transforms" // other than enveloped-signature, then exclusive c14n
	ReasonAlgorithm          Reason = "signature_algorithm"  // unknown, or symmetric
	ReasonWeakAlgorithm      Reason = "weak_algorithm"       // SHA-1 without allowSha1, or a key that is too short
	ReasonUnknownCertificate Reason = "unknown_certificate"  // signed with a key that the connection does not know
	ReasonSignatureInvalid   Reason = "signature_invalid"    // claims a known key but was not made by it
	ReasonContentChanged     Reason = "content_changed"      // the signature is genuine, what it covers was changed
	ReasonCertificateExpired Reason = "certificate_expired"
)

// Reasons that concern what a verified message says.
const (
	ReasonVersion                   Reason = "version"
	ReasonStatus                    Reason = "idp_status" // the identity provider reports a failure of its own
	ReasonResponseIssuer            Reason = "response_issuer"
	ReasonIssuer                    Reason = "issuer"
	ReasonDestination               Reason = "destination"
	ReasonDuplicateElement          Reason = "duplicate_element"
	ReasonNoSubject                 Reason = "no_subject"
	ReasonNoNameID                  Reason = "no_name_id"
	ReasonBlankNameID               Reason = "blank_name_id"
	ReasonTransientNameID           Reason = "transient_name_id"
	ReasonInvalidNameID             Reason = "invalid_name_id"
	ReasonNoSubjectConfirmation     Reason = "no_subject_confirmation"
	ReasonNotBearer                 Reason = "not_bearer"
	ReasonNoSubjectConfirmationData Reason = "no_subject_confirmation_data"
	ReasonRecipient                 Reason = "recipient"
	ReasonConfirmationExpired       Reason = "confirmation_expired"
	ReasonConfirmationNotBefore     Reason = "confirmation_not_before"
	ReasonNoConditions              Reason = "no_conditions"
	ReasonUnknownCondition          Reason = "unknown_condition"
	ReasonExpired                   Reason = "expired"
	ReasonNotYetValid               Reason = "not_yet_valid"
	ReasonNoAudience                Reason = "no_audience"
	ReasonAudience                  Reason = "audience"
	ReasonIssuedInFuture            Reason = "issued_in_future"
	ReasonIssuedTooLongAgo          Reason = "issued_too_long_ago"
	ReasonLifetime                  Reason = "lifetime"
	ReasonNoAuthnStatement          Reason = "no_authn_statement"
	ReasonSessionExpired            Reason = "session_expired"
	ReasonNoAssertionID             Reason = "no_assertion_id"
	ReasonIdPInitiated              Reason = "idp_initiated"     // unsolicited, and the connection does not allow it
	ReasonInResponseTo              Reason = "in_response_to"    // Response and assertion name different requests
	ReasonRequestUnknown            Reason = "request_unknown"   // not a request of ours
	ReasonRequestForeign            Reason = "request_foreign"   // a request of ours, to another connection
	ReasonRequestExpired            Reason = "request_expired"   //
	ReasonInvalidAttribute          Reason = "invalid_attribute" // control characters, or too long
	ReasonMissingAttribute          Reason = "missing_attribute" // firstName or lastName for a person to be created
	ReasonMetadata                  Reason = "metadata"          // metadata that cannot be used
)
