package saml

import (
	"errors"
	"time"
)

// parseInstant reads an xs:dateTime, which SAML wants in UTC (SAML Core §1.3.3). Another zone is tolerated, as is none.
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

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
