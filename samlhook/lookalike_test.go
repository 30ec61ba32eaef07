package samlhook

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/text/unicode/norm"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// post sends a genuine answer with this NameID, and these attributes instead of the fixture's.
func (s *site) post(b *browser, connection directory.ID, nameID string, attributes ...string) *http.Response {
	s.t.Helper()
	edit := func(message string) string {
		if attributes == nil {
			return message
		}
		statement := "<saml:AttributeStatement>" + strings.Join(attributes, "") + "</saml:AttributeStatement>"
		return samltest.Replace(s.t, message, samltest.NewMessage().Attributes, statement)
	}
	assertion := "_a" + strconv.FormatInt(s.posts.Add(1), 10)
	return b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), nameID, assertion, edit))
}

// people counts the Users.
func (s *site) people() int {
	n := 0
	for range s.snapshot().All(schema.UserType) {
		n++
	}
	return n
}

var lookAlikes = []struct{ name, nameID string }{
	{"full-width letters", "ｃｅｏ@secure.example"},
	{"one full-width letter", "ceｏ@secure.example"},
	{"long s", "ceo@ſecure.example"},
	{"full-width at sign", "ceo＠secure.example"},
	{"small at sign", "ceo﹫secure.example"},
	{"full-width dot", "ceo@secure．example"},
	{"ideographic dot", "ceo@secure。example"},
	{"half-width ideographic dot", "ceo@secure｡example"},
	{"Kelvin sign", "\u212aim@secure.example"},
	{"Kelvin sign and another case", "\u212aIM@Secure.Example"},
	{"a ligature", "\ufb01ona@secure.example"},
	{"a circled letter", "ⓒeo@secure.example"},
	{"a mathematical letter", "𝐜eo@secure.example"},
}

// A NameID that only looks like the userName of somebody who has not signed in yet is refused, whoever asserts it, and
// creates nobody.
func TestLookAlike(t *testing.T) {
	secure := schema.Document{"domains": []any{"secure.example"}}
	for _, c := range []struct {
		name     string
		settings schema.Document
		several  bool // connections
	}{
		{"one connection, JIT off", nil, false},
		{"one connection, JIT on", jitOn, false},
		{"one connection with the domain", with(jitOn, "domains", secure["domains"]), false},
		{"two connections, JIT off, with the domain", secure, true},
		{"two connections, JIT on, with the domain", with(jitOn, "domains", secure["domains"]), true},
		{"two connections, JIT on, without the domain", jitOn, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
				doc["domains"] = []any{map[string]any{"value": "secure.example", "verified": true}}
			})
			connection := s.own(c.settings)
			if c.several {
				s.own(schema.Document{"displayName": "Second"})
			}
			people := map[string]directory.ID{}
			for _, name := range []string{"ceo", "kim", "fiona"} {
				people[name] = s.createUser(schema.Document{"userName": name + "@secure.example"})
			}
			for _, l := range lookAlikes {
				b := s.browser()
				wantStatus(t, s.post(b, connection, l.nameID), http.StatusForbidden)
				record := s.lastSignIn(OutcomeRefused, ReasonLookAlike)
				like := map[bool]string{true: "kim", false: "ceo"}[strings.Contains(l.name, "Kelvin")]
				if strings.Contains(l.name, "ligature") {
					like = "fiona"
				}
				named := strings.Contains(record.Text("explanation"), like+"@secure.example")
				if record.Text("user.value") != people[like].String() || !named {
					t.Errorf("%s: the record does not name %s: %s", l.name, like, record.JSON)
				}
				if s.linked(connection, l.nameID) != nil || b.session(s) != "" || s.people() != len(people) {
					t.Errorf("%s: left a link, a session or a User", l.name)
				}
			}
			if c.several && c.settings["domains"] == nil {
				return
			}
			// What is written as the User's, but for the case of A to Z, links.
			for _, nameID := range []string{"CEO@Secure.Example", "kim@secure.example", "Fiona@SECURE.example"} {
				wantStatus(t, s.post(s.browser(), connection, nameID), http.StatusSeeOther)
				s.lastSignIn(OutcomeSignedIn, ReasonLinked)
			}
			// Nor does one that has signed in before.
			wantStatus(t, s.post(s.browser(), connection, lookAlikes[0].nameID), http.StatusForbidden)
			s.lastSignIn(OutcomeRefused, ReasonLookAlike)
		})
	}
}

