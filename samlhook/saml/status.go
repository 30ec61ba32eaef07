package saml

// Status is what the identity provider says of its own success (SAML Core §3.2.2).
type Status struct {
	Code    string // top-level, e.g. …:status:Responder
	SubCode string // e.g. …:status:AuthnFailed
	Message string
}

// said is what the identity provider says, for a status other than Success.
func (s Status) said() Sentence {
	code := Clip(s.Code)
	if s.SubCode != "" {
		code += " (" + s.SubCode + ")"
	}
	switch {
	case code == "":
		return Say("idp_status.none")
	case s.Message != "":
		return Say("idp_status.message", "code", code, "message", s.Message)
	}
	return Say("idp_status", "code", code)
}
