package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Schemas that the demo writes.
const (
	scimUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	scimPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	rollcallSchema = "urn:rollcall:params:scim:schemas:"
)

// demoTimeout bounds every request that the demo sends.
const demoTimeout = 30 * time.Second

// scimClient is as much of a SCIM client as the demo needs.
type scimClient struct{ base, token string }

// scimResource is what the demo reads of a resource.
type scimResource struct {
	ID    string `json:"id"`
	Token string `json:"token"` // of an AccessToken that was created just now
	made  bool
}

// do sends a request with body as JSON (nil: none) and decodes the answer into reply (nil: not at all).
func (c *scimClient) do(ctx context.Context, method, path string, body, reply any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/scim+json")
	answer, err := send(r)
	if err != nil || reply == nil {
		return err
	}
	if err := json.Unmarshal(answer, reply); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// find returns the resources whose attribute equals value.
func (c *scimClient) find(ctx context.Context, endpoint, attribute, value string) ([]scimResource, error) {
	var list struct{ Resources []scimResource }
	filter := fmt.Sprintf("%s eq %q", attribute, value)
	err := c.do(ctx, http.MethodGet, endpoint+"?filter="+url.QueryEscape(filter), nil, &list)
	return list.Resources, err
}

// ensure returns the resource whose attribute equals value; where there is none, it makes it.
func (c *scimClient) ensure(ctx context.Context, endpoint, attribute, value, schema string, rest map[string]any) (scimResource, error) {
	found, err := c.find(ctx, endpoint, attribute, value)
	if err != nil || len(found) > 0 {
		return append(found, scimResource{})[0], err
	}
	return c.create(ctx, endpoint, attribute, value, schema, rest)
}

func (c *scimClient) create(ctx context.Context, endpoint, attribute, value, schema string, rest map[string]any) (scimResource, error) {
	body := maps.Clone(rest)
	body["schemas"], body[attribute] = []string{schema}, value
	made := scimResource{made: true}
	err := c.do(ctx, http.MethodPost, endpoint, body, &made)
	return made, err
}

func get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return send(r)
}

// send returns the body of an answer; one that is no success is an error that shows it.
func send(r *http.Request) ([]byte, error) {
	client := &http.Client{Timeout: demoTimeout}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, answer.Status, bytes.TrimSpace(body))
	}
	return body, err
}