// A deleted person's userName is not to be had in another spelling either.
func TestLookAlikeOfDeleted(t *testing.T) {
	s := newSite(t)
	connection := s.own(schema.Document{"jit": map[string]any{"enabled": true, "reviveDeleted": true}})
	for _, name := range []string{"ceo", "kim", "fiona"} {
		s.remove(schema.UserType, s.createUser(schema.Document{"userName": name + "@secure.example"}))
	}
	for _, l := range lookAlikes {
		wantStatus(t, s.post(s.browser(), connection, l.nameID), http.StatusForbidden)
		if record := s.lastSignIn(OutcomeRefused, ReasonLookAlike); !strings.Contains(record.Text("explanation"),
			"DeletedUser") {
			t.Errorf("%s: %s", l.name, record.JSON)
		}
		if s.people() != 0 {
			t.Fatalf("%s: created a User", l.name)
		}
	}
	wantStatus(t, s.post(s.browser(), connection, "CEO@secure.example"), http.StatusSeeOther)
	s.lastSignIn(OutcomeCreated, ReasonRevived)
}

// The same holds for the attribute that is mapped to userName, and for e-mail addresses.
func TestLookAlikeAttributes(t *testing.T) {
	names := samltest.Attribute("firstName", "Ａｎｎ") + samltest.Attribute("lastName", "Ａrbor")
	upn := map[string]any{"userName": "upn"}
	for _, c := range []struct {
		name       string
		settings   schema.Document
		attributes string
		outcome    Outcome
		reason     saml.Reason
	}{
		{"mapped userName", schema.Document{"attributes": upn}, samltest.Attribute("upn", "ｃｅｏ@secure.example"),
			OutcomeRefused, ReasonLookAlike},
		{"mapped userName in another case", schema.Document{"attributes": upn},
			samltest.Attribute("upn", "CEO@secure.example"), OutcomeSignedIn, ReasonLinked},
		{"e-mail", schema.Document{"linkBy": []any{"userName", "email"}},
			samltest.Attribute("email", "mail@ſecure.example"), OutcomeRefused, ReasonLookAlike},
		{"second e-mail", schema.Document{"linkBy": []any{"email"}},
			samltest.Attribute("email", "other＠secure.example"), OutcomeRefused, ReasonLookAlike},
		{"e-mail in another case", schema.Document{"linkBy": []any{"email"}},
			samltest.Attribute("email", "Mail@Secure.Example"), OutcomeSignedIn, ReasonLinked},
		{"e-mail that links nobody", nil, samltest.Attribute("email", "mail@ſecure.example"), OutcomeCreated,
			ReasonCreated},
		{"externalId is compared exactly", schema.Document{"linkBy": []any{"externalId"}, "attributes": upn},
			samltest.Attribute("upn", "Ｘ1"), OutcomeCreated, ReasonCreated},
		{"a mapped userName that looks alike is not helped by the e-mail",
			schema.Document{"linkBy": []any{"userName", "email"}, "attributes": upn},
			samltest.Attribute("upn", "ceo@ſecure.example") + samltest.Attribute("email", "mail@secure.example"),
			OutcomeRefused, ReasonLookAlike},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			settings := jitOn.Clone()
			for name, value := range c.settings {
				settings[name] = value
			}
			connection := s.own(settings)
			ceo := s.createUser(schema.Document{"userName": "ceo@secure.example", "externalId": "X1",
				"emails": []any{map[string]any{"value": "mail@secure.example"},
					map[string]any{"value": "other@secure.example"}}})
			s.post(s.browser(), connection, "opaque", names, c.attributes)
			record := s.lastSignIn(c.outcome, c.reason)
			if meant := record.Text("user.value") == ceo.String(); meant == (c.outcome == OutcomeCreated) {
				t.Errorf("record %s", record.JSON)
			}
			if n := s.people(); n != map[bool]int{true: 2, false: 1}[c.outcome == OutcomeCreated] {
				t.Errorf("%d Users", n)
			}
		})
	}
}

// A domain is read out of the folded value: another spelling neither leaves the domains of another connection nor hides
// one behind an e-mail address.
func TestLookAlikeDomain(t *testing.T) {
	s := newSite(t)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
		doc["domains"] = []any{map[string]any{"value": "secure.example", "verified": true},
			map[string]any{"value": "own.example", "verified": true}}
	})
	s.own(schema.Document{"displayName": "First", "domains": []any{"Secure.example"}})
	second := s.own(with(jitOn, "displayName", "Second"))
	mail := samltest.Attribute("firstName", "A") + samltest.Attribute("lastName", "B") + samltest.Attribute("email",
		"new@own.example")
	for _, nameID := range []string{"new@secure.example", "new@secure．example", "new@secure。example",
		"new@ſecure.example",
		"new＠secure.example", "new@ＳＥＣＵＲＥ.example"} {
		wantStatus(t, s.post(s.browser(), second, nameID, mail), http.StatusForbidden)
		s.lastSignIn(OutcomeRefused, ReasonDomainNotVerified)
	}
	// Nor is a domain assigned twice because it is spelt in two ways.
	for _, domain := range []string{"secure．example", "ſecure.example"} {
		err := s.modify(schema.IdentityProviderType, second, changed("domains", []any{domain}))
		wantInvalid(t, err, "domains[0]", "secure.example")
	}
	if s.people() != 0 {
		t.Error("created somebody")
	}
}

