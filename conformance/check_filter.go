package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pause is what passes between two writes whose times must differ.
const pause = 20 * time.Millisecond

// A filterCase is a filter and the answers a requirement allows: the letters
// of the seeds it has to find ("" for none), or a refusal such as
// "400/invalidFilter". "TAG" in a filter stands for the seeds' common prefix,
// "ID-a" for the id of seed a.
type filterCase struct {
	id     string
	filter string
	want   []string
	needs  string // attribute paths of User, separated by blanks
	raw    bool   // not narrowed to the seeds
}

const badFilter = "400/invalidFilter"

func filterCases() []filterCase {
	c := func(id, filter, needs string, want ...string) filterCase {
		return filterCase{"R7644-3.4.2.2-" + id, filter, want, needs, false}
	}
	raw := func(id, filter, needs string, want ...string) filterCase {
		return filterCase{"R7644-3.4.2.2-" + id, filter, want, needs, true}
	}
	return []filterCase{
		raw("01", `userName sw "TAG"`, "", "abcd"),
		raw("01", `userName eq "TAGcarl"`, "", "c"),
		raw("02", `USERNAME eq "TAGcarl"`, "", "c"),
		raw("02", `USERNAME sw "TAG" and NAME.FamilyName eq "Carlsen"`, "name.familyName", "c"),
		c("03", `userName Eq "TAGcarl"`, "", "c"),
		raw("03", `userName EQ "TAGcarl" OR userName eQ "TAGanna"`, "", "ac"),
		raw("03", `userName sw "TAG" AND NOT (userName eq "TAGcarl")`, "", "abd"),
		c("03", `title PR`, "title", "abd"),
		raw("04", ``, "", badFilter),
		raw("04", `userName`, "", badFilter),
		raw("04", `userName eq`, "", badFilter),
		raw("04", `eq "x"`, "", badFilter),
		raw("04", `userName eq "x`, "", badFilter),
		raw("04", `(userName pr`, "", badFilter),
		raw("04", `userName eq "a" "b"`, "", badFilter),
		raw("04", `userName pr)`, "", badFilter),
		raw("04", `userName pr and`, "", badFilter),
		raw("04", `not title pr and (userName pr)`, "title", badFilter),
		raw("04", `userName eq x"y"`, "", badFilter),
		raw("04", `userName eq "\x"`, "", badFilter),
		raw("04", `emails[type eq "work"].value eq`, "emails.type", badFilter),
		raw("04", `(userName pr] and (title pr)`, "title", badFilter),
		raw("04", `emails[type eq "work") and emails[type pr]`, "emails.type", badFilter),
		raw("05", `userName regex "x"`, "", badFilter+"!"),
		raw("06", `userName eq "TAGanna" or userName eq "TAGcarl" and title pr`, "title", "a"),
		raw("06", `userName sw "TAG" and not (userName eq "TAGanna") and title pr`, "title", "bd"),
		raw("06", `not (userName eq "TAGanna") and userName eq "TAGcarl"`, "", "c"),
		raw("07", `(userName eq "TAGanna" or userName eq "TAGcarl") and title pr`, "title", "a"),
		raw("07", `(userName eq "TAGcarl" or userName eq "TAGanna") and not (title pr)`, "title", "c"),
		raw("08", `not (userName eq "TAGcarl") and userName sw "TAG"`, "", "abd"),
		raw("08", `not(userName eq "TAGcarl") and userName sw "TAG"`, "", "abd"),
		c("09", `title eq "q\"uo\\te \u00e9/ünï"`, "title", "d"),
		c("09", `title eq "q\"uo\\te é\/ünï"`, "title", "d"),
		raw("11", `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "TAG"`, "", "abcd"),
		raw("11", `URN:IETF:params:scim:schemas:core:2.0:user:username sw "TAG"`, "", "abcd"),
		c("12", `emails.value eq "TAGa1@example.com"`, "emails.value", "a"),
		c("12", `emails.value eq "TAGz-home@example.com"`, "emails.value", "a"),
		c("13", `name.familyName co "O'Malley"`, "name.familyName", "a"),
		c("13", `emails.type eq "work"`, "emails.type", "abd"),
		c("14", `emails.type eq "work" and emails.value eq "TAGz-home@example.com"`, "emails.type emails.value", "a"),
		c("15", `emails[type eq "work" and value eq "TAGz-home@example.com"]`, "emails.type emails.value", "",
			badFilter),
		c("15", `emails[type eq "home" and value eq "TAGz-home@example.com"]`, "emails.type emails.value", "a",
			badFilter),
		c("16", `emails[type eq "other" or (type eq "home" and value sw "TAGz")]`, "emails.type emails.value", "ab"),
		c("16", `emails[not (type eq "work")]`, "emails.type", "abc"),
		raw("16", `emails[type[value eq "x"]]`, "emails.type", badFilter),
		raw("16", `emails[emails[type eq "work"]]`, "emails.type", badFilter),
		c("16", `emails[TYPE eq "work" and VALUE sw "TAGa1"]`, "emails.type emails.value", "a"),
		c("17", `emails[type eq "other"] or ims[type eq "xmpp"]`, "emails.type ims.type", "ab"),
		c("17", `emails[type eq "work"] and not (title sw "alph")`, "emails.type title", "bd"),
		c("18", `emails co "TAGa1"`, "emails.value", "a", badFilter),
		c("20", `schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`, enterpriseURN+":department",
			"ab", badFilter),
		c("21", `scimconformNoSuch eq "x"`, "", "", badFilter),
		c("21", `name.scimconformNoSuch eq "x"`, "name", "", badFilter),
		c("30", `userName eq "TAGBJENSEN"`, "", "b"),
		c("30", `emails.value eq "TAGA1@EXAMPLE.COM"`, "emails.value", "a"),
		c("31", `externalId eq "TAGext"`, "", "b"),
		c("31", `externalId eq "TAGExt"`, "", "a"),
		c("31", `externalId eq "TAGEXT"`, "", ""),
		c("31", `meta.resourceType eq "user"`, "", "", badFilter),
		c("32", `userName ne "TAGBJENSEN"`, "", "acd"), c("32", `externalId ne "TAGext"`, "", "acd"),
		c("33", `userName co "JEN"`, "", "b"),
		c("33", `userName ew "SEN"`, "", "b"),
		c("33", `userName sw "TAGbj"`, "", "b"),
		c("33", `userName sw "TAGbjensen"`, "", "b"),
		c("33", `userName ew "TAGbjensen"`, "", "b"),
		c("33", `externalId sw "TAGE"`, "", "a"),
		c("33", `externalId co "Ext"`, "", "a"),
		c("33", `externalId ew "ext"`, "", "bcd"),
		c("33", `title sw "ph"`, "title", ""),
		c("33", `title ew "et"`, "title", ""),
		c("33", `title co "ph"`, "title", "a"),
		c("34", `title co ""`, "title", "abd"),
		c("34", `title sw ""`, "title", "abd"),
		c("34", `title ew ""`, "title", "abd"),
		c("35", `userName gt "TAGbjensen"`, "", "cd"),
		c("35", `userName ge "TAGbjensen"`, "", "bcd"),
		c("35", `userName lt "TAGBJENSEN"`, "", "a"),
		c("35", `userName le "TAGbjensen"`, "", "ab"),
		c("36", `active eq false`, "active", "b"),
		c("36", `userName eq "TAGanna" and active eq true`, "active", "a"),
		c("36", `active eq true and userName eq "TAGanna"`, "active", "a"),
		c("36", `userName eq "TAGbjensen" and active ne true`, "active", "b"),
		raw("37", `active gt false`, "active", badFilter+"!"), raw("37", `active le true`, "active", badFilter+"!"),
		raw("38", `x509Certificates.value gt "AA"`, "x509Certificates.value", badFilter+"!"),
		raw("38", `x509Certificates.value le "AA"`, "x509Certificates.value", badFilter+"!"),
		c("39", `x509Certificates.value eq "CERT"`, "x509Certificates.value", "a"),
		c("39", `x509Certificates.value eq "TREC"`, "x509Certificates.value", ""),
		c("40", `active co "t"`, "active", "", badFilter), c("40", `meta.created sw "20"`, "", "", badFilter),
		c("43", `meta.created gt "yesterday"`, "", badFilter, "400/invalidValue"),
		c("44", `profileUrl eq "https://example.com/TAGAnna"`, "profileUrl", "a"),
		c("44", `profileUrl eq "https://example.com/TAGANNA"`, "profileUrl", ""),
		c("45", `title pr`, "title", "abd"),
		c("45", `name pr`, "name", "abcd"),
		c("45", `emails pr`, "emails", "abcd"),
		c("45", enterpriseURN+`:manager pr`, enterpriseURN+":manager", "b"),
		c("46", `nickName pr`, "nickName", "a"), c("46", `roles pr`, "roles", ""), c("46", `ims pr`, "ims", "a"),
		raw("47", `not (title pr) and userName sw "TAG"`, "title", "c"),
		raw("47", `not (nickName pr) and userName sw "TAG"`, "nickName", "bcd"),
		c("48", `title eq null`, "title", "c", badFilter), c("48", `title ne null`, "title", "abd", badFilter),
		c("48", `ims.type ne null`, "ims.type", "a", badFilter),
		c("49", `name.middleName pr`, "name.middleName", "a"),
		c("49", `emails.primary pr`, "emails.primary", "ad", "abcd"),
		c("49", `emails.display pr`, "emails.display", ""),
		raw("50", `name eq "x"`, "name", badFilter),
		c("51", `active eq 1`, "active", "", badFilter, "400/invalidValue"),
		c("51", `userName eq 5`, "", "", badFilter, "400/invalidValue"),
		c("61", `meta.resourceType eq "User"`, "", "abcd"), c("61", `meta.resourceType eq "Group"`, "", ""),
		raw("63", `id eq "ID-a"`, "", "a"),
	}
}

