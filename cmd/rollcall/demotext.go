package main

import "text/template"

// print tells how to go on. The lines that start with "export" are for a shell; docs/tour.md uses their variables.
func (s *sample) print(streams Streams, temporary bool) {
	_ = demoText.Execute(streams.Out, map[string]any{
		"URL": s.public, "Organization": demoOrganization, "Token": s.token, "Connection": s.connection,
		"Groups": s.groups, "IdP": s.idp, "Temporary": temporary,
	}) // if nobody reads the output any more, the demo goes on all the same
}

var demoText = template.Must(template.New("demo").Parse(`
Rollcall demo
  Sign in    {{.URL}}/orgs/{{.Organization}}/login
  SCIM       {{.URL}}/orgs/{{.Organization}}/scim/v2
  IdP        {{.IdP}}

People at the demo identity provider (it asks for no password):
  alice      Alice Archer; not in the directory yet
  bob        Bob Baker; created over SCIM
  carol      Carol; she has no lastName
  admin      Ada Admin; she administers the organization: {{.URL}}/orgs/{{.Organization}}/login
Just-in-time provisioning is off: sign in as alice, and she is refused.

In a second terminal, paste:

export ROLLCALL_URL={{.URL}}
export SCIM={{.URL}}/orgs/{{.Organization}}/scim/v2
export TOKEN={{.Token}}
export IDP={{.Connection}}
export EDITORS={{.Groups.Editors}}
export READERS={{.Groups.Readers}}

Sign in without a browser:

rollcall demo sign-in alice        # from source: go run ./cmd/rollcall demo sign-in alice

See why alice was refused:

curl -s -H "Authorization: Bearer $TOKEN" "$SCIM/SignIns"

Turn just-in-time provisioning on, then sign in as alice again:

curl -s -X PATCH "$SCIM/IdentityProviders/$IDP" \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/scim+json' \
  -d '{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
       "Operations": [{"op": "replace", "path": "jit.enabled", "value": true}]}'

List all users:

curl -s -H "Authorization: Bearer $TOKEN" "$SCIM/Users"

docs/tour.md goes on from here. Press Ctrl-C to stop the demo{{if .Temporary}} and delete its data{{end}}.
`))
