package schema

import "time"

// Layouts of dateTime values (RFC 7643 §2.3.5).
const (
	timeLayout    = "2006-01-02T15:04:05.000Z"
	timeKeyLayout = "2006-01-02T15:04:05.000000000Z"
)

// FormatTime writes a dateTime as the server shows it: UTC with milliseconds.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// TimeKey is the comparison key of a dateTime, as Attribute.Key makes it from text: UTC with nine digits of fraction.
func TimeKey(t time.Time) string { return t.UTC().Format(timeKeyLayout) }