func filterChecks() []check {
	out := []check{}
	for _, c := range filterCases() {
		i := slices.IndexFunc(out, func(o check) bool { return o.ids[0] == c.id })
		if i < 0 {
			id := c.id
			out = append(out, check{name: "case-" + strings.TrimPrefix(id, "R7644-3.4.2.2-"), needs: "filter User",
				ids: []string{id}, run: func(p *probe) { p.filterCases(id) }})
		}
	}
	return append(out, []check{
		{name: "errors-readable", needs: "filter User", ids: ids("R7644-3.4.2.2-05"), run: func(p *probe) {
			r := p.get(p.s.typ("User").endpoint, "filter", `userName regex "x"`)
			p.expect("R7644-3.4.2.2-05", str(r.at("detail")) != "", r,
				"the refusal of an unknown operator has no detail")
		}},
		{name: "urn-alone", needs: "filter User", ids: ids("R7644-3.4.2.2-21"), run: func(p *probe) {
			for _, f := range []string{enterpriseURN + " pr", enterpriseURN + `[department eq "scimconform"]`} {
				r := p.get(p.s.typ("User").endpoint, "filter", f, "count", "1")
				p.refused("R7644-3.4.2.2-21", r, "400/invalidFilter 200", "the filter "+f)
			}
		}},
		{name: "bare-word", needs: "filter User", ids: ids("R7644-3.4.2.2-10"), run: func(p *probe) {
			sd := p.seeded()
			got, r := p.letters(sd, "userName eq "+sd.tag+"carl")
			p.expect("R7644-3.4.2.2-10", got == "c" || p.found([]string{badFilter}, got, r), r, "a bare word gives %q",
				got)
		}},
		{name: "extension", needs: "filter User User." + enterpriseURN + ":department User." + enterpriseURN +
			":manager", ids: ids("R7644-3.10-01"), run: func(p *probe) {
			sd := p.seeded()
			p.matches("R7644-3.10-01", sd, enterpriseURN+`:department eq "Dept b"`, "b")
			p.matches("R7644-3.10-01", sd, strings.ToUpper(enterpriseURN)+`:DEPARTMENT eq "dept B"`, "b")
			p.matches("R7644-3.10-01", sd, enterpriseURN+`:manager.value eq "`+sd.by["a"].id+`"`, "b")
		}},
		{name: "defaults", needs: "filter User.active", ids: ids("R7644-3.4.2.2-19"), run: func(p *probe) {
			u := p.user()
			v := u.body["active"]
			p.need(v != nil, "the server gives active no default")
			found, r := p.search(u.typ, fmt.Sprintf(`id eq "%s" and active eq %v`, u.id, v))
			p.expect("R7644-3.4.2.2-19", slices.Equal(found, []string{u.id}), r,
				"the reply said active %v, the filter does not find it", v)
		}},
		{name: "encoding", needs: "filter User", ids: ids("R7644-3.4.2.2-22"), run: checkFilterEncoding},
		{name: "unicode", needs: "filter User", ids: ids("R7644-7.8-01"), run: func(p *probe) {
			name := p.unique() + "-\u00e9"
			u := p.user("userName", name)
			for _, form := range []string{name, strings.ReplaceAll(name, "\u00e9", "e\u0301")} {
				found, r := p.search(u.typ, fmt.Sprintf(`userName eq "%s"`, form))
				p.expect("R7644-7.8-01", slices.Equal(found, []string{u.id}), r, "userName eq %+q finds %v", form,
					found)
			}
		}},
		{name: "password", needs: "filter User.password", ids: ids("R7644-3.4.2.2-23 R7643-4.1.1-04"),
			run: checkFilterPassword},
		{name: "numbers", needs: "filter", each: true, ids: ids("R7644-3.4.2.2-41 51"), run: checkFilterNumbers},
		{name: "dateTimes", needs: "filter User", ids: ids("R7644-3.4.2.2-42 60"), run: checkFilterTimes},
		{name: "meta", needs: "filter User", ids: ids("R7644-3.4.2.2-62"), run: func(p *probe) {
			u := p.user()
			for _, k := range []string{"location", "version"} {
				if v := str(at(u.body, "meta", k)); v != "" {
					found, r := p.search(u.typ, fmt.Sprintf(`id eq "%s" and meta.%s eq %s`, u.id, k, text(v)))
					p.expect("R7644-3.4.2.2-62", slices.Equal(found, []string{u.id}), r, "meta.%s eq %s finds %v", k,
						text(v), found)
					found, r = p.search(u.typ, fmt.Sprintf(`id eq "%s" and meta.%s eq %s`, u.id, k, text(v+"X")))
					p.expect("R7644-3.4.2.2-62", len(found) == 0, r, "meta.%s eq another value finds %v", k, found)
				}
			}
		}},
		{name: "members", needs: "filter User Group.members", ids: ids("R7644-3.4.2.2-64"), run: func(p *probe) {
			u, name := p.user(), p.unique()+"-Team"
			g := p.group("displayName", name, "members", arr{obj{"value": u.id}})
			p.group()
			for _, f := range []string{`members.value eq "` + u.id + `"`, `members[value eq "` + u.id + `"]`,
				`displayName eq "` + strings.ToUpper(name) + `"`} {
				found, r := p.search(g.typ, f)
				p.expect("R7644-3.4.2.2-64", slices.Equal(found, []string{g.id}), r, "%s finds %v (status %d)", f,
					found, r.status)
			}
		}},
		{name: "groups", needs: "filter User.groups.value Group.members", ids: ids("R7644-3.4.2.2-65"),
			run: func(p *probe) {
				u := p.user()
				g := p.group("members", arr{obj{"value": u.id}})
				p.need(element(p.read(u)["groups"], "value", g.id) != nil, "users do not show their groups")
				found, r := p.search(u.typ, `groups.value eq "`+g.id+`"`)
				p.expect("R7644-3.4.2.2-65", slices.Equal(found, []string{u.id}), r,
					"groups.value eq finds %v (status %d)", found, r.status)
			}},
	}...)
}

