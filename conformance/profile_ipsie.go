package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// ipsieChecks judge by the IPSIE profile of SCIM, which builds on the interop
// profile: AL1 for people who leave, AL2 for users and groups.
func ipsieChecks(level string) []check {
	one := func(name, list, needs string, run func(*probe)) check {
		return check{name: name, needs: needs, ids: ids(list), run: run}
	}
	if level == ProfileIPSIE2 {
		return []check{
			one("groups", "IPSIE-AL2-01 02", "filter User Group.members", ipsieGroups),
			one("members", "IPSIE-AL2-03 04", "patch User Group.members", ipsieMembers),
			one("bulk", "IPSIE-AL2-05", "", func(p *probe) {
				p.expect("IPSIE-AL2-05", p.s.svc.features["bulk"], p.s.svc.spc,
					"ServiceProviderConfig does not promise Bulk")
			}),
			one("paging", "IPSIE-AL2-06", "Group", func(p *probe) { p.walkAll("IPSIE-AL2-06", p.s.typ("Group")) }),
		}
	}
	return []check{
		one("interop", "IPSIE-AL1-01", "", func(p *probe) {
			p.expect("IPSIE-AL1-01", isTrue(p.s.svc.spc.at("interopProfileConformant")), p.s.svc.spc,
				"the server does not say that it keeps the interop profile")
		}),
		one("filters", "IPSIE-AL1-02", "filter User.emails.type", ipsieFilters),
		one("active", "IPSIE-AL1-03", "patch User.active", func(p *probe) {
			u := p.user("active", true)
			for _, on := range []bool{false, true} {
				r := p.patch(u, op("replace", "active", on))
				g := p.get(u.path)
				p.expect("IPSIE-AL1-03", r.ok() && g.status == 200 && g.at("active") == on, r,
					"PATCH of active to %v is answered %d; GET is then answered %d with active %s", on, r.status,
					g.status, text(g.at("active")))
			}
		}),
		one("names", "IPSIE-AL1-04", "User", func(p *probe) { p.deletesForGood("IPSIE-AL1-04") }),
		one("paging", "IPSIE-AL1-05", "User", func(p *probe) { p.walkAll("IPSIE-AL1-05", p.s.typ("User")) }),
		{name: "rate", alone: true, needs: "User", ids: ids("IPSIE-AL1-06"), run: ipsieRate},
		one("oauth", "IPSIE-AL1-07", "", ipsieOAuth),
		one("schema", "IPSIE-AL1-08", "User", func(p *probe) {
			p.expect("IPSIE-AL1-08", p.s.typ("User").has("emails.value"), p.s.svc.schs,
				"the schema of User has no emails")
			x := p.user()
			p.expect("IPSIE-AL1-08", same(x.body["externalId"], x.sent["externalId"]), x.made,
				"externalId %s is returned as %s", text(x.sent["externalId"]), text(x.body["externalId"]))
		}),
	}
}

func ipsieFilters(p *probe) {
	mail := p.unique() + "@example.com"
	u := p.user("emails", arr{obj{"value": mail, "type": "work", "primary": true}})
	for _, f := range []string{
		fmt.Sprintf(`userName eq "%s"`, u.sent["userName"]), fmt.Sprintf(`externalId eq "%s"`, u.sent["externalId"]),
		fmt.Sprintf(`emails[value eq "%s"]`, mail), fmt.Sprintf(`emails[type eq "work" and value eq "%s"]`, mail),
	} {
		found, r := p.search(u.typ, f)
		p.expect("IPSIE-AL1-02", slices.Equal(found, []string{u.id}), r, "%s is answered %d and finds %v", f, r.status,
			found)
	}
}

// ipsieRate sends 25 requests at once. A 429 is waited out, and what it looks
// like is for the observer of 429s.
func ipsieRate(p *probe) {
	u := p.user()
	answers := make([]*reply, 25)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { _ = guard(func() { answers[i] = p.get(u.path) }) })
	}
	wg.Wait()
	served := 0
	for _, r := range answers {
		if r != nil && r.status == 200 {
			served++
		}
	}
	p.expect("IPSIE-AL1-06", served == len(answers), answers[0], "of 25 requests at once %d are served", served)
}

