package state

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
