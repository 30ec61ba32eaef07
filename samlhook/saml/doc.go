// Package saml is the SAML 2.0 protocol as a service provider speaks it: requests, responses, metadata. It knows no
// directory, no organization and no session; a [Connection] is a value that its caller makes, and this package imports
// no other of ours.
//
// [ReadPost] takes a message out of a POST. [Connection.Verify] turns its bytes into a verified [Assertion]: nothing of
// the message is believed before a signature by a certificate of the connection covers it, and what is read is decoded
// from the bytes that were signed, never from the bytes that arrived. The order keeps a hostile message cheap:
//
//   - scan.go passes over the bytes once (tokens.go, namespaces.go) and builds nothing;
//   - signature.go judges the small Signature element alone;
//   - only when a configured key has signed that element does verify.go bring what it covers into canonical form
//     (canonical.go) and compare the digest; element.go builds the tree that is read from those very bytes;
//   - of an encrypted assertion, encrypted.go verifies what is signed outside first, decrypt.go puts the assertion into
//     the message in its place, and the whole begins again;
//   - checks.go compares what the assertion says with what the connection expects (assertion.go reads it);
//     authn.go holds it to what was asked for.
//
// [MapIdentity] turns an assertion and the connection's attribute mapping into an [Identity] (identity.go,
// attributes.go). [Connection.RedirectURL] and [Connection.PostForm] make requests (authnrequest.go), [ParseMetadata]
// reads the metadata of an identity provider (metadata.go), [Connection.SPMetadata] writes ours (spmetadata.go).
//
// A refusal is a *[Refusal] with a stable [Reason] (refusal.go). What was expected and what was received is in the
// Checks of the [Response], for the administrator. The text of a refusal is never shown to the person who signs in.
package saml
