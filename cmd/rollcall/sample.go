package main

import (
	"context"
	"fmt"
	"net/http"

	"rollcall/internal/demoidp"
)

const (
	demoOrganization = "demo"
	demoTokenName    = "Demo administrator"
	demoConnection   = "Demo identity provider"
)

// Schemas of the sample data.
const (
	userSchema         = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema        = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchSchema        = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	organizationSchema = "urn:rollcall:params:scim:schemas:core:1.0:Organization"
	tokenSchema        = "urn:rollcall:params:scim:schemas:core:1.0:AccessToken"
	connectionSchema   = "urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"
)

// sample is the sample data of the demo.
type sample struct {
	public     string
	token      string            // an access token with the scope admin in the organization
	connection string            // id of the IdentityProvider
	groups     map[string]string // ids by displayName
	idp        string            // entity id
}

// createSample creates the sample data as a client would: over SCIM. What an earlier run created in the same folder
// stays, except for the token, whose secret is stored nowhere, and the identity provider's metadata, whose key is new.
func createSample(ctx context.Context, n *running, idp *demoidp.IdP) (*sample, error) {
	system := &scimClient{base: n.public + "/scim/v2", token: n.token}
	org := &scimClient{base: n.public + "/orgs/" + demoOrganization + "/scim/v2", token: n.token}
	s := &sample{public: n.public, idp: idp.EntityID(), groups: map[string]string{}}

	_, err := system.ensure(ctx, "/Organizations", "name", demoOrganization, map[string]any{
		"schemas": []string{organizationSchema}, "displayName": "Demo organization"})
	if err != nil {
		return nil, err
	}
	if s.token, err = replaceToken(ctx, org); err != nil {
		return nil, err
	}
	org.token = s.token
	if err := s.createPeople(ctx, org); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, org, idp); err != nil {
		return nil, err
	}
	return s, s.createAdministrator(ctx, org)
}

// createAdministrator creates a user with rights and links it by hand to the person whom the identity provider knows
// as admin: no sign-in takes such a user over by itself.
func (s *sample) createAdministrator(ctx context.Context, org *scimClient) error {
	const name = "admin@example.com"
	admin, err := org.ensure(ctx, "/Users", "userName", name, map[string]any{
		"schemas": []string{userSchema}, "active": true, "displayName": "Ada Admin",
		"roles": []any{map[string]any{"value": "administrator"}}})
	if err != nil {
		return err
	}
	return org.do(ctx, http.MethodPost, "/Users/"+admin.ID+"/.link",
		map[string]any{"connection": s.connection, "nameId": name}, nil)
}

// createPeople creates one user and two groups, of which one has the user as its member.
func (s *sample) createPeople(ctx context.Context, org *scimClient) error {
	bob, err := org.ensure(ctx, "/Users", "userName", "bob@example.com", map[string]any{
		"schemas": []string{userSchema}, "active": true, "displayName": "Robert Baker",
		"name":   map[string]any{"givenName": "Robert", "familyName": "Baker"},
		"emails": []any{map[string]any{"value": "bob@example.com", "type": "work", "primary": true}},
	})
	if err != nil {
		return err
	}
	for name, members := range map[string][]any{"Editors": nil, "Readers": {map[string]any{"value": bob.ID}}} {
		g, err := org.ensure(ctx, "/Groups", "displayName", name, map[string]any{
			"schemas": []string{groupSchema}, "members": members})
		if err != nil {
			return err
		}
		s.groups[name] = g.ID
	}
	return nil
}

// replaceToken creates an access token and deletes the one of an earlier run.
func replaceToken(ctx context.Context, org *scimClient) (string, error) {
	earlier, err := org.find(ctx, "/AccessTokens", "displayName", demoTokenName)
	if err != nil {
		return "", err
	}
	for _, r := range earlier {
		if err := org.do(ctx, http.MethodDelete, "/AccessTokens/"+r.ID, nil, nil); err != nil {
			return "", err
		}
	}
	created, err := org.create(ctx, "/AccessTokens", map[string]any{
		"schemas": []string{tokenSchema}, "displayName": demoTokenName, "scopes": []string{"admin"}})
	return created.Token, err
}

// connect makes the service and the identity provider trust each other.
func (s *sample) connect(ctx context.Context, org *scimClient, idp *demoidp.IdP) error {
	// The identity provider's metadata goes into the connection.
	metadata, err := idp.Metadata()
	if err != nil {
		return err
	}
	connection, err := org.ensure(ctx, "/IdentityProviders", "displayName", demoConnection, map[string]any{
		"schemas": []string{connectionSchema}, "enabled": true, "default": true, "metadataXml": string(metadata),
		"jit": map[string]any{"enabled": false}})
	if err != nil {
		return err
	}
	s.connection = connection.ID
	if !connection.created {
		patch := map[string]any{"schemas": []string{patchSchema}, "Operations": []any{
			map[string]any{"op": "replace", "path": "metadataXml", "value": string(metadata)}}}
		if err := org.do(ctx, http.MethodPatch, "/IdentityProviders/"+connection.ID, patch, nil); err != nil {
			return err
		}
	}

	// The service's metadata goes to the identity provider.
	ours, err := get(ctx, fmt.Sprintf("%s/orgs/%s/saml/%s/metadata", s.public, demoOrganization, connection.ID))
	if err != nil {
		return err
	}
	return idp.Trust(ours)
}
