package saml

import (
	"errors"
	"time"
)

// instants that SAML calls for are xs:dateTime in UTC (SAML Core §1.3.3); a zone
// is tolerated, as is its absence.
func parseInstant(s string) (time.Time, error) {
	s = trim(s)
	if s == "" || len(s) > 64 {
		return time.Time{}, errors.New("no time")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t.UTC(), err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