func ipsieOAuth(p *probe) {
	const id = "IPSIE-AL1-07"
	u, err := url.Parse(p.s.target.URL)
	p.need(err == nil, "the URL cannot be parsed")
	r := p.send("GET", u.Scheme+"://"+u.Host+"/.well-known/oauth-authorization-server", nil, header("Accept",
		"application/json"))
	if !p.expect(id, r.status == 200 && str(r.at("token_endpoint")) != "", r,
		"the metadata of the authorization server (RFC 8414) are answered %d", r.status) {
		return
	}
	p.expect(id, hasString(r.at("grant_types_supported"), "client_credentials"), r, "grant_types_supported is %s",
		text(r.at("grant_types_supported")))
	p.expect(id, hasString(r.at("token_endpoint_auth_methods_supported"), "private_key_jwt"), r,
		"token_endpoint_auth_methods_supported is %s", text(r.at("token_endpoint_auth_methods_supported")))
	p.expect(id, hasString(r.at("scopes_supported"), "scim"), r, "scopes_supported is %s",
		text(r.at("scopes_supported")))
}

func ipsieGroups(p *probe) {
	u := p.user()
	name := p.unique()
	g := p.group("displayName", name, "members", arr{obj{"value": u.id}})
	for _, f := range []string{
		fmt.Sprintf(`displayName eq "%s"`, name), fmt.Sprintf(`externalId eq "%s"`, g.sent["externalId"]),
		fmt.Sprintf(`members[value eq "%s"]`, u.id),
	} {
		found, r := p.search(g.typ, f, "excludedAttributes", "members")
		p.expect("IPSIE-AL2-02", slices.Equal(found, []string{g.id}), r, "%s is answered %d and finds %v", f, r.status,
			found)
		p.expect("IPSIE-AL2-02", at(r.json, "Resources.0.members") == nil, r,
			"excludedAttributes=members shows the members")
	}
	if p.s.svc.features["patch"] {
		r := p.patch(g, op("replace", "displayName", name+"-2"))
		p.expect("IPSIE-AL2-01", r.ok() && str(p.read(g)["displayName"]) == name+"-2", r,
			"renaming a group is answered %d", r.status)
	}
	r := p.delete(g)
	p.expect("IPSIE-AL2-01", r.ok() && p.get(g.path).status == 404, r, "DELETE of a group is answered %d", r.status)
}

func ipsieMembers(p *probe) {
	g := p.group()
	var users []string
	adds := arr{}
	for range 50 {
		id := p.user().id
		users = append(users, id)
		adds = append(adds, op("add", "members", arr{obj{"value": id}}))
	}
	members := func() []string { return values(p.read(g)["members"]) }
	r := p.patch(g, adds...)
	p.expect("IPSIE-AL2-04", r.ok() && slices.Equal(members(), sortedStrings(users)), r,
		"50 operations in one PATCH are answered %d and leave %d members", r.status, len(members()))
	r = p.patch(g, op("remove", `members[value eq "`+users[0]+`"]`))
	p.expect("IPSIE-AL2-03", r.ok() && !slices.Contains(members(), users[0]), r, "removing a member is answered %d",
		r.status)
	r = p.patch(g, op("add", "members", arr{obj{"value": users[0]}}))
	p.expect("IPSIE-AL2-03", r.ok() && slices.Contains(members(), users[0]), r, "adding a member is answered %d",
		r.status)
	r = p.patch(g, op("remove", "members"))
	p.expect("IPSIE-AL2-03", r.ok() && len(members()) == 0, r, "removing all members is answered %d and leaves %d",
		r.status, len(members()))
}

// draft is the text that a client profile's requirement stands in, by the
// beginning of its id.
func draft(id string) Basis {
	switch {
	case strings.HasPrefix(id, "INTEROP-"):
		section := strings.Split(id, "-")[1]
		return Basis{Document: "draft-zollner-scim-interop-profile-01", Section: section, Place: section}
	case strings.HasPrefix(id, "IPSIE-"):
		return Basis{Document: "draft-schreiber-ipsie-scim-profile-00"}
	}
	return Basis{}
}
