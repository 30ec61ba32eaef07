package scimapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Messages of RFC 7644 §3.7.
const (
	bulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// job is a BulkRequest.
type job struct {
	failOnErrors int // 0: try all operations
	operations   []*operation
}

// operation is one operation of a job: what the client sent, and its outcome.
type operation struct {
	index           int
	method          string // POST, PUT, PATCH or DELETE
	bulkID          string
	path            string       // as sent
	endpoint        string       // "/Users"
	target          string       // the rest of the path: an id, "bulkId:…", or "" for the collection
	version         string       // that the client expects to find; "" for any
	data            []byte       // JSON; nil if there is none
	refs            []string     // bulkIds in target and data
	id              directory.ID // of the resource, once it is known
	change          *change
	err             error // what is wrong with it, or why it failed
	settled, failed bool
}

// fail ends the operation with an error.
func (o *operation) fail(err error) { o.err, o.settled, o.failed = err, true, true }

// defines reports whether the operation changes the types of the organization.
func (o *operation) defines() bool {
	return o.endpoint == schema.SchemaDefinition().Endpoint || o.endpoint == schema.ResourceTypeDefinition().Endpoint
}

// about names the resource that the operation changes; "" for a new one. A membership is changed together with others
// of its Group, and with the Group.
func (o *operation) about() string {
	switch {
	case isMembership(o.change.t):
		return schema.Group().Endpoint + "/" + o.change.membership.Group.String()
	case o.target == "":
		return ""
	}
	return o.endpoint + "/" + o.target
}

// parseJob reads a BulkRequest (RFC 7644 §3.7). Names are taken in any case. It returns an error for a malformed
// message; a malformed operation has its own error.
func parseJob(body []byte, mode schema.Mode, maxOperations int) (*job, error) {
	// The message.
	if err := mode.Check(body); err != nil {
		return nil, err
	}
	m, err := knownMembers(gjson.ParseBytes(body), "", "schemas", "failOnErrors", "Operations")
	if err != nil {
		return nil, err
	}
	if !hasURN(m["schemas"], bulkRequestURN) {
		return nil, schema.Errorf(schema.InvalidSyntax, "schemas", "must be an array that contains %q", bulkRequestURN)
	}
	j := &job{}
	if n := m["failOnErrors"]; n.Exists() && n.Type != gjson.Null {
		j.failOnErrors = int(n.Int())
		if n.Type != gjson.Number || n.Num != float64(j.failOnErrors) || j.failOnErrors < 0 {
			return nil, schema.Errorf(schema.InvalidValue, "failOnErrors", "must be a non-negative integer")
		}
	}

	// Its operations.
	list := m["Operations"].Array()
	if !m["Operations"].IsArray() || len(list) == 0 {
		return nil, schema.Errorf(schema.InvalidSyntax, "Operations", "must be an array of one or more operations")
	}
	if len(list) > maxOperations {
		return nil, fail(http.StatusRequestEntityTooLarge, "", "the request has %d operations; maxOperations is %d",
			len(list), maxOperations)
	}
	seen := map[string]int{}
	for i, v := range list {
		o := parseOperation(v, i)
		if first, twice := seen[o.bulkID]; twice && o.bulkID != "" {
			return nil, schema.Errorf(schema.InvalidValue, fmt.Sprintf("Operations[%d].bulkId", i),
				"%s is already the bulkId of Operations[%d]", quote(o.bulkID), first)
		}
		seen[o.bulkID] = i
		j.operations = append(j.operations, o)
	}
	return j, nil
}

func parseOperation(v gjson.Result, index int) *operation {
	// The members, whatever is wrong with them: the reply repeats method and bulkId.
	o := &operation{index: index}
	at := fmt.Sprintf("Operations[%d]", index)
	m, err := knownMembers(v, at, "method", "bulkId", "version", "path", "data")
	if err != nil {
		o.err = err
		return o
	}
	for _, f := range [...]struct {
		name  string
		value *string
	}{{"method", &o.method}, {"bulkId", &o.bulkID}, {"version", &o.version}, {"path", &o.path}} {
		switch v := m[f.name]; {
		case v.Type == gjson.String:
			*f.value = v.Str
		case v.Type != gjson.Null && err == nil: // Null stands for absent, too
			err = schema.Errorf(schema.InvalidSyntax, at+"."+f.name, "must be a string")
		}
	}

	// What they mean.
	o.method = strings.ToUpper(o.method)
	if data := m["data"]; data.Type != gjson.Null {
		o.data = []byte(data.Raw)
	}
	if err == nil {
		err = o.check(at)
	}
	o.err = err
	return o
}

// check checks what an operation must have (RFC 7644 §3.7) and takes its path apart.
func (o *operation) check(at string) error {
	// What is required.
	switch o.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return schema.Errorf(schema.InvalidSyntax, at+".method", "must be POST, PUT, PATCH or DELETE")
	}
	if o.path == "" {
		return schema.Errorf(schema.InvalidSyntax, at+".path", "is required")
	}
	if o.method == http.MethodPost && o.bulkID == "" {
		return schema.Errorf(schema.InvalidSyntax, at+".bulkId", "is required for POST")
	}
	if o.method != http.MethodDelete && o.data == nil {
		return schema.Errorf(schema.InvalidSyntax, at+".data", "is required for %s", o.method)
	}

	// What the path names.
	endpoint, target, _ := strings.Cut(strings.Trim(o.path, "/"), "/")
	o.endpoint, o.target = "/"+endpoint, target
	if id, ok := directory.ParseID(target); ok {
		o.target, o.id = id.String(), id
	}
	o.refs = references(o.data)
	if id, ok := strings.CutPrefix(target, bulkIDPrefix); ok {
		o.refs = append(o.refs, id)
	}
	return nil
}

// knownMembers returns the known members of a JSON object under their proper names.
func knownMembers(v gjson.Result, at string, known ...string) (map[string]gjson.Result, error) {
	if !v.IsObject() {
		return nil, schema.Errorf(schema.InvalidSyntax, at, "must be a JSON object")
	}
	out := make(map[string]gjson.Result, len(known))
	var err error
	v.ForEach(func(key, value gjson.Result) bool {
		for _, name := range known {
			if !strings.EqualFold(key.Str, name) {
				continue
			}
			if _, twice := out[name]; twice {
				err = schema.Errorf(schema.InvalidSyntax, strings.TrimPrefix(at+"."+name, "."), "is given twice")
				return false
			}
			out[name] = value
		}
		return true
	})
	return out, err
}

// hasURN reports whether a JSON value is an array that contains the URN.
func hasURN(v gjson.Result, urn string) bool {
	for _, e := range v.Array() {
		if v.IsArray() && e.Type == gjson.String && strings.EqualFold(e.Str, urn) {
			return true
		}
	}
	return false
}
