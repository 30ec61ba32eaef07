package schema

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"
)

// MaxDepth bounds the nesting of JSON in requests.
const MaxDepth = 32

// Unmarshal is [Mode.Unmarshal] without a Spend.
func Unmarshal(body []byte) (any, error) { return Mode{}.Unmarshal(body) }

// Unmarshal reads one JSON value, numbers as json.Number. Its strings may share the bytes of the body, which must not
// change. It returns an *Error (invalidSyntax) for duplicate keys, data after the value, nesting beyond MaxDepth and
// bytes that are not UTF-8; or the error of Spend, which is told of the whole body piece by piece.
func (m Mode) Unmarshal(body []byte) (any, error) {
	r := reader{spend: m.Spend, text: unsafe.String(unsafe.SliceData(body), len(body))}
	return r.whole()
}

// Check returns what Unmarshal finds wrong with the body, but for duplicate keys.
func (m Mode) Check(body []byte) error {
	r := reader{spend: m.Spend, text: unsafe.String(unsafe.SliceData(body), len(body)), checks: true}
	_, err := r.whole()
	return err
}

// spend is told of work that follows.
func (m Mode) spend(units int) error {
	if m.Spend == nil {
		return nil
	}
	return m.Spend(units)
}

// Decode is the inverse of Encode. It trusts the bytes, and the Document's strings may share them: they must not
// change.
func (t *ResourceType) Decode(stored []byte) (Document, error) {
	if len(stored) == 0 {
		return nil, Errorf(InvalidSyntax, "", "the stored %s is empty", t.Name)
	}
	v := gjson.Parse(unsafe.String(unsafe.SliceData(stored), len(stored)))
	if !v.IsObject() {
		return nil, Errorf(InvalidSyntax, "", "the stored %s is not a JSON object", t.Name)
	}
	doc := make(Document, 16)
	v.ForEach(func(key, e gjson.Result) bool {
		if name := key.Str; name != "schemas" && name != "meta" {
			doc[name] = decode(e)
		}
		return true
	})
	return doc, nil
}

func decode(v gjson.Result) any {
	switch {
	case v.IsObject():
		object := make(map[string]any, 4)
		v.ForEach(func(key, e gjson.Result) bool {
			object[key.Str] = decode(e)
			return true
		})
		return object
	case v.IsArray():
		var array []any
		v.ForEach(func(_, e gjson.Result) bool {
			array = append(array, decode(e))
			return true
		})
		return array
	}
	return scalar(v)
}

func scalar(v gjson.Result) any {
	switch v.Type {
	case gjson.String:
		return v.Str
	case gjson.Number:
		return json.Number(v.Raw)
	case gjson.True:
		return true
	case gjson.False:
		return false
	}
	return nil
}

// appendString appends a JSON string. It escapes only what JSON demands.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0 // of what is copied as it is
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = appendEscaped(append(dst, s[start:i]...), c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// appendEscaped appends a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendScalar appends a value that is neither complex nor a list; false if v is of another type.
func appendScalar(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return appendString(dst, v), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case json.Number:
		return append(dst, v...), true
	}
	return dst, false
}
