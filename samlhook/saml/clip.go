package saml

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clipBytes is the length at which a value is cut.
const clipBytes = 300

// Clip makes a value that somebody else chose fit for a record or a log line: at most 300 bytes, without control
// characters.
func Clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= clipBytes {
		return s
	}
	cut := clipBytes
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
