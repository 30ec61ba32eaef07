package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Curl is the request as a command to copy. The token comes from the variable
// TOKEN, for reports hold no credentials.
func (e *Exchange) Curl() string {
	header := http.Header{}
	for k, vs := range e.RequestHeader {
		if k != "User-Agent" && k != "Accept" {
			header[k] = vs
		}
	}
	return curl(e.Method, e.URL, e.RequestBody, header)
}

// Curl is the request as a command to copy.
func (s Step) Curl() string {
	h := http.Header{"Authorization": {hidden}}
	if s.Body != "" {
		h.Set("Content-Type", mediaType)
	}
	return curl(s.Method, s.URL, s.Body, h)
}

// Answer is the status in words: a number, or that there was none.
func (e *Exchange) Answer() string {
	if e.Status == 0 {
		return "no answer"
	}
	return fmt.Sprint(e.Status)
}

func curl(method, url, body string, header http.Header) string {
	var b strings.Builder
	b.WriteString("curl -i")
	switch method {
	case http.MethodGet:
	case http.MethodHead:
		b.WriteString(" --head")
	default:
		b.WriteString(" -X " + method)
	}
	b.WriteString(" " + quote(url))
	keys := make([]string, 0, len(header))
	for k := range header {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		for _, v := range header[k] {
			if v == hidden && k == "Authorization" {
				b.WriteString(` -H "Authorization: Bearer $TOKEN"`)
				continue
			}
			b.WriteString(" -H " + quote(k+": "+v))
		}
	}
	if body != "" {
		b.WriteString(" --data-binary " + quote(body))
	}
	return b.String()
}

// quote makes one word of a text for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
