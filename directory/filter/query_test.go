package filter

import (
	"encoding/json"
	"iter"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// resource is a Resource of given parts.
type resource struct {
	document string
	derived  map[string]string
}

func (r *resource) Document() []byte { return []byte(r.document) }

// Derived implements Resource. A list after " ... " is a further part of the one before it.
func (r *resource) Derived(name string) ([]byte, iter.Seq[[]byte]) {
	s, ok := r.derived[name]
	if !ok {
		return nil, nil
	}
	parts := strings.Split(s, " ... ")
	if len(parts) == 1 {
		return []byte(s), nil
	}
	return []byte(parts[0]), func(yield func([]byte) bool) {
		for _, p := range parts[1:] {
			if !yield([]byte(p)) {
				return
			}
		}
	}
}

func (r *resource) Contains(name, value string) bool {
	var list []struct{ Value string }
	if json.Unmarshal([]byte(strings.ReplaceAll(r.derived[name], "] ... [", ",")), &list) != nil {
		return false
	}
	for _, e := range list {
		if e.Value == value {
			return true
		}
	}
	return false
}

var sampleUser = &resource{
	document: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + eu +
		`"],"id":"2819c223","externalId":"AbC","userName":"BJensen","name":{"familyName":"O'Malley",` +
		`"givenName":"José"},` +
		`"profileUrl":"https://x/Y","active":true,"emails":[{"value":"a@x","type":"work","primary":true},` +
		`{"value":"b@y","type":"home","display":"B"},{"value":"c@z"}],` +
		`"x509Certificates":[{"value":"MAAb"}],"` + eu +
		`":{"employeeNumber":"10","department":"D","manager":{"value":"Mgr1"}}}`,
	derived: map[string]string{
		"meta": `{"resourceType":"User","created":"2024-01-01T00:00:00Z",` +
			`"lastModified":"2024-01-02T03:04:05.006Z","location":"https://h/Users/2819c223","version":"W/\"a1\""}`,
		"groups":         `[{"value":"g1","display":"Staff","type":"direct"},{"value":"g2","type":"indirect"}]`,
		schema.AccessURN: `{"effectiveRoles":["admin","reader"]}`,
	},
}

func match(t *testing.T, filter string, typ *schema.ResourceType, r Resource, o Options) (bool, error) {
	t.Helper()
	e, err := Parse(filter, o)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Compile(e, typ, o)
	if err != nil {
		return false, err
	}
	return q.Match(r), nil
}

func TestMatch(t *testing.T) {
	cases := []struct {
		name, filter string
		want         bool
	}{
		{"R7644-3.4.2.2-30 eq ignores case", `userName eq "BJENSEN"`, true},
		{"R7644-3.4.2.2-02 name in another case", `USERNAME eq "bjensen"`, true},
		{"R7644-3.4.2.2-31 eq with exact case", `externalId eq "abc"`, false},
		{"eq with exact case, equal", `externalId eq "AbC"`, true},
		{"meta.resourceType is exact", `meta.resourceType eq "user"`, false},
		{"R7644-3.4.2.2-61 meta.resourceType", `meta.resourceType eq "User"`, true},
		{"R7644-3.4.2.2-32 ne", `userName ne "BJENSEN"`, false},
		{"ne, other", `userName ne "x"`, true},
		{"R7644-3.4.2.2-33 co", `userName co "JEN"`, true},
		{"sw", `userName sw "bj"`, true},
		{"sw with all of it", `userName sw "bjensen"`, true},
		{"ew", `userName ew "SEN"`, true},
		{"ew, not", `userName ew "bj"`, false},
		{"sw with exact case", `externalId sw "ab"`, false},
		{"R7644-3.4.2.2-34 co empty", `userName co ""`, true},
		{"sw empty, unassigned", `title sw ""`, false},
		{"R7644-3.4.2.2-35 gt", `userName gt "A"`, true},
		{"gt equal", `userName gt "bjensen"`, false},
		{"ge equal", `userName ge "bjensen"`, true},
		{"lt", `userName lt "C"`, true},
		{"le equal", `userName le "BJENSEN"`, true},
		{"gt, unassigned", `title gt "a"`, false},
		{"le, unassigned", `title le "zzz"`, false},
		{"R7644-3.4.2.2-36 boolean", `active eq true`, true},
		{"boolean ne", `active ne true`, false},
		{"boolean unassigned ne", `emails.primary ne true`, true},
		{"B-08 boolean as a string", `active eq "True"`, true},
		{"R7644-3.4.2.2-39 binary exact", `x509Certificates.value eq "MAAB"`, false},
		{"binary", `x509Certificates.value eq "MAAb"`, true},
		{"R7644-3.4.2.2-44 reference exact", `profileUrl eq "https://x/y"`, false},
		{"reference sw", `profileUrl sw "https://"`, true},
		{"R7644-3.4.2.2-42 dateTime in another zone", `meta.created eq "2024-01-01T02:00:00+02:00"`, true},
		{"R7644-3.4.2.2-60 gt", `meta.lastModified gt "2024-01-02T03:04:05Z"`, true},
		{"dateTime le", `meta.lastModified le "2024-01-02T03:04:05Z"`, false},
		{"R7644-3.4.2.2-62 location", `meta.location eq "https://h/Users/2819c223"`, true},
		{"version", `meta.version eq "W/\"a1\""`, true},
		{"R7644-3.4.2.2-63 id", `id eq "2819c223"`, true},
		{"id is exact", `id eq "2819C223"`, false},
		{"R7644-3.4.2.2-12 any value", `emails.value eq "B@Y"`, true},
		{"R7644-3.4.2.2-18 bare list", `emails co "@z"`, true},
		{"bare list, none", `emails eq "work"`, false},
		{"R7644-3.4.2.2-13 sub-attribute", `name.familyName co "O'Malley"`, true},
		{"R7644-3.4.2.2-14 different elements", `emails.type eq "work" and emails.value eq "b@y"`, true},
		{"R7644-3.4.2.2-15 one element", `emails[type eq "work" and value eq "b@y"]`, false},
		{"one element, yes", `emails[type eq "home" and value eq "b@y"]`, true},
		{"R7644-3.4.2.2-16 or and not inside", `emails[not (type pr) and (value eq "c@z" or value eq "q")]`, true},
		{"after a value path", `emails[type eq "work"].value eq "a@x"`, true},
		{"after a value path, other element", `emails[type eq "work"].value eq "b@y"`, false},
		{"value path on what is absent", `ims[type eq "x"]`, false},
		{"value path with ne on what is absent", `ims[type ne "x"]`, false},
		{"value path with ne", `emails[type ne "work" and value eq "c@z"]`, true},
		{"B-07 ne of a list: any differs", `emails.value ne "a@x"`, true},
		{"none equals", `not (emails.value eq "a@x")`, false},
		{"B-07 ne of what is unassigned", `title ne "x"`, true},
		{"B-07 ne of an absent list", `ims.value ne "x"`, true},
		{"R7644-3.4.2.2-45 pr", `userName pr and name pr and emails pr and ` + eu + `:manager pr`, true},
		{"R7644-3.4.2.2-46 pr, unassigned", `title pr or ims pr or name.middleName pr`, false},
		{"R7644-3.4.2.2-49 pr of a sub-attribute", `emails.display pr`, true},
		{"pr of an extension", eu + ` pr`, true},
		{"pr of a derived extension", schema.AccessURN + ` pr`, true},
		{"pr of an absent extension", schema.OriginURN + ` pr`, false},
		{"R7644-3.4.2.2-48 eq null", `title eq null`, true},
		{"eq null, assigned", `emails.display eq null`, false},
		{"ne null", `userName ne null and name ne null`, true},
		{"R7644-3.4.2.2-20 schemas", `schemas eq "` + strings.ToUpper(eu) + `"`, true},
		{"R7644-3.4.2.2-11 qualified", `urn:IETF:params:scim:schemas:core:2.0:user:USERNAME sw "b"`, true},
		{"R7644-3.10-01 extension", eu + `:department eq "d"`, true},
		{"extension, sub-attribute exact", eu + `:manager.value eq "mgr1"`, false},
		{"manager eq", `manager eq "Mgr1"`, true},
		{"extension manager eq", eu + `:manager eq "Mgr1"`, true},
		{"R7644-3.4.2.2-65 groups", `groups.value eq "G2"`, true},
		{"groups, none", `groups.value eq "g3"`, false},
		{"groups bare", `groups eq "g1"`, true},
		{"groups value path", `groups[value eq "g1"]`, true},
		{"groups value path with type", `groups[value eq "g2" and type eq "direct"]`, false},
		{"groups display", `groups.display sw "st"`, true},
		{"groups ne", `not (groups.value eq "g1")`, false},
		{"derived extension", schema.AccessURN + `:effectiveRoles eq "reader"`, true},
		{"R7644-7.8-01 composed", "name.givenName eq \"jose\u0301\"", true},
		{"full-width", `userName eq "ｂｊｅｎｓｅｎ"`, true},
		{"R7644-3.4.2.2-07 parentheses", `(active eq true or title pr) and userName eq "x"`, false},
		{"precedence", `active eq true or title pr and userName eq "x"`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := match(t, c.filter, schema.User(), sampleUser, Options{})
			if err != nil || got != c.want {
				t.Errorf("%s: %v (%v), want %v", c.filter, got, err, c.want)
			}
			other, err := match(t, "not ("+c.filter+")", schema.User(), sampleUser, Options{})
			if err != nil || other == got {
				t.Errorf("R7644-3.4.2.2-47: not (%s): %v (%v)", c.filter, other, err)
			}
		})
	}
}

