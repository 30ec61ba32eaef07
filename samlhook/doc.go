// Package samlhook is the SAML 2.0 service provider: it sends people to their
// organization's identity provider, judges what comes back, and signs them in.
//
// A sign-in has four steps, each a file that can be read alone:
//
//   - response.go turns the bytes of a POST into a verified Assertion
//     (Connection.Verify). Nothing of the message is believed before a signature
//     by a certificate of the connection covers it, and what is read is decoded
//     anew from the bytes that were signed, never from the bytes that arrived.
//   - identity.go turns an Assertion and the connection's attribute mapping into
//     an Identity.
//   - decide.go (who is it, and may they come in?) is pure, so that a dry run is
//     the same code without the commit.
//   - hook.go speaks HTTP and makes the one transaction of a sign-in.
//
// Around them: acs.go is that transaction, login.go and finish.go what comes before
// and after it in the browser (code.go is what the one hands to the other),
// session.go the landing page and sign-out, record.go and aggregate.go what an
// administrator reads afterwards. provider.go and render.go are the hooks of the
// IdentityProvider resource, load.go and settings.go read it.
//
// Beside them: metadata.go and spmetadata.go (SAML metadata, theirs and ours),
// fetch.go (metadata by URL), authnrequest.go and requestid.go (requests, without
// any state on the server until they are answered).
//
// The verification works in an order that keeps a hostile message cheap: scan.go
// passes over the bytes once and builds nothing; signature.go judges the small
// Signature element alone; only when a configured key has signed that element is
// a tree built of the whole message and its digest compared.
//
// A refusal is a *Refusal with a stable Reason; what was expected and what was
// received is in the Checks of the Response, for the administrator. The text of
// a refusal is never shown to the person who signs in.
package samlhook
