package schema

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Fold returns the key by which strings of caseExact=false are compared: full- and half-width forms become the usual
// ones, case is folded (Unicode simple folding, the same in every locale), and the result is composed (NFC). This is
// what PRECIS asks of user names (RFC 8265 §3.3), without refusing anything. Fold(Fold(s)) == Fold(s). An ASCII string
// in lower case is returned unchanged.
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

// AppendFold appends Fold(s). For ASCII, it allocates nothing but the growth of dst.
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
	// Composed first, so that folding sees whole letters; the result may have something new to compose.
	s = norm.NFC.String(width.Fold.String(s))
	return norm.NFC.String(strings.Map(foldRune, s))
}

// foldRune maps all runes of an orbit of unicode.SimpleFold to the same rune, a lower-case letter if there is one.
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
