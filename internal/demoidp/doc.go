// Package demoidp is a small SAML identity provider for `rollcall demo` and for tests: a few people, a login form that
// asks for a user name only, signed responses with persistent NameIDs shaped like e-mail addresses. It checks no
// password, so it must never be reachable by others; `rollcall demo` binds it to the loopback interface.
//
// It is built on crewjam's saml.IdentityProvider. (samlidp of the same library sends transient NameIDs, which name
// nobody.)
package demoidp
