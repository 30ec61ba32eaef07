package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// oktaChecks are the recorded dialogues of Okta and its published test.
func oktaChecks() []check {
	return []check{
		{name: "spec-test", needs: "User", ids: ids("OKTA-01 02 04 20 21"), run: oktaSpecTest},
		{name: "spec-filter", needs: "filter User", ids: ids("OKTA-03 07"), run: func(p *probe) {
			u := p.user()
			r := p.get(u.typ.endpoint, "filter", `userName eq "`+p.unique()+`"`, "startIndex", "1", "count", "100")
			n, ok := integer(r.at("totalResults"))
			p.expect("OKTA-03", r.status == 200 && ok && n == 0, r,
				"an unknown userName is answered %d with totalResults %s", r.status, text(r.at("totalResults")))
			r = p.get(u.typ.endpoint, "filter", `userName eq "`+strings.ToUpper(str(u.sent["userName"]))+`"`)
			p.expect("OKTA-07", r.status == 200 && len(resources(r.json)) == 1, r,
				"userName in capitals is answered %d with %d users", r.status, len(resources(r.json)))
		}},
		{name: "user", needs: "User", ids: ids("OKTA-05 06 08 10 24"), run: oktaUser},
		{name: "deactivate", needs: "patch User.active", ids: ids("OKTA-09"), run: func(p *probe) {
			u := p.user("active", true)
			before := p.read(u)
			r := p.patch(u, op("replace", nil, obj{"active": false}))
			after := p.read(u)
			p.expect("OKTA-09", r.ok() && after["active"] == false && same(before["name"], after["name"]) &&
				same(before["userName"], after["userName"]), r,
				"a pathless replace of active is answered %d; then active is %s", r.status, text(after["active"]))
		}},
		{name: "group", needs: "User Group.members", ids: ids("OKTA-11 19 23"), run: oktaGroup},
		{name: "group-filter", needs: "filter Group", ids: ids("OKTA-12"), run: func(p *probe) {
			g := p.group()
			r := p.get(g.typ.endpoint, "filter", `displayName eq "`+str(g.sent["displayName"])+`"`, "startIndex", "1",
				"count", "100")
			found := resources(r.json)
			p.expect("OKTA-12", len(found) == 1 && str(found[0]["id"]) == g.id, r,
				"displayName eq is answered %d with %d groups", r.status, len(found))
		}},
		{name: "push", needs: "patch User Group.members", ids: ids("OKTA-13 14 15 16 17 18"), run: oktaPush},
		{name: "pages", needs: "User", alone: true, ids: ids("OKTA-22"), run: func(p *probe) {
			for range 8 { // more than one page, whatever is there
				p.user()
			}
			seen, total := map[string]int{}, 0
			for start := 1; start <= 2000; {
				r := p.get(p.s.typ("User").endpoint, "startIndex", fmt.Sprint(start), "count", "7")
				total, _ = integer(r.at("totalResults"))
				items := resources(r.json)
				for _, o := range items {
					seen[str(o["id"])]++
				}
				start += max(1, len(items))
				if start > total {
					break
				}
				if len(items) == 0 {
					p.expect("OKTA-22", false, r, "the page at startIndex=%d of %d is empty", start, total)
					return
				}
			}
			p.expect("OKTA-22", total > 2000 || len(seen) == total, nil, "pages by startIndex show %d of %d users",
				len(seen), total)
			for id, n := range seen {
				p.expect("OKTA-22", n == 1, nil, "user %s is on %d pages", id, n)
			}
		}},
		{name: "parallel", needs: "patch User Group.members", ids: ids("OKTA-25"), run: oktaParallel},
	}
}

func oktaSpecTest(p *probe) {
	u := p.user("active", true) // as Okta creates them
	t := u.typ
	r := p.get(t.endpoint, "count", "1", "startIndex", "1")
	ok := r.status == 200 && len(resources(r.json)) == 1 && hasString(r.at("schemas"), messageURN+"ListResponse")
	for _, k := range []string{"itemsPerPage", "startIndex", "totalResults"} {
		ok = ok && isInt(r.at(k))
	}
	p.expect("OKTA-01", ok, r, "the list of one is answered %d with itemsPerPage %s, startIndex %s, totalResults %s",
		r.status, text(r.at("itemsPerPage")), text(r.at("startIndex")), text(r.at("totalResults")))
	r = p.get(u.path)
	for _, k := range []string{"id", "userName", "active", "name.givenName", "name.familyName", "emails.0.value"} {
		if t.has(strings.Replace(k, ".0", "", 1)) || k == "id" {
			p.expect("OKTA-02", r.at(k) != nil, r, "%s is missing", k)
		}
	}
	isError := func(id string, r *reply, status int) {
		p.expect(id, r.status == status && hasString(r.at("schemas"), messageURN+"Error") &&
			statusText(r.at("status")) == fmt.Sprint(status) && str(r.at("detail")) != "", r,
			"expected a %d Error with detail, got %d", status, r.status)
	}
	isError("OKTA-04", p.get(t.endpoint+"/scimconform-no-such-id"), 404)
	if p.s.target.Auth.empty() || p.send("GET", t.endpoint, nil, query("count", "1"), as(Credentials{})).ok() {
		p.skip("OKTA-20", "the server answers without credentials")
	} else {
		isError("OKTA-20", p.send("GET", t.endpoint, nil, as(Credentials{Bearer: "x"})), 401)
	}
	if p.s.typ("Group") == nil {
		p.stop("there is no Group")
	}
	r = p.get(p.s.typ("Group").endpoint)
	if p.expect("OKTA-21", r.status == 200, r, "GET of the groups is answered %d", r.status) {
		p.note("OKTA-21", r, "GET of the groups takes %s; Okta waits 600 ms", r.took.Round(time.Millisecond))
	}
}

