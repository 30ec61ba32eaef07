package schema

import (
	"strings"
	"time"
)

// Layouts of an xsd:dateTime (RFC 7643 §2.3.5). Texts of writtenLayout and of keyLayout sort chronologically.
const (
	secondsLayout = "2006-01-02T15:04:05"
	writtenLayout = secondsLayout + ".000Z"
	keyLayout     = secondsLayout + ".000000000Z"
)

// FormatTime is the dateTime that the directory writes: UTC, with milliseconds.
func FormatTime(t time.Time) string { return t.UTC().Format(writtenLayout) }

// AppendTime appends FormatTime(t), which needs no escaping in JSON.
func AppendTime(dst []byte, t time.Time) []byte { return t.UTC().AppendFormat(dst, writtenLayout) }

// TimeKey is [Attribute.Key] of a dateTime: UTC, with nine digits of fraction.
func TimeKey(t time.Time) string { return t.UTC().Format(keyLayout) }

// ParseTime reads an xsd:dateTime: date and time, up to nine digits of fraction, and a zone; without a zone it is UTC.
func ParseTime(s string) (time.Time, bool) {
	const size = len(secondsLayout)
	if len(s) < size || s[10] != 'T' || s[13] != ':' || s[16] != ':' || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	layout := secondsLayout
	switch i := len(s) - len("+00:00"); {
	case s[len(s)-1] == 'Z':
		layout += "Z07:00"
	case i >= size && (s[i] == '+' || s[i] == '-'):
		if s[i+1:] > "14:00" { // the zones that XML Schema knows
			return time.Time{}, false
		}
		layout += "Z07:00"
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}
