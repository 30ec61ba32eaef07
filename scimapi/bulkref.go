package scimapi

import (
	"bytes"
	"regexp"

	"github.com/tidwall/gjson"
)

// bulkIDPrefix begins a reference to a resource that another operation of the same job creates (RFC 7644 §3.7.2).
const bulkIDPrefix = "bulkId:"

// bulkReference finds references in the text of a JSON string: the text is one, it is a URL that ends in one ($ref), or
// it quotes one (the filter in the path of a PATCH).
var bulkReference = regexp.MustCompile(`^bulkId:(.+)$|/bulkId:([^/"]+)$|"bulkId:([^"]+)"`)

// references returns the bulkIds that string values in the JSON refer to.
func references(data []byte) []string {
	var ids []string
	eachText(data, func(text []byte) []byte {
		if bytes.Contains(text, []byte(bulkIDPrefix)) {
			for _, m := range bulkReference.FindAllSubmatch(text, -1) {
				ids = append(ids, string(bytes.Join(m[1:], nil)))
			}
		}
		return text
	})
	return ids
}

// resolve returns the JSON with bulkIds in its string values replaced by ids.
func resolve(data []byte, ids map[string]string) []byte {
	return eachText(data, func(text []byte) []byte {
		if !bytes.Contains(text, []byte(bulkIDPrefix)) {
			return text
		}
		return bulkReference.ReplaceAllFunc(text, func(m []byte) []byte {
			bulkID := bytes.Join(bulkReference.FindSubmatch(m)[1:], nil)
			return bytes.Replace(m, append([]byte(bulkIDPrefix), bulkID...), []byte(ids[string(bulkID)]), 1)
		})
	})
}

// eachText calls f with the text of each string value (not key) in valid JSON, and returns the JSON with the texts that
// f returns.
func eachText(data []byte, f func(text []byte) []byte) []byte {
	var out []byte
	copied := 0
	for i := 0; i < len(data); i++ {
		if data[i] != '"' {
			continue
		}

		// The string, unless it is a key.
		start, escaped := i, false
		for i++; data[i] != '"'; i++ {
			if data[i] == '\\' {
				escaped = true
				i++
			}
		}
		if rest := bytes.TrimLeft(data[i+1:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			continue
		}

		// Its text, and what becomes of it.
		text := data[start+1 : i]
		if escaped {
			text = []byte(gjson.ParseBytes(data[start : i+1]).Str)
		}
		if now := f(text); !bytes.Equal(now, text) {
			out = gjson.AppendJSONString(append(out, data[copied:start]...), string(now))
			copied = i + 1
		}
	}
	if copied == 0 {
		return data
	}
	return append(out, data[copied:]...)
}
