package saml

import (
	"encoding/base64"
	"strings"
)

// decodeBase64 decodes standard base64 with white space anywhere, which XML Schema's base64Binary allows and identity
// providers that wrap lines send.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, " \t\r\n") {
		s = strings.Map(func(r rune) rune {
			switch r {
			case ' ', '\t', '\r', '\n':
				return -1
			}
			return r
		}, s)
	}
	return base64.StdEncoding.DecodeString(s)
}