// matches expects a narrowed filter to find exactly some seeds, or one of the
// allowed refusals.
func (p *probe) matches(id string, sd *seeds, filter string, want ...string) {
	got, r := p.match(sd, filter)
	p.expect(id, p.found(want, got, r), r, "%s gives %q, expected %s", filter, got, quoted(want))
}

// found reports whether what a filter gave is wanted: the letters of the seeds,
// or a refusal. As everywhere, a refusal without scimType will do unless "!"
// demands one.
func (p *probe) found(want []string, got string, r *reply) bool {
	for _, w := range want {
		if w == got {
			return true
		}
		if strings.HasPrefix(w, "400") && r.status >= 400 {
			p.s.judgeType(p.check.name, r, w)
			if answers(r, w) {
				return true
			}
		}
	}
	return false
}

func quoted(want []string) string {
	var out []string
	for _, w := range want {
		out = append(out, fmt.Sprintf("%q", strings.TrimSuffix(w, "!")))
	}
	return strings.Join(out, " or ")
}

// filterCases runs all cases of one requirement.
func (p *probe) filterCases(id string) {
	sd := p.seeded()
	t := p.s.typ("User")
	fill := strings.NewReplacer("TAG", sd.tag, "ID-a", sd.by["a"].id, "CERT", certificate(), "TREC",
		flip(certificate()))
	missing := ""
	for _, c := range filterCases() {
		if c.id != id {
			continue
		}
		if lack := t.lacks(c.needs); lack != "" {
			missing = lack
			continue
		}
		filter := fill.Replace(c.filter)
		ask := p.match
		if c.raw {
			ask = func(sd *seeds, f string) (string, *reply) { return p.letters(sd, f) }
		}
		got, r := ask(sd, filter)
		p.expect(id, p.found(c.want, got, r), r, "%s gives %q, expected %s", excerpt(filter, 200), got, quoted(c.want))
	}
	p.stop("the schema of User has no %s", missing)
}

