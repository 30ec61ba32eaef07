package directory

import "rollcall/directory/schema"

// Profile says how the requests of a credential are read.
type Profile string

// The profiles. The zero value counts as ProfileLenient.
const (
	ProfileLenient Profile = "lenient" // what clients in use send is accepted where it cannot be a mistake
	ProfileRFC     Profile = "rfc"     // to the letter of RFC 7643 and RFC 7644
	ProfileInterop Profile = "interop" // what draft-zollner-scim-interop-profile leaves of these
)

// Strict reports whether the profile has no leniency towards what clients get wrong.
func (p Profile) Strict() bool { return p == ProfileRFC || p == ProfileInterop }

// profileOf is the profile of an access token, from its attributes profile and strict, the older name of rfc.
func profileOf(profile string, strict bool) Profile {
	if profile == "" && strict {
		return ProfileRFC
	}
	return Profile(profile)
}

// onlyProfile leaves a token either profile or strict: the one that changes. It rejects two that change and contradict
// each other; before is nil for a new token.
func onlyProfile(before, doc schema.Document) error {
	text, named := doc["profile"].(string)
	strict, flagged := doc["strict"].(bool)
	if !named || !flagged {
		return nil
	}
	switch changed := func(name string) bool { return !schema.EqualValues(before[name], doc[name]) }; {
	case !changed("profile"):
		delete(doc, "profile")
	case changed("strict") && Profile(text).Strict() != strict:
		return errorf(Invalid, "strict", "contradicts the profile %s; leave one of the two out", text)
	default:
		delete(doc, "strict")
	}
	return nil
}