func oktaUser(p *probe) {
	t := p.s.typ("User")
	body := with(p.s.generate(t, p.unique(), false), "groups", arr{}, "password", "Okta-Sends-1!", "locale", "en-US",
		"active", true, "externalId", p.unique(), "displayName", "T")
	r := p.send("POST", t.endpoint, body, header("Content-Type", "application/scim+json; charset=utf-8"))
	p.expect("OKTA-24", r.status == 201, r, "POST with a charset is answered %d", r.status)
	if !p.expect("OKTA-05", r.status == 201 && r.at("userName") != nil && str(r.at("id")) != "", r,
		"POST with groups [] and a password is answered %d: %s", r.status, detail(r)) {
		return
	}
	u := &res{typ: t, id: str(r.at("id")), path: t.endpoint + "/" + str(r.at("id")), sent: body}
	r = p.send("POST", t.endpoint, body)
	p.expect("OKTA-06", r.status == 409 && hasString(r.at("schemas"), messageURN+"Error"), r,
		"the same POST again is answered %d", r.status)
	g := p.read(u)
	name, _ := clone(g["name"]).(obj)
	if name == nil {
		name = obj{}
	}
	name["givenName"] = "Changed"
	changed := with(g, "name", name, "groups", arr{})
	r = p.put(u, changed)
	p.expect("OKTA-08", r.status == 200 && str(r.at("name.givenName")) == "Changed", r,
		"PUT of the changed GET body is answered %d: %s", r.status, detail(r))
	r = p.put(u, with(changed, "active", false))
	off := p.get(u.path)
	again := p.put(u, with(changed, "active", true))
	p.expect("OKTA-10", r.ok() && off.status == 200 && off.at("active") == false && again.ok() &&
		isTrue(p.read(u)["active"]), off, "a deactivated user is answered %d with active %s; activating it again %d",
		off.status, text(off.at("active")), again.status)
}

func oktaGroup(p *probe) {
	t := p.s.typ("Group")
	body := with(p.s.generate(t, p.unique(), false), "members", arr{})
	r := p.send("POST", t.endpoint, body)
	if !p.expect("OKTA-11", r.status == 201, r, "a group with members [] is answered %d: %s", r.status, detail(r)) {
		return
	}
	g := &res{typ: t, id: str(r.at("id")), path: t.endpoint + "/" + str(r.at("id")), sent: body}
	u := p.user()
	r = p.put(g, with(body, "members", arr{obj{"value": u.id, "display": "x"}}))
	one := values(p.read(g)["members"])
	s := p.put(g, body)
	p.expect("OKTA-19", r.ok() && slices.Equal(one, []string{u.id}) && s.ok() && len(list(p.read(g)["members"])) == 0,
		r, "PUT with a member is answered %d and leaves %v; with [] %d", r.status, one, s.status)
	r = p.delete(g)
	p.expect("OKTA-23", r.came() == 204, r, "DELETE of a group is answered %d", r.came())
}

func oktaPush(p *probe) {
	a, b, c := p.user(), p.user(), p.user()
	g := p.group("members", arr{obj{"value": a.id}})
	has := func(want ...string) bool {
		return slices.Equal(values(p.read(g)["members"]), sortedStrings(want))
	}
	name := p.unique()
	r := p.patch(g, op("replace", nil, obj{"id": g.id, "displayName": name}))
	p.expect("OKTA-13", r.ok() && str(p.read(g)["displayName"]) == name && has(a.id), r,
		"rename with the id is answered %d: %s", r.status, detail(r))
	r = p.patch(g, op("remove", `members[value eq "`+a.id+`"]`), op("add", "members",
		arr{obj{"value": b.id, "display": "b@example.com"}}))
	p.expect("OKTA-14", r.ok() && has(b.id), r, "remove and add in one PATCH is answered %d; then members are %v",
		r.status, values(p.read(g)["members"]))
	r = p.patch(g, op("remove", `members[value eq "`+a.id+`"]`))
	p.expect("OKTA-15", r.ok(), r, "removing an absent member is answered %d", r.status)
	r = p.patch(g, op("replace", "members", arr{obj{"value": a.id, "display": "a"}, obj{"value": c.id,
		"display": "c"}}))
	p.expect("OKTA-16", r.ok() && has(a.id, c.id), r, "replacing the members is answered %d; then they are %v",
		r.status, values(p.read(g)["members"]))
	r = p.patch(g, op("replace", "members", arr{}))
	p.expect("OKTA-17", r.ok() && has(), r, "replacing the members by [] is answered %d; then they are %v", r.status,
		values(p.read(g)["members"]))
	r = p.patch(g, op("replace", nil, obj{"members": arr{obj{"value": b.id}}}))
	p.expect("OKTA-18", r.ok() && has(b.id), r, "replacing the members without path is answered %d; then they are %v",
		r.status, values(p.read(g)["members"]))
}

func oktaParallel(p *probe) {
	p.need(!p.s.target.plain, "the run sends nothing at the same time")
	g := p.group()
	var users []string
	for range 10 {
		users = append(users, p.user().id)
	}
	var wg sync.WaitGroup
	for _, id := range users {
		wg.Go(func() {
			defer func() {
				if e := recover(); e != nil {
					if _, ok := e.(stop); !ok {
						panic(e)
					}
				}
			}()
			p.patch(g, op("add", "members", arr{obj{"value": id}}))
		})
	}
	wg.Wait()
	got := values(p.read(g)["members"])
	p.expect("OKTA-25", slices.Equal(got, sortedStrings(users)), nil, "10 adds at once leave %d members", len(got))
}
