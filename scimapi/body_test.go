package scimapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"rollcall/directory/schema"
)

func TestCheckMediaType(t *testing.T) {
	for contentType, ok := range map[string]bool{
		"":                                     true,
		"application/scim+json":                true,
		"application/json":                     true,
		"Application/SCIM+JSON; charset=UTF-8": true,
		"application/scim+json;charset=\"utf-8\"": true,
		"application/json; charset=iso-8859-1":    false,
		"text/plain":                              false,
		"multipart/form-data":                     false,
		"application/json-patch":                  false,
		";":                                       false,
	} {
		if err := checkMediaType(contentType); (err == nil) != ok {
			t.Errorf("%q: %v", contentType, err)
		} else if err != nil && translate(err).status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: status %d", contentType, translate(err).status)
		}
	}
}

func TestReadGroup(t *testing.T) {
	const a, b = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	for _, c := range []struct {
		name, body string
		rest       string // as JSON; "" where an error is expected
		members    []string
		err        string // the scimType and how the detail begins
	}{
		{"no members", `{"displayName":"G"}`, `{"displayName":"G"}`, nil, ""},
		{"members last", `{"displayName":"G","members":[{"value":"` + a + `"},{"value":"` + b + `","type":"User"}]}`,
			`{"displayName":"G"}`, []string{a, b}, ""},
		{"members first, name in another case", `{"MEMBERS":[{"Value":"` + a + `"}],"displayName":"G"}`,
			`{"displayName":"G"}`, []string{a}, ""},
		{"URN-qualified", `{"urn:ietf:params:scim:schemas:core:2.0:Group:members":[{"value":"` + a + `"}]}`, `{}`,
			[]string{a}, ""},
		{"Q-09 $ref null", `{"members":[{"$ref":null,"value":"` + a + `"}]}`, `{}`, []string{a}, ""},
		{"R7643-2.4-04 only $ref", `{"members":[{"$ref":"https://h/scim/v2/Users/` + a + `"}]}`, `{}`, []string{a}, ""},
		{"Q-08 empty", `{"members":[]}`, `{}`, nil, ""},
		{"R7643-2.5-01 null", `{"members":null,"displayName":"G"}`, `{"displayName":"G"}`, nil, ""},
		{"brackets in strings", `{"displayName":"]}[{\"","members":[{"value":"x]"}]}`, `{"displayName":"]}[{\""}`,
			[]string{"x]"}, ""},
		{"twice", `{"members":[],"members":[]}`, "", nil, "invalidSyntax members: "},
		{"no array", `{"members":"x"}`, "", nil, "invalidValue members: "},
		{"member is a string", `{"members":["x"]}`, "", nil, "invalidValue members[0]: "},
		{"value is a number", `{"members":[{"value":"` + a + `"},{"value":5}]}`, "", nil,
			"invalidValue members[1].value: "},
		{"no value", `{"members":[{"display":"x"}]}`, "", nil, "invalidValue members[0].value: "},
		{"R7644-3.12-03 cut off", `{"members":[{"value":"x"}`, "", nil, "invalidSyntax at byte 25"},
		{"cut off in a string", `{"displayName":"G`, "", nil, "invalidSyntax at byte 15"},
		{"no object", `[]`, "", nil, "invalidSyntax "},
		{"empty", ``, "", nil, "invalidSyntax "},
		{"trailing data", `{} {}`, "", nil, "invalidSyntax at byte 4: "},
		{"bad JSON", `{"a":}`, "", nil, "invalidSyntax at byte "},
	} {
		rest, members, err := readGroup(iotest.OneByteReader(strings.NewReader(c.body)), 1000)
		switch {
		case c.err != "":
			if err == nil {
				t.Errorf("%s: no error", c.name)
				continue
			}
			if f := translate(err); !strings.HasPrefix(f.scimType+" "+f.detail, c.err) {
				t.Errorf("%s: %s %q, want %q", c.name, f.scimType, f.detail, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case string(rest) != c.rest || !reflect.DeepEqual(members, c.members):
			t.Errorf("%s: rest %s members %q", c.name, rest, members)
		}
	}
}

// Only the members can exceed the small limit, and a body that exceeds it is not read to its end.
func TestGroupBodyLimit(t *testing.T) {
	members := `"members":[` + strings.TrimSuffix(strings.Repeat(`{"value":"m"},`, 5000), ",") + `]`
	if _, list, err := readGroup(strings.NewReader(`{"displayName":"G",`+members+`}`), 1000); err != nil ||
		len(list) != 5000 {
		t.Errorf("many members: %d, %v", len(list), err)
	}
	for name, body := range map[string]string{
		"a long string":    `{"displayName":"` + strings.Repeat("x", 5000) + `",` + members + `}`,
		"a long list":      `{"schemas":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 5000), ",") + `]}`,
		"long white space": `{` + strings.Repeat(" ", 5000) + `}`,
	} {
		_, _, err := readGroup(strings.NewReader(body), 1000)
		if err == nil || translate(err).status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := &io.LimitedReader{R: neverEnding('x'), N: 10 << 20}
	_, _, err := readGroup(io.MultiReader(strings.NewReader(`{"displayName":"`), long), 1000)
	if err == nil || translate(err).status != http.StatusRequestEntityTooLarge || long.N < 9<<20 {
		t.Errorf("a string without end: %v with %d bytes unread", err, long.N)
	}
	patch := `{"Operations":[{"op":"add","path":"members","value":[` + strings.Repeat(`{"value":"m"},`, 5000) + `{}]}]}`
	if _, err := readAll(&meter{r: strings.NewReader(patch), limit: 1000, from: 3}, -1); err != nil {
		t.Errorf("PATCH with many members: %v", err)
	}
	patch = `{"Operations":[` + strings.Repeat(`{"op":"add"},`, 500) + `{}]}`
	if _, err := readAll(&meter{r: strings.NewReader(patch), limit: 1000, from: 3}, -1); err == nil ||
		translate(err).status != http.StatusRequestEntityTooLarge {
		t.Errorf("PATCH with many operations: %v", err)
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// encoding/json accepts everything that readGroup accepts, and finds the same members.
func FuzzReadGroup(f *testing.F) {
	for _, s := range []string{
		`{"displayName":"G","members":[{"value":"a"}]}`, `{"members":null}`, `{"members":[{"$ref":"../Users/a"}]}`,
		`{"a":{"b":[1,2,"]"]},"members":[]}`, `{`, `[]`, `{"members":[{"value":"\ud800"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rest, members, err := readGroup(bytes.NewReader(body), 1<<16)
		if err != nil {
			if s := translate(err).status; s < 400 || s >= 500 {
				t.Fatalf("%q: %d %v", body, s, err)
			}
			if _, ok := errors.AsType[*schema.Error](err); !ok && len(body) < 1<<16 {
				t.Fatalf("%q: %T %v", body, err, err)
			}
			return
		}
		if !json.Valid(rest) || !json.Valid(body) {
			t.Fatalf("%q: rest %q", body, rest)
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(rest, &doc); err != nil {
			t.Fatalf("%q: %v", rest, err)
		}
		if len(members) > len(body) {
			t.Fatalf("%q: %d members", body, len(members))
		}
	})
}
