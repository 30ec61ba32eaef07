package conformance

import (
	"slices"
	"strings"
)

// The profiles of Target.Profile.
const (
	ProfileRFC     = "rfc"       // the RFCs' requirements and the choices of Appendix B
	ProfileEntra   = "entra"     // the dialogues of Microsoft Entra ID
	ProfileOkta    = "okta"      // the dialogues of Okta
	ProfileAll     = "all"       // these three; not those that contradict them
	ProfileInterop = "interop"   // draft-zollner-scim-interop-profile
	ProfileIPSIE1  = "ipsie-al1" // interop and level AL1 of draft-schreiber-ipsie-scim-profile
	ProfileIPSIE2  = "ipsie-al2" // these and level AL2
)

// Profiles are the names of all profiles.
var Profiles = []string{ProfileRFC, ProfileEntra, ProfileOkta, ProfileInterop, ProfileIPSIE1, ProfileIPSIE2, ProfileAll}

// profileAreas are the areas of a profile other than rfc and all.
var profileAreas = map[string][]string{
	ProfileEntra: {ProfileEntra}, ProfileOkta: {ProfileOkta}, ProfileInterop: {ProfileInterop},
	ProfileIPSIE1: {ProfileInterop, ProfileIPSIE1}, ProfileIPSIE2: {ProfileInterop, ProfileIPSIE1, ProfileIPSIE2},
}

// clientAreas are the areas that are no RFC's.
var clientAreas = map[string]bool{ProfileEntra: true, ProfileOkta: true, ProfileInterop: true, ProfileIPSIE1: true,
	ProfileIPSIE2: true}

func (s *suite) inProfile(area string) bool {
	switch s.target.Profile {
	case ProfileAll:
		return !clientAreas[area] || area == ProfileEntra || area == ProfileOkta
	case ProfileRFC:
		return !clientAreas[area]
	}
	return slices.Contains(profileAreas[s.target.Profile], area)
}

// clientOnly reports whether the profile looks at nothing of the RFCs.
func (s *suite) clientOnly() bool { return profileAreas[s.target.Profile] != nil }

// documents say where the texts of a profile come from.
var documents = map[string]string{
	ProfileEntra:   "entra: dialogues of Microsoft Entra ID, from its documentation and captured traffic of 2026.",
	ProfileOkta:    "okta: dialogues of Okta and its SCIM 2.0 spec test, as of 2026.",
	ProfileInterop: "interop: draft-zollner-scim-interop-profile-01 of 15 April 2026, an individual draft.",
	ProfileIPSIE1: "ipsie-al1: draft-schreiber-ipsie-scim-profile-00 of June 2026, " +
		"an individual draft for the OpenID Foundation's IPSIE group.",
	ProfileIPSIE2: "ipsie-al2: draft-schreiber-ipsie-scim-profile-00 of June 2026, " +
		"an individual draft for the OpenID Foundation's IPSIE group.",
}

// A contradiction is something that some profiles need and others forbid.
// Which of the two a server does shows in either of the requirements.
type contradiction struct {
	does, not   string // what the server does, in words
	needed      []string
	forbidden   []string
	needs, bans string // who
	// Where a profile holds both sides: the check that sees it, and its finding if the server does it.
	check, message string
}

// replaceMakes is the finding about the one thing in which RFC 7644 and Entra ID contradict each other.
const replaceMakes = `replace at emails[type eq "work"].value makes an element where there is none`

var contradictions = []contradiction{
	{"accepts PATCH operations without path", "refuses PATCH operations without path", []string{"R7644-3.5.2.3-01",
		"ENTRA-15", "OKTA-09"}, []string{"INTEROP-6.5.1.1-01"},
		"RFC 7644, Entra ID and Okta", "interop", "", ""},
	{"accepts attributes that no schema defines", "refuses attributes that no schema defines", []string{"B-03",
		"ENTRA-02"}, []string{"INTEROP-5.3-01"}, "Entra ID and Okta", "interop", "", ""},
	{"accepts schema URIs that are not defined", "refuses schema URIs that are not defined", []string{"ENTRA-16"},
		[]string{"INTEROP-5.3-02"}, "Entra ID", "interop", "", ""},
	{"keeps the sub-attributes that replace of a whole complex attribute leaves out",
		"removes the sub-attributes that replace of a whole complex attribute leaves out",
		[]string{"R7644-3.5.2.3-05"}, []string{"INTEROP-6.5.2.1-02"}, "RFC 7644", "interop", "", ""},
	{"creates the element that replace at emails[type eq \"work\"].value does not find",
		"refuses replace at emails[type eq \"work\"].value where there is none",
		[]string{"ENTRA-26"}, []string{"R7644-3.5.2.3-08"}, "Entra ID", "RFC 7644",
		"replace-no-match-type", replaceMakes},
}

// chose makes information of a failure in a profile that needs and forbids the same thing: the server cannot do both.
// Whatever else was found of the requirement stays a failure.
func (s *suite) chose(res *Result) {
	if res.Status != Failed {
		return
	}
	for _, c := range contradictions {
		switch {
		case c.check == "":
		case slices.Contains(c.forbidden, res.ID) && slices.ContainsFunc(c.needed, s.held) &&
			!slices.ContainsFunc(res.Findings, func(f Finding) bool { return f.Message != c.message }):
			res.Status, res.Reason = Info, "the server "+c.sides()
		case slices.Contains(c.needed, res.ID) && slices.ContainsFunc(c.forbidden, func(id string) bool {
			v := s.verdicts[id]
			return v != nil && v.passes > 0 && !slices.ContainsFunc(v.findings, c.sees)
		}):
			res.Status = Info
			res.Reason = "the server " + c.not + ": " + c.bans + " demands it, " + c.needs + " cannot work with it"
		}
	}
}

// held reports whether a requirement was seen to hold.
func (s *suite) held(id string) bool {
	v := s.verdicts[id]
	return v != nil && v.passes > 0 && len(v.findings) == 0 && len(v.cuts) == 0
}

// sees reports whether the finding is of the contradiction's check.
func (c contradiction) sees(f Finding) bool { return strings.HasSuffix(f.Check, c.check) }

// sides says what a server does that some need and others forbid.
func (c contradiction) sides() string {
	verb := "needs"
	if strings.Contains(c.needs, " and ") {
		verb = "need"
	}
	return c.does + ": " + c.needs + " " + verb + " it, " + c.bans + " forbids it"
}

// texts tell what the profile rests on, and where the server had to choose
// between profiles that contradict each other.
func (s *suite) texts() []string {
	var out []string
	for _, area := range Profiles {
		if documents[area] != "" && s.inProfile(area) {
			out = append(out, documents[area])
		}
	}
	held := func(ids []string) (yes, no bool) {
		for _, id := range ids {
			if v := s.verdicts[id]; v != nil && len(v.cuts) == 0 {
				yes, no = yes || v.passes > 0 && len(v.findings) == 0, no || len(v.findings) > 0
			}
		}
		return yes, no
	}
	for _, c := range contradictions {
		does, doesNot := held(c.needed)
		forbids, violates := held(c.forbidden)
		switch {
		case does || violates:
			out = append(out, "The server "+c.sides()+".")
		case doesNot || forbids:
			out = append(out, "The server "+c.not+": "+c.bans+" demands it, "+c.needs+" cannot work with it.")
		}
	}
	return out
}