// SCIM creates the User between decision and commit: the look-alike is not created.
func TestLookAlikeRace(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.own(jitOn)
	other := s.another(directorytest.NewClient(t))
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ｃｅｏ@secure.example", "_a1", nil)
	hook := func(clientv3.Op) error {
		other.createUser(schema.Document{"userName": "ceo@secure.example"})
		return nil
	}
	f.before.Store(&hook)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.lastSignIn(OutcomeRefused, ReasonLookAlike)
	if n := s.people(); n != 1 {
		t.Errorf("%d Users", n)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, asserted, stored string
		want                   likeness
	}{
		{"equal", "ceo@secure.example", "ceo@secure.example", same},
		{"case of A to Z", "CEO@Secure.Example", "ceo@secure.example", same},
		{"case of A to Z, stored", "ceo@secure.example", "Ceo@SECURE.example", same},
		{"equal, full-width", "ｃｅｏ@x", "ｃｅｏ@x", same},
		{"equal, Kelvin sign", "\u212aim@x", "\u212aIM@x", same},
		{"decomposed", "jose\u0301@x", "jos\u00e9@x", same},
		{"stored decomposed", "JOS\u00c9@x", "jose\u0301@x", alike}, // É is no letter of A to Z
		{"decomposed, stored decomposed", "Jose\u0301@x", "jose\u0301@x", same},
		{"order of marks", "a\u0323\u0302@x", "a\u0302\u0323@x", same},
		{"Hangul, decomposed", "\u1112\u1161\u11ab", "\ud55c", same},
		{"Devanagari qa, which NFC decomposes", "\u0958", "\u0915\u093c", same},
		{"case of another letter", "JOS\u00c9@x", "jos\u00e9@x", alike},
		{"case of a Cyrillic letter", "\u0418\u0432\u0430\u043d", "\u0438\u0432\u0430\u043d", alike},
		{"full-width letters", "ｃｅｏ@x", "ceo@x", alike},
		{"full-width letters, stored", "ceo@x", "ｃｅｏ@x", alike},
		{"full-width digit", "agent００7", "agent007", alike},
		{"long s", "ceo@ſecure", "ceo@secure", alike},
		{"Kelvin sign", "\u212aim", "kim", alike},
		{"Kelvin sign, capital", "\u212aim", "Kim", alike},
		{"Angstrom sign", "\u212bke", "\u00e5ke", alike},
		{"Angstrom sign, of A with ring", "\u212bke", "\u00c5ke", alike},
		{"Angstrom sign, of A and ring", "\u212bke", "A\u030ake", alike},
		{"Ohm sign", "\u2126", "\u03a9", alike},
		{"full-width at sign", "ceo＠x", "ceo@x", alike},
		{"small at sign", "ceo﹫x", "ceo@x", alike},
		{"full-width dot", "ceo@x．y", "ceo@x.y", alike},
		{"ideographic dot", "ceo@x。y", "ceo@x.y", alike},
		{"half-width ideographic dot", "ceo@x｡y", "ceo@x.y", alike},
		{"one dot leader", "ceo@x․y", "ceo@x.y", alike},
		{"ligature", "\ufb01ona", "fiona", alike},
		{"ligature of s and t", "\ufb06even", "steven", alike},
		{"ideographic space", "a\u3000b", "a b", alike},
		{"no-break space", "a\u00a0b", "a b", alike},
		{"circled", "ⓒⓔⓞ", "ceo", alike},
		{"mathematical", "𝐜𝒆𝖔", "ceo", alike},
		{"superscript", "ceo²", "ceo2", alike},
		{"half-width katakana", "ｶﾞ", "ガ", alike},
		{"compatibility ideograph", "\ufa19", "\u795e", alike},
		{"final sigma", "\u03c3\u03ac\u03c2", "\u03c3\u03ac\u03c3", alike},
		{"capital sharp s", "STRAẞE", "straße", alike},
		{"micro sign", "\u00b5", "\u03bc", alike},
		{"sharp s and ss", "straße", "strasse", different},
		{"dotless i", "f\u0131ona", "fiona", different},
		{"dotted capital I", "F\u0130ona", "fiona", different},
		{"accent", "jos\u00e9", "jose", different},
		{"Cyrillic letters", "\u0441\u0435\u043e", "ceo", different},
		{"Greek letter", "ce\u03bf", "ceo", different},
		{"another name", "cfo@x", "ceo@x", different},
		{"nothing", "", "ceo", different},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compare(c.asserted, c.stored); got != c.want {
				t.Errorf("%+q and %+q: %d, want %d", c.asserted, c.stored, got, c.want)
			}
		})
	}
}

