package scimapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"rollcall/directory/schema"
)

// readGroup reads the body of a POST or PUT of a Group as a stream. It returns the ids of the members and the rest of
// the document, which has at most limit bytes.
func readGroup(r io.Reader, limit int64) (rest []byte, members []string, err error) {
	d := json.NewDecoder(&meter{r: r, limit: limit, from: 1})
	if err := openObject(d); err != nil {
		return nil, nil, err
	}

	// The members of the object: "members" apart, all others as they are.
	rest, seen := []byte{'{'}, false
	for d.More() {
		name, err := readKey(d)
		if err != nil {
			return nil, nil, err
		}
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
		if rest, err = appendRest(rest, d, name); err != nil {
			return nil, nil, err
		}
		if int64(len(rest)) > limit {
			return nil, nil, tooLargeWithoutMembers(limit)
		}
	}
	return append(rest, '}'), members, closeObject(d)
}

// openObject reads up to the first member of the object.
func openObject(d *json.Decoder) error {
	switch token, err := d.Token(); {
	case err == io.EOF:
		return schema.Errorf(schema.InvalidSyntax, "", "the body is empty")
	case err != nil:
		return jsonError(d, err)
	case token != json.Delim('{'):
		return schema.Errorf(schema.InvalidSyntax, "", "the body must be a JSON object")
	}
	return nil
}

func readKey(d *json.Decoder) (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", jsonError(d, err)
	}
	name, _ := token.(string)
	return name, nil
}

// appendRest appends a member of the object that is not "members".
func appendRest(rest []byte, d *json.Decoder, name string) ([]byte, error) {
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return nil, jsonError(d, err)
	}
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	if len(rest) > 1 {
		rest = append(rest, ',')
	}
	return append(append(append(rest, key...), ':'), value...), nil
}

// closeObject reads the end of the object, which must be the end of the body.
func closeObject(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return jsonError(d, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return schema.Errorf(schema.InvalidSyntax, "", "at byte %d: data after the end of the JSON object",
			d.InputOffset())
	}
	return nil
}

// readMembers reads the value of "members": an array, or null.
func readMembers(d *json.Decoder) ([]string, error) {
	// The beginning of the array.
	token, err := d.Token()
	switch {
	case err != nil:
		return nil, jsonError(d, err)
	case token == nil:
		return nil, nil
	case token != json.Delim('['):
		return nil, schema.Errorf(schema.InvalidValue, "members", "must be an array of objects")
	}

	// Its elements.
	var all []string
	var raw json.RawMessage
	for i := 0; d.More(); i++ {
		if err := d.Decode(&raw); err != nil {
			return nil, jsonError(d, err)
		}
		id, err := memberID(raw, fmt.Sprintf("members[%d]", i))
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	if _, err = d.Token(); err != nil {
		return nil, jsonError(d, err)
	}
	return all, nil
}

// memberID reads one member. Everything but the id is derived from the id (client-quirks Q-09).
func memberID(raw []byte, at string) (string, error) {
	var m struct {
		Value *string `json:"value"`
		Ref   *string `json:"$ref"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
			return "", schema.Errorf(schema.InvalidValue, at+"."+e.Field, "must be a string")
		}
		return "", schema.Errorf(schema.InvalidValue, at, "must be an object")
	}
	switch {
	case m.Value != nil && *m.Value != "":
		return *m.Value, nil
	case m.Ref != nil && *m.Ref != "": // with or without a version segment, the id comes last (R7643-2.4-04)
		return path.Base(*m.Ref), nil
	}
	return "", schema.Errorf(schema.InvalidValue, at+".value", "is required: it is the id of a User or Group")
}

// jsonError says what is wrong with the JSON, and where.
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
