package scimapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"rollcall/directory/schema"
)

// readGroup reads the body of a POST or PUT of a Group from r as a stream: the ids of its members, and the rest of the
// document, which has small bytes at most.
func readGroup(r io.Reader, small int64) (rest []byte, members []string, err error) {
	d := json.NewDecoder(&meter{r: r, limit: small, from: 1})
	tok, err := d.Token()
	if err == io.EOF {
		return nil, nil, schema.Errorf(schema.InvalidSyntax, "", "the body is empty")
	}
	if err != nil {
		return nil, nil, jsonError(d, err)
	}
	if tok != json.Delim('{') {
		return nil, nil, schema.Errorf(schema.InvalidSyntax, "", "the body must be a JSON object")
	}
	rest, seen := []byte{'{'}, false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, jsonError(d, err)
		}
		name, _ := key.(string)
		if strings.EqualFold(strings.TrimPrefix(name, schema.GroupURN+":"), "members") {
			if seen {
				return nil, nil, schema.Errorf(schema.InvalidSyntax, "members", "is given twice")
			}
			seen = true
			if members, err = readMembers(d); err != nil {
				return nil, nil, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, jsonError(d, err)
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, nil, err
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(append(rest, quoted...), ':'), value...)
		if int64(len(rest)) > small {
			return nil, nil,
				fail(http.StatusRequestEntityTooLarge, "",
					"the body without its members is larger than the limit of %d bytes", small)
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, nil, jsonError(d, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, schema.Errorf(schema.InvalidSyntax, "", "at byte %d: data after the end of the JSON object",
			d.InputOffset())
	}
	return append(rest, '}'), members, nil
}

// memberJSON is one member as clients write it. All but the id is derived from it (client-quirks Q-09).
type memberJSON struct {
	Value *string `json:"value"`
	Ref   *string `json:"$ref"`
}

// readMembers reads the value of "members": an array, one object, or null.
func readMembers(d *json.Decoder) ([]string, error) {
	var raw json.RawMessage
	tok, err := d.Token()
	switch {
	case err != nil:
		return nil, jsonError(d, err)
	case tok == nil:
		return nil, nil
	case tok != json.Delim('['):
		return nil, schema.Errorf(schema.InvalidValue, "members", "must be an array of objects")
	}
	var all []string
	for i := 0; d.More(); i++ {
		if err := d.Decode(&raw); err != nil {
			return nil, jsonError(d, err)
		}
		var m memberJSON
		if err := json.Unmarshal(raw, &m); err != nil {
			at := fmt.Sprintf("members[%d]", i)
			if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
				at += "." + e.Field
				return nil, schema.Errorf(schema.InvalidValue, at, "must be a string")
			}
			return nil, schema.Errorf(schema.InvalidValue, at, "must be an object")
		}
		switch {
		case m.Value != nil && *m.Value != "":
			all = append(all, *m.Value)
		case m.Ref != nil && *m.Ref != "": // with or without a version segment, the id comes last (R7643-2.4-04)
			all = append(all, path.Base(*m.Ref))
		default:
			return nil,
				schema.Errorf(schema.InvalidValue, fmt.Sprintf("members[%d].value", i),
					"is required: the id of a User or Group")
		}
	}
	if _, err = d.Token(); err != nil {
		return nil, jsonError(d, err)
	}
	return all, nil
}

// jsonError says what is wrong with the JSON and where.
func jsonError(d *json.Decoder, err error) error {
	at := d.InputOffset()
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return schema.Errorf(schema.InvalidSyntax, "", "at byte %d: %s", at, e.Error())
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return schema.Errorf(schema.InvalidSyntax, "", "at byte %d: the JSON ends early", at)
	}
	return readError(err)
}
