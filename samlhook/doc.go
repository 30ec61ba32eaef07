// Package samlhook is the SAML 2.0 service provider: it sends people to their organization's identity provider, judges
// what comes back, and signs them in. The protocol itself is in [rollcall/samlhook/saml]; here are HTTP, the decision
// and what is stored.
//
// A sign-in takes four requests: login.go sends the browser to the identity provider, acs.go takes its answer and makes
// the one transaction of the sign-in, finish.go begins the session once the browser has shown that it is the one that
// began (code.go is what acs hands to it), session.go is the landing page and sign-out. hook.go has the routes and what
// every request does; cookies.go, pages.go and target.go are what these share, requestid.go makes request ids that need
// no state on the server until they are answered.
//
// decide.go (who is it, and may they come in?) is pure, so that a dry run is the same code without the commit;
// document.go makes the User's document of it, settings.go is what the connection says about people. record.go and
// aggregate.go write what an administrator reads afterwards.
//
// provider.go and render.go are the hooks of the IdentityProvider resource, load.go reads it, spkey.go has our keys,
// fetch.go gets metadata by URL.
package samlhook