func TestMatchGroup(t *testing.T) {
	g := &resource{document: `{"id":"1","displayName":"Staff"}`,
		derived: map[string]string{"members": `[{"value":"u1","type":"User","display":"One"},` +
			`{"value":"g2","type":"Group"}]`}}
	cases := []struct {
		name, filter string
		want         bool
	}{
		{"R7644-3.4.2.2-64 members.value", `members.value eq "u1"`, true},
		{"members[value]", `members[value eq "u1"]`, true},
		{"members[value], none", `members[value eq "u2"]`, false},
		{"Entra", `id eq "1" and members eq "u1"`, true},
		{"displayName", `displayName eq "staff"`, true},
		{"type", `members.type eq "Group"`, true},
		{"type and value", `members[type eq "Group" and value eq "u1"]`, false},
		{"value in a set", `members[value eq "x" or value eq "g2"]`, true},
		{"ne, of the second", `members.type ne "User"`, true},
		{"none has it", `members.display co "Two"`, false},
		{"pr", `members.display pr`, true},
	}
	parts := &resource{document: g.document,
		derived: map[string]string{"members": strings.Replace(g.derived["members"], `},{`, `}] ... [{`, 1)}}
	for _, c := range cases {
		for how, g := range map[string]*resource{"whole": g, "in parts": parts} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				if got, err := match(t, c.filter, schema.Group(), g, Options{}); err != nil || got != c.want {
					t.Errorf("%s: %v (%v)", c.filter, got, err)
				}
			})
		}
	}
}

