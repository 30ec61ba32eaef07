package directory

// grantor says by whom a membership was granted: by SCIM (zero), or by the connection with this id.
type grantor struct{ connection ID }

// scimGrant is the grantor of everything that comes over SCIM.
var scimGrant = grantor{}

func (g grantor) scim() bool { return g.connection.IsZero() }

func (g grantor) raw() string {
	if g.scim() {
		return "scim"
	}
	return g.connection.raw()
}

func parseGrantor(s string) (grantor, bool) {
	if s == "scim" {
		return scimGrant, true
	}
	id, ok := rawID(s)
	return grantor{connection: id}, ok
}
