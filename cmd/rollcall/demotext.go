package main

import "text/template"

// print shows how to go on. Lines that begin with "export" are for a shell; docs/tour.md uses their variables.
func (d *demo) print(s Streams, temporary bool) {
	_ = demoText.Execute(s.Out, map[string]any{
		"URL": d.public, "Organization": demoOrganization, "Token": d.token, "Connection": d.connection,
		"Groups": d.groups, "IdP": d.idp, "Temporary": temporary,
	}) // an error means that nobody reads any more: the demo may be of use all the same
}

var demoText = template.Must(template.New("demo").Parse(`
Rollcall demo
  Sign in    {{.URL}}/orgs/{{.Organization}}/login
  SCIM       {{.URL}}/orgs/{{.Organization}}/scim/v2
  IdP        {{.IdP}}

People at the demo identity provider (no password is asked):
  alice      Alice Archer; SCIM does not know her
  bob        Bob Baker; SCIM made him before
  carol      Carol, without a lastName
Just-in-time provisioning is off: try alice, and see her refused.

In a second terminal, paste:

export ROLLCALL_URL={{.URL}}
export SCIM={{.URL}}/orgs/{{.Organization}}/scim/v2
export TOKEN={{.Token}}
export IDP={{.Connection}}
export EDITORS={{.Groups.Editors}}
export READERS={{.Groups.Readers}}

Sign in, without a browser:

rollcall demo sign-in alice        # from the sources: go run ./cmd/rollcall demo sign-in alice

See why alice was refused:

curl -s -H "Authorization: Bearer $TOKEN" "$SCIM/SignIns"

Switch just-in-time provisioning on, and sign alice in again:

curl -s -X PATCH -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/scim+json' "$SCIM/IdentityProviders/$IDP" \
  -d '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"jit.enabled","value":true}]}'

See all users:

curl -s -H "Authorization: Bearer $TOKEN" "$SCIM/Users"

docs/tour.md goes on from here. Stop the demo with Ctrl-C{{if .Temporary}}; its data goes with it{{end}}.
`))