func TestMatchNumbers(t *testing.T) {
	s, err := schema.CompileSchema([]byte(`{"id":"urn:example:Device","attributes":[
		{"name":"count","type":"integer"},
		{"name":"ratio","type":"decimal"},
		{"name":"tags","type":"string","multiValued":true},
		{"name":"levels","type":"integer","multiValued":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := schema.NewResourceType("Device", "/Devices", "", s)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, doc, filter string
		want              bool
	}{
		{"R7644-3.4.2.2-41 eq", `{"count":10}`, `count eq 10`, true},
		{"gt by number", `{"count":10}`, `count gt 9`, true},
		{"lt by number", `{"count":10}`, `count lt 9`, false},
		{"a decimal of the same number", `{"count":10}`, `count eq 10.0`, true},
		{"an exponent", `{"count":1000}`, `count eq 1e3`, true},
		{"exact integers", `{"count":9007199254740993}`, `count eq 9007199254740992`, false},
		{"exact integers, ordered", `{"count":9007199254740993}`, `count gt 9007199254740992`, true},
		{"beyond 64 bits", `{"count":9223372036854775807}`, `count lt 9223372036854775808`, true},
		{"beyond any float", `{"count":9223372036854775807}`, `count lt 1e999`, true},
		{"below any float", `{"count":-9223372036854775808}`, `count gt -1e999`, true},
		{"fraction", `{"count":10}`, `count lt 10.5`, true},
		{"negative fraction", `{"count":-10}`, `count gt -10.5`, true},
		{"decimal", `{"ratio":1.5}`, `ratio le 1.50`, true},
		{"decimal and integer", `{"ratio":1.5}`, `ratio gt 1`, true},
		{"unassigned", `{}`, `count gt 0 or count le 0`, false},
		{"unassigned ne", `{}`, `count ne 0`, true},
		{"list of strings", `{"tags":["Red","blue"]}`, `tags eq "red"`, true},
		{"erratum 7122 list of strings by value", `{"tags":["Red","blue"]}`,
			`tags[value eq "red" and value sw "r"]`, true},
		{"by value, none", `{"tags":["Red","blue"]}`, `tags[value eq "red" and value eq "blue"]`, false},
		{"list of numbers", `{"levels":[1,20]}`, `levels gt 19 and levels lt 2`, true},
		{"presence", `{"levels":[0]}`, `levels pr and not (tags pr)`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := match(t, c.filter, typ, &resource{document: c.doc}, Options{Strict: true})
			if err != nil || got != c.want {
				t.Errorf("%s on %s: %v (%v)", c.filter, c.doc, got, err)
			}
		})
	}
}

func TestMatchNested(t *testing.T) {
	doc := `{"jit":{"enabled":true,"update":{"default":"onSignIn","never":["displayName","title"]},` +
		`"defaultGroups":[{"value":"G1"}]},"idp":{"certificates":[{"pem":"P","fingerprint":"aa"}]},` +
		`"health":{"status":"failing"}}`
	r := &resource{document: doc, derived: map[string]string{"health": `{"status":"ok","warnings":["w"]}`}}
	for filter, want := range map[string]bool{
		`jit.enabled eq true`:                      true,
		`jit.update.default eq "onSignIn"`:         true,
		`jit.update.never eq "Title"`:              true,
		`jit.update.never eq "userName"`:           false,
		`jit.defaultGroups.value eq "G1"`:          true,
		`jit.defaultGroups[value eq "g1"]`:         false,
		`idp.certificates[fingerprint eq "aa"]`:    true,
		`idp.certificates.pem eq "Q"`:              false,
		`health.status eq "ok"`:                    true,
		`health.warnings eq "W"`:                   true,
		`jit.update pr and idp pr and not (sp pr)`: true,
		`attributes.userName pr`:                   false,
	} {
		if got, err := match(t, filter, schema.IdentityProvider(), r, Options{}); err != nil || got != want {
			t.Errorf("%s: %v (%v)", filter, got, err)
		}
	}
	r.derived = nil
	if got, err := match(t, `health.status eq "failing"`, schema.IdentityProvider(), r, Options{}); err != nil || !got {
		t.Errorf("a derived attribute that the document holds: %v (%v)", got, err)
	}
}

func TestCompileRefuses(t *testing.T) {
	cases := []struct {
		name, filter, attr string
		strict             bool // only when strict
	}{
		{"R7644-3.4.2.2-21 unknown attribute", `nosuch eq "x"`, "", false},
		{"unknown in a value path", `emails[nosuch eq "x"]`, "emails", false},
		{"unknown value path", `nosuch[a eq "x"]`, "", false},
		{"unknown presence", `nosuch pr`, "", false},
		{"unknown in a disjunction", `userName pr or nosuch pr`, "", false},
		{"R7644-3.4.2.2-37 boolean gt", `active gt false`, "active", false},
		{"R7644-3.4.2.2-38 binary gt", `x509Certificates.value gt "AA"`, "x509Certificates.value", false},
		{"R7644-3.4.2.2-40 boolean co", `active co "t"`, "active", false},
		{"dateTime co", `meta.created co "2024"`, "meta.created", false},
		{"R7644-3.4.2.2-43 dateTime", `meta.created gt "yesterday"`, "meta.created", false},
		{"R7644-3.4.2.2-50 complex", `name eq "x"`, "name", false},
		{"addresses have no value", `addresses eq "x"`, "addresses", false},
		{"R7644-3.4.2.2-51 number for a string", `userName eq 5`, "userName", false},
		{"boolean for a string", `userName eq true`, "userName", false},
		{"word for a boolean", `active eq "maybe"`, "active", false},
		{"number for a boolean", `active eq 1`, "active", false},
		{"number for a dateTime", `meta.created gt 5`, "meta.created", false},
		{"null with gt", `userName gt null`, "userName", false},
		{"R7644-3.4.2.2-23 password", `password sw "a"`, "password", false},
		{"password pr", `password pr`, "password", false},
		{"password null", `password eq null`, "password", false},
		{"value path of a single value", `userName[value eq "x"]`, "userName", false},
		{"a URN in a value path", `emails[` + eu + `:department eq "x"]`, "emails", false},
		{"B-08 strict boolean", `active eq "true"`, "active", true},
		{"strict manager eq", eu + `:manager eq "x"`, eu + ":manager", true},
		{"R7643-3.3-05 strict bare extension attribute", `department eq "x"`, "", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				_, err := match(t, c.filter, schema.User(), sampleUser, Options{Strict: strict})
				if c.strict && !strict {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				wantError(t, err, schema.InvalidFilter)
				if e := err.(*schema.Error); e.Attr != c.attr {
					t.Errorf("got %#v, want it at %q", e, c.attr)
				}
			}
		})
	}
}

func TestCompileAny(t *testing.T) { // B-06
	g := &resource{document: `{"displayName":"Staff"}`}
	for filter, want := range map[string]bool{
		`userName eq "x"`:                           false,
		`userName ne "x"`:                           true,
		`userName pr`:                               false,
		`not (userName pr)`:                         true,
		`userName eq null`:                          true,
		`userName ne null`:                          false,
		`emails[type eq "work"]`:                    false,
		`userName eq "x" or displayName eq "staff"`: true,
	} {
		e, err := Parse(filter, Options{})
		if err != nil {
			t.Fatal(err)
		}
		q, err := CompileAny(e, schema.Group(), Options{})
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := q.Match(g); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	e, _ := Parse(`displayName gt 5`, Options{})
	if _, err := CompileAny(e, schema.Group(), Options{}); err == nil {
		t.Error("a wrong type was taken")
	}
}

func TestLookups(t *testing.T) {
	cases := []struct{ name, filter, want string }{
		{"eq", `userName eq "BJensen"`, "userName eq bjensen"},
		{"sw", `userName sw "BJ"`, "userName sw bj"},
		{"range", `meta.lastModified gt "2024-01-01T02:00:00+02:00"`,
			"meta.lastModified gt 2024-01-01T00:00:00.000000000Z"},
		{"exact case", `externalId eq "AbC"`, "externalId eq AbC"},
		{"list", `emails.value eq "A@x"`, "emails.value eq a@x"},
		{"bare list", `emails eq "A@x"`, "emails.value eq a@x"},
		{"conjunction", `active eq true and userName eq "x"`, "userName eq x"},
		{"the most selective first", `displayName ge "a" and userName sw "b" and externalId eq "c" and id eq "d"`,
			"externalId eq c, id eq d, userName sw b, displayName ge a"},
		{"disjunction", `userName eq "x" or userName eq "y"`, ""},
		{"below not", `not (userName eq "x")`, ""},
		{"disjunction in a conjunction", `(userName eq "x" or title pr) and id eq "d"`, "id eq d"},
		{"value path", `emails[type eq "work" and value eq "A"]`, "emails.type eq work, emails.value eq a"},
		{"value path of one comparison", `emails[value eq "A"]`, "emails.value eq a"},
		{"value path, not", `emails[not (value eq "A")]`, ""},
		{"members", `groups[value eq "G"]`, "groups.value eq g"},
		{"members, Entra", `id eq "1" and groups eq "G"`, "id eq 1, groups.value eq g"},
		{"ne", `userName ne "x"`, ""},
		{"co", `userName co "x"`, ""},
		{"null", `userName eq null`, ""},
		{"boolean", `active eq true`, ""},
		{"presence", `userName pr`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e, err := Parse(c.filter, Options{})
			if err != nil {
				t.Fatal(err)
			}
			q, err := Compile(e, schema.User(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range q.Lookups() {
				got = append(got, l.Attribute.Path+" "+l.Op.String()+" "+l.Key)
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got %s", s)
			}
		})
	}
}

func TestMatchElement(t *testing.T) {
	emails := schema.User().Lookup("emails")
	work := map[string]any{"value": "A@x", "type": "work", "primary": true}
	cases := []struct {
		name, filter string
		element      any
		want         bool
	}{
		{"eq", `type eq "WORK"`, work, true},
		{"boolean as a string", `primary eq "True"`, work, true},
		{"presence", `display pr`, work, false},
		{"both", `type eq "work" and value ew "@X"`, work, true},
		{"ne of what is unassigned", `display ne "x"`, work, true},
		{"not an element", `type ne "home"`, "text", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePath("emails["+c.filter+"]", Options{})
			if err != nil {
				t.Fatal(err)
			}
			q, err := CompileElement(p.Filter, emails, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := q.Match(c.element); got != c.want {
				t.Errorf("%v", got)
			}
		})
	}
	p, err := ParsePath(`emails[nosuch eq "x"]`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = CompileElement(p.Filter, emails, Options{})
	wantError(t, err, schema.InvalidFilter)
}

// countingResource counts how often a derived list is built.
type countingResource struct {
	*resource
	built int
}

func (r *countingResource) Derived(name string) ([]byte, iter.Seq[[]byte]) {
	r.built++
	return r.resource.Derived(name)
}

// TestMembershipBuildsNoList: an equality on members or groups asks Contains, so that its cost does not depend on the
// size of the group.
func TestMembershipBuildsNoList(t *testing.T) {
	for _, filter := range []string{`groups.value eq "g1"`, `groups eq "g1"`, `groups[value eq "g1"]`,
		`not (groups.value eq "g9")`} {
		r := &countingResource{resource: sampleUser}
		if got, err := match(t, filter, schema.User(), r, Options{}); err != nil || !got || r.built > 0 {
			t.Errorf("%s: %v (%v), %d lists built", filter, got, err, r.built)
		}
	}
}
