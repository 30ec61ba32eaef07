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

// demo is what the demo prepared.
type demo struct {
	public     string
	token      string            // scope admin in the organization
	connection string            // id of the IdentityProvider
	groups     map[string]string // ids by displayName
	idp        string
}

// prepareDemo makes the organization with its sample data, as a client would: through SCIM. What an earlier run in the same
// folder left stays as it is, but the token, whose secret is nowhere, and the identity provider's metadata, whose key is new.
func prepareDemo(ctx context.Context, n *running, idp *demoidp.IdP) (*demo, error) {
	system := &scimClient{base: n.public + "/scim/v2", token: n.token}
	org := &scimClient{base: n.public + "/orgs/" + demoOrganization + "/scim/v2", token: n.token}
	d := &demo{public: n.public, idp: idp.EntityID(), groups: map[string]string{}}

	_, err := system.ensure(ctx, "/Organizations", "name", demoOrganization, rollcallSchema+"core:1.0:Organization",
		map[string]any{"displayName": "Demo organization"})
	if err != nil {
		return nil, err
	}
	if d.token, err = demoToken(ctx, org); err != nil {
		return nil, err
	}
	org.token = d.token
	bob, err := org.ensure(ctx, "/Users", "userName", "bob@example.com", scimUser, map[string]any{
		"name": map[string]any{"givenName": "Robert", "familyName": "Baker"}, "displayName": "Robert Baker",
		"emails": []any{map[string]any{"value": "bob@example.com", "type": "work", "primary": true}}, "active": true})
	if err != nil {
		return nil, err
	}
	for name, members := range map[string][]any{"Editors": nil, "Readers": {map[string]any{"value": bob.ID}}} {
		g, err := org.ensure(ctx, "/Groups", "displayName", name, scimGroup, map[string]any{"members": members})
		if err != nil {
			return nil, err
		}
		d.groups[name] = g.ID
	}
	return d, d.connect(ctx, org, idp)
}

// demoToken makes a token and removes the one of an earlier run.
func demoToken(ctx context.Context, org *scimClient) (string, error) {
	old, err := org.find(ctx, "/AccessTokens", "displayName", demoTokenName)
	if err != nil {
		return "", err
	}
	for _, r := range old {
		if err := org.do(ctx, http.MethodDelete, "/AccessTokens/"+r.ID, nil, nil); err != nil {
			return "", err
		}
	}
	made, err := org.create(ctx, "/AccessTokens", "displayName", demoTokenName, rollcallSchema+"core:1.0:AccessToken",
		map[string]any{"scopes": []string{"admin"}})
	return made.Token, err
}

// connect makes the two sides trust each other.
func (d *demo) connect(ctx context.Context, org *scimClient, idp *demoidp.IdP) error {
	metadata, err := idp.Metadata()
	if err != nil {
		return err
	}
	found, err := org.ensure(ctx, "/IdentityProviders", "displayName", demoConnection, rollcallSchema+"core:1.0:IdentityProvider",
		map[string]any{"enabled": true, "default": true, "metadataXml": string(metadata), "jit": map[string]any{"enabled": false}})
	if err != nil {
		return err
	}
	d.connection = found.ID
	if !found.made {
		patch := map[string]any{"schemas": []string{scimPatch}, "Operations": []any{
			map[string]any{"op": "replace", "path": "metadataXml", "value": string(metadata)}}}
		if err := org.do(ctx, http.MethodPatch, "/IdentityProviders/"+found.ID, patch, nil); err != nil {
			return err
		}
	}
	ours, err := get(ctx, fmt.Sprintf("%s/orgs/%s/saml/%s/metadata", d.public, demoOrganization, found.ID))
	if err != nil {
		return err
	}
	return idp.Trust(ours)
}
