package schema

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Fold is the key by which strings of caseExact=false are compared: full- and
// half-width forms become the usual ones, case is folded (Unicode simple folding,
// the same in every locale), and the result is composed (NFC). This is what PRECIS
// asks of user names (RFC 8265 §3.3), without refusing anything. Fold(Fold(s)) ==
// Fold(s). An ASCII string in lower case is returned as it is.
func Fold(s string) string {
	upper := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return foldUnicode(s)
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if !upper {
		return s
	}
	return strings.ToLower(s)
}

// AppendFold appends Fold(s), for ASCII without any allocation but dst's growth.
func AppendFold(dst []byte, s string) []byte {
	start := len(dst)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return append(dst[:start], foldUnicode(s)...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func foldUnicode(s string) string {
	// Composed first, so that folding sees whole letters; folding may leave
	// something to compose.
	s = norm.NFC.String(width.Fold.String(s))
	return norm.NFC.String(strings.Map(foldRune, s))
}

// foldRune gives every rune of an orbit of unicode.SimpleFold the same one, a
// lower-case letter where there is one.
func foldRune(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	if least == r && unicode.SimpleFold(r) == r {
		return r // has no case, or is one of the dotted and dotless i
	}
	return unicode.ToLower(unicode.ToUpper(least))
}
