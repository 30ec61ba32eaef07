// Package scimapi serves a [directory.Store] over SCIM 2.0 (RFC 7643, RFC 7644).
//
// Each organization has a service root at /orgs/{org}/scim/v2; the system scope has one at /scim/v2. The same handlers
// serve every resource type of a scope, built-in or custom. They find the type by its endpoint on the request's
// snapshot, so a type that is defined at run time needs no code here.
//
// The way of a request: handler.go makes the [Handler], routes.go finds what the path names, exchange.go has the
// request and its reply, auth.go judges the credential, ratelimit.go its pace and methods.go the method.
//
//   - One resource: resource.go. body.go reads a body, meter.go and groupbody.go the large one of a Group. change.go
//     has the change that Directory.Update runs, members.go its part about members, hook.go what a type adds to it.
//   - A membership as a resource, which is not stored: groupmemberships.go.
//   - A query: list.go. params.go and search.go read it, rewrite.go puts it into the directory's terms, cursor.go
//     pages through the results.
//   - A Bulk job: bulk.go. bulkrequest.go parses it, bulkref.go finds references, bulkplan.go puts operations into
//     steps (bulkstep.go), bulkchain.go runs the steps, bulkreply.go answers.
//   - Discovery: discovery.go and config.go.
//
// The way back: render.go writes a resource. shape.go is what it knows of a type, memo.go of a version of a resource;
// meta.go, memberships.go and links.go write derived attributes, projection.go leaves attributes out (specified.go: not
// those that the client has just set). reply.go sends it, stream.go sends a long list (accept.go: in which form;
// etag.go: with which version). errors.go turns an error into a SCIM Error, log.go writes the request's line.
//
// Where the RFCs leave a choice, the package accepts what clients in use send, unless the credential's profile says
// otherwise. Extensions that are returned on request are cut out of the stored bytes (memo.go).
package scimapi