// lacks names the first of some attribute paths the type does not have.
func (t *resourceType) lacks(paths string) string {
	for _, path := range strings.Fields(paths) {
		if !t.has(path) {
			return path
		}
	}
	return ""
}

// flip turns the case of the last letter.
func flip(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		if c := b[i] | 0x20; c >= 'a' && c <= 'z' {
			b[i] ^= 0x20
			break
		}
	}
	return string(b)
}

func checkFilterEncoding(p *probe) {
	const id = "R7644-3.4.2.2-22"
	name := p.unique() + "+plus"
	u := p.user("userName", name)
	for _, raw := range []string{
		`userName%20eq%20%22` + strings.ReplaceAll(name, "+", "%2B") + `%22`,
		`userName+eq+%22` + strings.ReplaceAll(name, "+", "%2B") + `%22`,
	} {
		r := p.get(u.typ.endpoint + "?filter=" + raw)
		ok := r.status == 200 && len(resources(r.json)) == 1 && str(resources(r.json)[0]["id"]) == u.id
		p.expect(id, ok, r, "filter=%s is answered %d with %d resources", raw, r.status, len(resources(r.json)))
	}
}

func checkFilterPassword(p *probe) {
	const secret = "Correct-Horse-43!"
	u := p.user("password", secret)
	narrow := fmt.Sprintf(`id eq "%s" and password `, u.id)
	for _, f := range []string{`sw "C"`, `co "Horse"`, `pr`, `gt "A"`} {
		r := p.get(u.typ.endpoint, "filter", narrow+f)
		ok := r.status == 400 || r.status == 403 || r.status == 200 && len(resources(r.json)) == 0
		p.expect("R7644-3.4.2.2-23", ok, r, "password %s discloses that it matches", f)
	}
	r := p.get(u.typ.endpoint, "filter", narrow+text2(secret))
	if r.status >= 400 {
		p.expect("R7643-4.1.1-04", r.status == 403 || str(r.at("scimType")) == "invalidFilter", r,
			"password eq is refused %d/%s; 400/invalidFilter is the way", r.status, text(r.at("scimType")))
		return
	}
	p.note("R7643-4.1.1-04", r, "password eq is answered %d with %d resources", r.status, len(resources(r.json)))
}

