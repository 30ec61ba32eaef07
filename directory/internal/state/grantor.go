package state

import (
	"strconv"
	"time"
)

// Grantor says who granted a membership: SCIM (zero), or a connection.
type Grantor struct{ Connection ID }

// SCIMGrantor is the grantor of every membership that comes over SCIM.
var SCIMGrantor = Grantor{}

// IsSCIM reports whether the membership came over SCIM.
func (g Grantor) IsSCIM() bool { return g.Connection.IsZero() }

// raw is the grantor as it stands in keys.
func (g Grantor) raw() string {
	if g.IsSCIM() {
		return "scim"
	}
	return g.Connection.Raw()
}

// parseGrantor reads what raw wrote.
func parseGrantor(s string) (Grantor, bool) {
	if s == "scim" {
		return SCIMGrantor, true
	}
	id, ok := RawID(s)
	return Grantor{Connection: id}, ok
}

// GrantTime is the value of the key of a grant: when it was granted, in seconds.
func GrantTime(at time.Time) []byte { return strconv.AppendInt(nil, at.Unix(), 10) }

// parseGrantTime reads what GrantTime wrote; 0 for the empty value that grants had before they told their time.
func parseGrantTime(value []byte) (uint32, error) {
	if len(value) == 0 {
		return 0, nil
	}
	since, err := strconv.ParseUint(string(value), 10, 32)
	return uint32(since), err
}