// No character but A to Z links as an ASCII one, and what looks like one is found out.
func TestCompareAllRunes(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		folded := wideFold(string(r))
		if compare(string(r), folded) == different {
			t.Fatalf("%U and its fold %+q are different", r, folded)
		}
		for _, other := range []string{folded, schema.Fold(string(r)), norm.NFC.String(string(r)),
			norm.NFD.String(string(r)),
			strings.ToUpper(string(r))} {
			if isASCII(other) && compare(string(r), other) == same {
				t.Fatalf("%U links as %q", r, other)
			}
		}
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// What links is found by the fold of the index, and what the index takes for one is never different.
func FuzzCompare(f *testing.F) {
	for _, s := range [][2]string{{"CEO@x", "ceo@x"}, {"ｃｅｏ＠x", "ceo@x"}, {"\u212aim", "kim"},
		{"jose\u0301", "jos\u00e9"},
		{"\ufb01", "fi"}, {"\u212b", "A\u030a"}, {"\xff", "x"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		how, unique := compare(a, b), schema.Fold(a) == schema.Fold(b)
		if how != compare(b, a) {
			t.Errorf("%+q and %+q: not symmetric", a, b)
		}
		if compare(a, a) != same {
			t.Errorf("%+q is not itself", a)
		}
		if how == same && !unique {
			t.Errorf("%+q links to %+q, and both may exist", a, b)
		}
		if how == different && unique {
			t.Errorf("%+q and %+q are one for uniqueness only", a, b)
		}
		if isASCII(b) && !isASCII(a) && how == same {
			t.Errorf("%+q links as %q", a, b)
		}
	})
}

// Who has the very value is meant, whoever else has one that looks like it.
func TestLookAlikeBesideTheSame(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "linkBy", []any{"userName", "email"}))
	var user directory.ID
	for _, value := range []string{"fiona@x", "\ufb01ona@x"} {
		user = s.createUser(schema.Document{"userName": value,
			"emails": []any{map[string]any{"value": "mail-" + value}}})
		wantStatus(t, s.post(s.browser(), connection, value), http.StatusSeeOther)
		if record := s.lastSignIn(OutcomeSignedIn, ReasonLinked); record.Text("user.value") != user.String() {
			t.Errorf("%q: %s", value, record.JSON)
		}
		s.update(func(tx *directory.Tx) error {
			for l := range tx.Snapshot().LinksOf(user) {
				tx.DeleteLink(connection, l.Named())
			}
			return nil
		})
	}
	mail := samltest.Attribute("firstName", "A") + samltest.Attribute("lastName", "B") + samltest.Attribute("email",
		"mail-\ufb01ona@x")
	wantStatus(t, s.post(s.browser(), connection, "opaque", mail), http.StatusSeeOther)
	if record := s.lastSignIn(OutcomeSignedIn, ReasonLinked); record.Text("user.value") != user.String() {
		t.Errorf("by e-mail: %s", record.JSON)
	}
}

// An address by which the connection may not link is compared with nobody's.
func TestLookAlikeAddressThatMayNotLink(t *testing.T) {
	s := newSite(t)
	s.own(schema.Document{"displayName": "First"})
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, changed("domains",
		[]any{map[string]any{"value": "own.example", "verified": true}}))
	connection := s.own(with(with(jitOn, "linkBy", []any{"email"}), "domains", []any{"own.example"}))
	s.createUser(schema.Document{"userName": "ceo", "emails": []any{map[string]any{"value": "ceo@secure.example"}}})
	mail := samltest.Attribute("firstName", "A") + samltest.Attribute("lastName", "B") + samltest.Attribute("email",
		"ｃｅｏ@secure.example")
	wantStatus(t, s.post(s.browser(), connection, "new@own.example", mail), http.StatusSeeOther)
	s.lastSignIn(OutcomeCreated, ReasonCreated)
}
