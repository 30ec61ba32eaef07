package samlhook

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Values are unique under a wide fold, so that nobody can have a name that looks like another's. Linking under that
// fold would do the opposite: whoever gets an identity provider to assert the look-alike would sign in as the other.

// likeness is how an asserted value compares with a stored one.
type likeness int

const (
	different likeness = iota
	alike              // only looks like it: refused (ReasonLookAlike)
	same               // links
)

// compare tells whether an asserted value links to a stored one: if both are the same in NFC with A to Z in lower case.
func compare(asserted, stored string) likeness {
	switch {
	case linkForm(asserted) == linkForm(stored):
		return same
	case wideFold(asserted) == wideFold(stored):
		return alike
	}
	return different
}

// linkForm is the value in NFC with A to Z in lower case. A value with a character that NFC would replace by another
// one (the Kelvin sign by K) rather than compose is not normalized, so it equals only itself.
func linkForm(s string) string {
	if !strings.ContainsFunc(s, replacedByNFC) {
		s = norm.NFC.String(s)
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func replacedByNFC(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	composed := norm.NFC.String(string(r))
	return composed != string(r) && utf8.RuneCountInString(composed) == 1
}

// wideFold is the form in which look-alikes are equal: that of unique values (schema.Fold), and beyond it without
// compatibility forms (ligatures, circled and mathematical letters: NFKC) and with every dot of a domain as "."
// (RFC 3490 §3.1). Letters of other alphabets, ß and the dotless i stay what they are.
func wideFold(s string) string {
	s = schema.Fold(norm.NFKC.String(schema.Fold(s)))
	return strings.ReplaceAll(s, "\u3002", ".")
}

// holders finds the Users that have the value of an attribute whose case does not count, and those whose value it only
// looks like.
func holders(s *directory.Snapshot, attribute, value string) (having, resembled []*directory.Resource) {
	path := strings.Replace(attribute, ".", ".#.", 1)
	seen := map[directory.ID]bool{}
	for _, key := range []string{value, wideFold(value)} {
		for user := range s.Find(schema.UserType, attribute, key) {
			best := different
			for _, stored := range textsAt(user, path) {
				best = max(best, compare(value, stored))
			}
			switch {
			case seen[user.ID]:
			case best == same:
				having = append(having, user)
			case best == alike:
				resembled = append(resembled, user)
			}
			seen[user.ID] = true
		}
	}
	return having, resembled
}

// tombstone is the DeletedUser that holds the userName, or one that only looks like it; nil if there is none.
func tombstone(s *directory.Snapshot, userName string) (*directory.Resource, likeness) {
	for _, key := range []string{userName, wideFold(userName)} {
		if deleted := s.Tombstone(key); deleted != nil {
			return deleted, compare(userName, deleted.Text("userName"))
		}
	}
	return nil, different
}

// resembled is the User or DeletedUser whose userName the subject only looks like; nil if there is none, or if a User
// has the very userName. It does not depend on linkBy: no sign-in may create a second User that looks like the first.
func (d *decider) resembled() *directory.Resource {
	having, resembled := holders(d.snapshot, attributeUserName, d.identity.UserName)
	if len(having) > 0 {
		return nil
	}
	if len(resembled) > 0 {
		return resembled[0]
	}
	if deleted, how := tombstone(d.snapshot, d.identity.UserName); how == alike {
		return deleted
	}
	return nil
}

// lookAlike refuses a person whose userName only looks like somebody else's, or whose e-mail address does if that
// links; nil if neither does.
func (d *decider) lookAlike() *Decision {
	if of := d.resembled(); of != nil {
		return d.refuseLookAlike("userName", d.identity.UserName, of)
	}
	if email := d.identity.Email; email != "" && slices.Contains(d.settings.LinkBy, linkByEmail) && d.mayLink(email) {
		having, resembled := holders(d.snapshot, attributeEmail, email)
		if len(having) == 0 && len(resembled) > 0 {
			return d.refuseLookAlike("emails", email, resembled[0])
		}
	}
	return nil
}

func (d *decider) refuseLookAlike(attribute, value string, of *directory.Resource) *Decision {
	decision := d.refuse(of, ReasonLookAlike, saml.Say("look_alike", "attribute", attribute,
		"value", saml.Clip(strconv.QuoteToASCII(value)), "type", of.Type, "id", of.ID,
		"userName", saml.Clip(of.Text("userName"))))
	return &decision
}