func text2(secret string) string { return "eq " + text(secret) }

func checkFilterNumbers(p *probe) {
	const id = "R7644-3.4.2.2-41"
	f, ok := p.typ.find(func(f field) bool {
		return (f.typ == "integer" || f.typ == "decimal") && !f.multi && f.parent == nil && f.mutability == "readWrite"
	})
	p.need(ok, "no selected type has a number that can be set")
	body := p.s.generate(p.typ, p.unique(), false)
	f.set(body, json.Number("10"))
	x := p.create(p.typ, body)
	for filter, want := range sorted(map[string]int{"eq 10": 1, "gt 9": 1, "lt 9": 0, "ge 10": 1, "le 10": 1,
		"gt 10": 0}) {
		found, r := p.search(p.typ, fmt.Sprintf(`id eq "%s" and %s %s`, x.id, f.path(), filter))
		p.expect(id, len(found) == want && r.status == 200, r, "%s is 10; %s %s finds %d (status %d)", f.path(),
			f.path(), filter, len(found), r.status)
	}
	for _, filter := range []string{`gt "x"`, `co 1`} { // open, but for a crash
		found, r := p.search(p.typ, fmt.Sprintf(`id eq "%s" and %s %s`, x.id, f.path(), filter))
		p.expect("R7644-3.4.2.2-51", r.status == 400 || r.status == 200 && len(found) == 0, r,
			"%s, a number, %s is answered %d with %d resources", f.path(), filter, r.status, len(found))
	}
}

func checkFilterTimes(p *probe) {
	sd := p.seeded()
	created, ok := parseTime(at(sd.by["b"].body, "meta", "created"))
	p.need(ok, "meta.created cannot be parsed")
	if first, _ := parseTime(at(sd.by["a"].body, "meta", "created")); !first.Before(created) {
		p.stop("the server's clock does not tell two users apart that were made one after the other")
	}
	form := func(t time.Time) string { return t.Format("2006-01-02T15:04:05.999999999Z07:00") }
	utc, east := form(created.UTC()), form(created.In(time.FixedZone("", 2*3600)))
	p.matches("R7644-3.4.2.2-42", sd, `meta.created le "`+east+`"`, "ab")
	p.matches("R7644-3.4.2.2-42", sd, `meta.created gt "`+east+`"`, "cd")
	for k, want := range sorted(map[string]string{"gt": "cd", "ge": "bcd", "lt": "a", "le": "ab"}) {
		p.matches("R7644-3.4.2.2-60", sd, `meta.created `+k+` "`+utc+`"`, want)
	}
	modified := str(at(sd.by["c"].body, "meta", "lastModified"))
	p.matches("R7644-3.4.2.2-60", sd, `meta.lastModified ge "`+modified+`"`, "cd")
	p.matches("R7644-3.4.2.2-60", sd, `meta.lastModified eq "`+modified+`"`, "c")
}
