package saml

// Status is what the identity provider says of its own success (SAML Core §3.2.2).
type Status struct {
	Code    string // top-level, e.g. …:status:Responder
	SubCode string // e.g. …:status:AuthnFailed
	Message string
}

// refusal is for a status other than Success.
func (s Status) refusal() *Refusal {
	what := "The identity provider reports " + Clip(s.Code)
	if s.Code == "" {
		what = "The identity provider reports no status"
	}
	if s.SubCode != "" {
		what += " (" + s.SubCode + ")"
	}
	if s.Message != "" {
		what += ": " + s.Message
	}
	return Refuse(ReasonStatus, what+". Its own log has the reason.")
}
