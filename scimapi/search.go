package scimapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/directory/schema"
)

// searchName is the last segment of the path of a query by POST.
const searchName = ".search"

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// search answers POST {endpoint}/.search or, if endpoint is "", POST /.search (RFC 7644 §3.4.3): a query that is read
// from the body, so that it appears in no log of URLs. It changes nothing and needs no more than reading does.
func (x *exchange) search(endpoint string) error {
	// The type, if it is about one.
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

	// The query.
	q, err := x.readSearch()
	if err != nil {
		return err
	}
	return x.query(q, typ)
}

func (x *exchange) readSearch() (*params, error) {
	r, err := x.open(x.o.Limits.Body)
	if err != nil {
		return nil, err
	}
	body, err := readAll(r, x.r.ContentLength)
	if err != nil {
		return nil, err
	}
	q, err := parseSearch(body)
	if err != nil {
		return nil, err
	}
	return x.parseParams(q)
}

// parseSearch reads a SearchRequest. Names are compared without regard to case, null counts as not given, and unknown
// members are ignored.
func parseSearch(body []byte) (*sentQuery, error) {
	members, err := foldedMembers(body)
	if err != nil {
		return nil, err
	}

	// The schema of the message.
	var schemas []string
	err = json.Unmarshal(members["schemas"], &schemas)
	if err != nil || !slices.ContainsFunc(schemas, func(s string) bool { return strings.EqualFold(s, searchURN) }) {
		return nil, schema.Errorf(schema.InvalidSyntax, "schemas", "must be an array that contains %q", searchURN)
	}

	// The query.
	q := &sentQuery{}
	if err := q.each(func(name, scimType string, value **string) error {
		if name == "count" && q.cursor != nil {
			scimType = invalidCount
		}
		text, err := scalar(members[strings.ToLower(name)], slices.Contains(numbers, name))
		if err != "" {
			return fail(http.StatusBadRequest, scimType, "%s: %s", name, err)
		}
		*value = text
		return nil
	}); err != nil {
		return nil, err
	}
	for _, p := range [...]struct {
		name string
		list *[]string
	}{{"attributes", &q.attributes}, {"excludedAttributes", &q.excludedAttributes}} {
		if err := json.Unmarshal(orNull(members[strings.ToLower(p.name)]), p.list); err != nil {
			return nil, schema.Errorf(schema.InvalidValue, p.name, "must be an array of attribute names")
		}
	}
	return q, nil
}

// numbers are the members of a SearchRequest that are integers.
var numbers = []string{"count", "startIndex", "wait"}

// foldedMembers returns the members of a JSON object by their names in lower case.
func foldedMembers(body []byte) (map[string]json.RawMessage, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return nil, schema.Errorf(schema.InvalidSyntax, "", "the body must be a JSON object")
	}
	members := make(map[string]json.RawMessage, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		folded := strings.ToLower(name)
		if _, twice := members[folded]; twice {
			return nil, fail(http.StatusBadRequest, schema.InvalidSyntax, "%s is given twice", quote(name))
		}
		members[folded] = raw[name]
	}
	return members, nil
}

// scalar reads a number or a string as text. It returns nil for null and for what is not there, and what is wrong with
// any other value.
func scalar(raw json.RawMessage, number bool) (text *string, problem string) {
	raw = bytes.TrimSpace(orNull(raw))
	isNumber := raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	var s string
	switch {
	case raw[0] == 'n':
		return nil, ""
	case number && isNumber:
		s = string(raw)
		return &s, ""
	case number:
		return nil, "must be an integer"
	case json.Unmarshal(raw, &s) != nil:
		return nil, "must be a string"
	}
	return &s, ""
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}
