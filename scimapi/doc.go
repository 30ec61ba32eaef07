// Package scimapi serves a [directory.Store] over SCIM 2.0 (RFC 7643, RFC 7644).
//
// Each organization has a service root at /orgs/{org}/scim/v2, the system scope has one at /scim/v2. Every resource
// type of a scope, built-in or custom, is served by the same handlers: the type is looked up by its endpoint on the
// request's snapshot, so a type that is defined at run time needs no code here.
//
// A request goes one way through the package: routes.go finds what the path names, auth.go judges the credential,
// params.go or search.go reads a query, request.go a body, resource.go, list.go or cursor.go makes one call to the
// directory, render.go and projection.go write the reply, errors.go turns whatever went wrong into an Error body,
// log.go writes one line.
//
// Where the RFCs leave a choice, what clients in use send is accepted, unless the credential is strict.
package scimapi
