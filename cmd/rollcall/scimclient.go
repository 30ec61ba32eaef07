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

// clientTimeout limits every request of the client.
const clientTimeout = 30 * time.Second

// scimClient is the part of a SCIM client that the demo needs.
type scimClient struct{ base, token string }

// scimResource is what the demo reads of a resource.
type scimResource struct {
	ID      string `json:"id"`
	Token   string `json:"token"` // of an AccessToken that was just created
	created bool
}

// do sends a request with body as JSON, or without a body if it is nil, and decodes the reply into reply unless that is
// nil.
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

// ensure returns a resource whose attribute equals value. If there is none, it creates one from body and the attribute.
func (c *scimClient) ensure(
	ctx context.Context, endpoint, attribute, value string, body map[string]any,
) (scimResource, error) {
	found, err := c.find(ctx, endpoint, attribute, value)
	if err != nil {
		return scimResource{}, err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	body = maps.Clone(body)
	body[attribute] = value
	return c.create(ctx, endpoint, body)
}

func (c *scimClient) create(ctx context.Context, endpoint string, body map[string]any) (scimResource, error) {
	r := scimResource{created: true}
	err := c.do(ctx, http.MethodPost, endpoint, body, &r)
	return r, err
}

func get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return send(r)
}

// send returns the body of the reply. If the status is not 2xx, it returns an error that contains the body.
func send(r *http.Request) ([]byte, error) {
	client := &http.Client{Timeout: clientTimeout}
	reply, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, 4<<20))
	if err == nil && reply.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, reply.Status, bytes.TrimSpace(body))
	}
	return body, err
}
