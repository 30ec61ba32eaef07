package scimapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// searchName is the last segment of the path of a query by POST.
const searchName = ".search"

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// search answers POST {endpoint}/.search, or with endpoint "" POST /.search (RFC 7644 §3.4.3): a query that is read
// from the body, so that what it asks for is in no log of URLs. It changes nothing and needs no more than reading does.
func (x *exchange) search(endpoint string) error {
	var typ string
	if endpoint == "" {
		if _, err := x.begin(); err != nil {
			return err
		}
	} else {
		t, err := x.enter(endpoint)
		if err != nil {
			return err
		}
		typ = t.Name
	}
	if ok, err := x.allows([]string{http.MethodPost, http.MethodOptions}); !ok {
		return err
	}
	r, err := x.open(x.o.Limits.Body)
	if err != nil {
		return err
	}
	body, err := readAll(r, x.r.ContentLength)
	if err != nil {
		return err
	}
	a, err := parseSearch(body)
	if err != nil {
		return err
	}
	q, err := x.parseParams(a)
	if err != nil {
		return err
	}
	return x.query(q, typ)
}

// parseSearch reads a SearchRequest. Names are compared without case, null is not given, unknown members are ignored.
func parseSearch(body []byte) (*sentQuery, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return nil, fail(http.StatusBadRequest, "invalidSyntax", "the body is no JSON object")
	}
	members := map[string]json.RawMessage{}
	for name, value := range raw {
		folded := strings.ToLower(name)
		if _, twice := members[folded]; twice {
			return nil, fail(http.StatusBadRequest, "invalidSyntax", "%s is given twice", quote(name))
		}
		members[folded] = value
	}
	var schemas []string
	if err := json.Unmarshal(members["schemas"], &schemas); err != nil ||
		!slices.ContainsFunc(schemas, func(s string) bool { return strings.EqualFold(s, searchURN) }) {
		return nil, fail(http.StatusBadRequest, "invalidSyntax", "schemas must be [%q]", searchURN)
	}
	a := &sentQuery{}
	if err := a.each(func(name, scimType string, value **string) error {
		text, kind, ok := scalar(members[strings.ToLower(name)])
		if number := name == "count" || name == "startIndex"; number && kind == '"' || !number && kind == '0' {
			ok = false
		}
		if name == "count" && a.cursor != nil {
			scimType = "invalidCount"
		}
		if !ok {
			must := "a string"
			if name == "count" || name == "startIndex" {
				must = "an integer"
			}
			return fail(http.StatusBadRequest, scimType, "%s: must be %s", name, must)
		}
		*value = text
		return nil
	}); err != nil {
		return nil, err
	}
	for name, list := range map[string]*[]string{"attributes": &a.attributes, "excludedAttributes": &a.excludedAttributes} {
		if err := json.Unmarshal(orNull(members[strings.ToLower(name)]), list); err != nil {
			return nil, fail(http.StatusBadRequest, "invalidValue", "%s must be a list of names", name)
		}
	}
	return a, nil
}

// scalar reads a string (kind '"') or number ('0') as text; nil, which is fine, for null and for what is not there.
func scalar(raw json.RawMessage) (text *string, kind byte, ok bool) {
	raw = bytes.TrimSpace(orNull(raw))
	var s string
	switch c := raw[0]; {
	case c == 'n':
		return nil, 0, true
	case c == '"':
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, 0, false
		}
		return &s, '"', true
	case c == '-' || c >= '0' && c <= '9':
		s = string(raw)
		return &s, '0', true
	}
	return nil, 0, false
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}
