// Package samlhook is the SAML 2.0 service provider: it sends people to their organization's identity provider, judges
// what comes back, and signs them in. The protocol itself is in [rollcall/samlhook/saml]; here are HTTP, the decision
// about the person, and what is stored.
//
// hook.go has the routes, exchange.go what every request does: it finds the organization and the connection, writes the
// log line, and turns an error into a page (errors.go, notice.go, pages.go; the words are in words/).
//
// A sign-in takes four requests:
//
//   - login.go sends the browser to the identity provider. It stores nothing: requestid.go makes ids that only we can
//     make, logincookie.go keeps the rest in the browser. choose.go is the login page of an organization, route.go
//     finds the connection by the domain of an e-mail address.
//   - acs.go takes the identity provider's answer. attempt.go verifies it by the connection as it is now, then makes
//     the one transaction of the sign-in: it uses up the message, decides, changes the directory, and records all of
//     it. The commit compares the connection, so nobody signs in by settings that are gone.
//   - finish.go begins the session once the browser has shown that it is the one that started. code.go is what acs
//     hands to it.
//   - session.go is the landing page, and sign-out.
//
// verify.go judges a message when it is the connection's turn; used.go spares a node what it has seen before,
// cbctries.go bounds what may be tried out on a message that somebody caught. logincookie.go keeps the sign-ins under
// way, seal.go what travels sealed.
//
// decide.go answers who the person is and whether they may come in. It is pure, and so are its parts: find.go looks for
// the User, nameid.go finds the link of a NameID, lookalike.go tells a value from one that only looks like it,
// authority.go says which connection may speak for a value, defaultgroups.go to which Groups a new User is added,
// document.go and origin.go what is written of a User. groupsync.go compares asserted groups with what the connection
// granted, groupguard.go holds removals that are too many, and heldactions.go is what an administrator does about them.
// settings.go is what a connection says about all this.
//
// Whom sign-in refuses to link, an administrator links (relink.go), or invites by a claim (claim.go).
//
// organization.go checks the domains of an Organization, domaincheck.go looks for their records, domainstate.go says
// what follows. action.go reads and answers what SCIM has no method for.
//
// An administrator reads afterwards what record.go writes of each sign-in; explanation.go tells it in words. What
// anybody could send goes into the connection's ring (unvouched.go, ring.go). notes.go remembers when a connection was
// last used, metrics.go counts for the operator.
//
// trial.go judges a sign-in without carrying it out: for a dry run (dryrun.go) and a test sign-in (testsignin.go).
// obstacles.go finds everything that stands in the way, kept.go what a record keeps of the person.
//
// brand.go is how an organization's pages look.
//
// An IdentityProvider resource is a connection. provider.go checks it before it is stored, and secrets.go gives it its
// key; both are pure, and resolve.go gets what they need from outside: metadata (fetch.go) and a new key (keypair.go).
// refresh.go fetches metadata again, hourly on one node and when a key is unknown; skew.go notes clocks that differ.
// loaded.go reads a connection for use and keeps it parsed, render.go and health.go add what is derived to a reply,
// metadata.go serves our side as XML.
package samlhook
