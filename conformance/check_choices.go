package conformance

import (
	"net/http"
	"strings"
)

// choose records what a server does where the RFCs leave it open: nothing but
// a pass if it is the recommended choice, else what it does instead.
func (p *probe) choose(id string, chosen bool, r *reply, format string, args ...any) {
	p.expect(id, chosen, r, format, args...)
}

func choiceChecks() []check {
	one := func(id, needs string, run func(p *probe, id string)) check {
		return check{name: strings.ToLower(id), needs: needs, ids: []string{id}, run: func(p *probe) { run(p, id) }}
	}
	create := func(p *probe, pairs ...any) *reply {
		t := p.s.typ("User")
		return p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), pairs...))
	}
	return append([]check{
		one("B-01", "", func(p *probe, id string) {
			r := p.get(schPath, "count", "1")
			p.choose(id, len(resources(r.json)) == len(resources(p.s.svc.schs.json)), r,
				"count=1 on /Schemas gives %d", len(resources(r.json)))
		}),
		one("B-02", "User", func(p *probe, id string) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, without(p.s.generate(t, p.unique(), false), "schemas"))
			p.choose(id, got(r) == "400/invalidSyntax", r, "a body without schemas is answered %s", got(r))
		}),
		one("B-03", "User", func(p *probe, id string) {
			r := create(p, "scimconformUnknown", "x")
			p.choose(id, r.status == 201, r, "an unknown attribute is answered %s", got(r))
		}),
		one("B-04", "filter User", func(p *probe, id string) {
			r := p.get(p.s.typ("User").endpoint, "filter", `userName eq "`+p.unique()+`"`)
			_, ok := r.at("Resources").(arr)
			p.choose(id, ok, r, "an empty result has Resources %s", text(r.at("Resources")))
		}),
		one("B-05", "filter User", func(p *probe, id string) {
			sd := p.seeded()
			l, r := p.letters(sd, "userName eq "+sd.tag+"carl")
			p.choose(id, l == "c", r, "a bare word gives %q", l)
		}),
		one("B-06", "filter User", func(p *probe, id string) {
			r := p.get(p.s.typ("User").endpoint, "filter", `scimconformNoSuch eq "x"`)
			p.choose(id, got(r) == badFilter, r, "an unknown attribute in a filter is answered %s", got(r))
		}),
		one("B-07", "filter User.title User.emails.type", func(p *probe, id string) {
			sd := p.seeded()
			l, r := p.match(sd, `title ne "alpha"`)
			p.choose(id, l == "bcd", r, "title ne on assigned and unassigned titles finds %q", l)
			l, r = p.match(sd, `emails.type ne "work"`)
			p.choose(id, l == "abc", r, "emails.type ne finds %q", l)
		}),
		one("B-08", "filter User.active", func(p *probe, id string) {
			sd := p.seeded()
			l, r := p.match(sd, `active eq "false"`)
			p.choose(id, l == "b" || l == badFilter, r, "active eq with a string gives %q", l)
		}),
		one("B-09", "User", func(p *probe, id string) {
			r := p.get(p.s.typ("User").endpoint, "attributes", "userName", "excludedAttributes", "name", "count", "1")
			p.choose(id, got(r) == "400/invalidValue", r, "attributes and excludedAttributes together are answered %s",
				got(r))
		}),
		one("B-10", "User", func(p *probe, id string) {
			a, b := p.user(), p.user()
			r := p.put(b, with(b.sent, "userName", a.sent["userName"]))
			p.choose(id, got(r) == "409/uniqueness", r, "PUT of a taken userName is answered %s", got(r))
		}),
		one("B-11", "patch User User."+enterpriseURN+":department", func(p *probe, id string) {
			u := p.user(enterpriseURN, obj{"department": "D"}, "schemas", arr{userURN, enterpriseURN})
			p.patch(u, op("remove", enterpriseURN+":department"))
			o := p.read(u)
			_, there := o[enterpriseURN]
			p.choose(id, !there && !hasString(o["schemas"], enterpriseURN), nil,
				"an emptied extension leaves %s and schemas %s", text(o[enterpriseURN]), text(o["schemas"]))
		}),
		one("B-12", "patch User.emails.type", func(p *probe, id string) {
			u := p.user()
			r := p.patch(u, op("replace", "scimconformNoSuch", "x"))
			p.choose(id, got(r) == "400/invalidPath", r, "a path outside the schemas is answered %s", got(r))
		}),
		one("B-13", "patch User.emails.type", func(p *probe, id string) {
			u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "home"}})
			r := p.patch(u, op("add", `emails[type eq "work"].value`, p.unique()+"@example.com"))
			p.choose(id, r.ok() && element(p.read(u)["emails"], "type", "work") != nil, r,
				"add with a value path without match is answered %s", got(r))
		}),
		one("B-14", "patch User.emails.type", func(p *probe, id string) {
			u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "home"}})
			r := p.patch(u, op("remove", `emails[type eq "work"]`))
			p.choose(id, r.ok(), r, "remove with a value path without match is answered %s", got(r))
		}),
		one("B-15", "patch User.emails.display", func(p *probe, id string) {
			u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "work", "display": "old"}})
			r := p.patch(u, op("replace", `emails[type eq "work"]`, obj{"value": p.unique() + "@example.com",
				"type": "work"}))
			p.choose(id, r.ok() && at(p.read(u), "emails.0.display") == nil, r,
				"replace of an element by an object is answered %s and keeps its other sub-attributes", got(r))
		}),
		one("B-16", "patch User.displayName", func(p *probe, id string) {
			u := p.user()
			r := p.patch(u, op("replace", nil, obj{"id": u.id, "displayName": "echo"}))
			s := p.patch(u, op("replace", nil, obj{"id": "scimconform-own", "displayName": "echo 2"}))
			p.choose(id, r.ok() && got(s) == "400/mutability", s,
				"a pathless replace with the same id is answered %s, with another %s", got(r), got(s))
		}),
		one("B-17", "etag User", func(p *probe, id string) {
			u := p.user()
			tag := strings.TrimPrefix(u.made.header.Get("ETag"), "W/")
			r := p.put(u, u.sent, header("If-Match", "W/"+tag))
			p.choose(id, r.ok(), r, "If-Match with the tag in its weak form is answered %s", got(r))
			r = p.put(u, u.sent, header("If-Match", `"scimconform"`))
			p.choose(id, r.status == 412, r, "a version mismatch is answered %s", got(r))
		}),
		one("B-18", "sort User", func(p *probe, id string) {
			l, r := p.letters(p.seeded(), p.tagFilter(), "sortBy", "userName")
			p.choose(id, l == "abcd", r, "sorted by userName the seeds are %q", l)
		}),
		one("B-19", "User", func(p *probe, id string) {
			r := p.get(p.user().path, "attributes", "userName")
			p.choose(id, r.at("schemas") != nil && r.at("meta") == nil, r, "attributes=userName gives %v", keys(r.json))
		}),
	}, moreChoices(one, create)...)
}

func moreChoices(one func(string, string, func(*probe, string)) check, create func(*probe, ...any) *reply) []check {
	return []check{
		one("B-21", "User.active", func(p *probe, id string) {
			u := p.user("active", true)
			r := p.put(u, without(u.sent, "active"))
			p.note(id, r, "active on creation without it is %s; left out in PUT it is then %s",
				text(p.user().body["active"]), text(p.read(u)["active"]))
		}),
		one("B-22", "patch User.displayName", func(p *probe, id string) {
			u := p.user()
			r := p.patch(u, op("replace", "displayName", "reply"))
			s := p.send("PATCH", u.path, patchOp(op("replace", "displayName", "reply 2")), header("Prefer",
				"return=minimal"))
			p.choose(id, r.status == 200 && s.status == 204, r, "PATCH is answered %d, with Prefer: return=minimal %d",
				r.status, s.status)
		}),
		one("B-23", "User Group.members", func(p *probe, id string) {
			u := p.user()
			g := p.group("members", arr{obj{"value": u.id}})
			p.delete(u)
			p.choose(id, len(list(p.read(g)["members"])) == 0, nil, "a deleted user is a member still")
		}),
		one("B-24", "User", func(p *probe, id string) {
			r := create(p, "externalId", strings.Repeat("x", 8<<20))
			p.choose(id, r.status == http.StatusRequestEntityTooLarge, r, "a body of 8 MB is answered %s", got(r))
		}),
		one("B-25", "cursor filter User", func(p *probe, id string) {
			r, _ := p.cursorPage("", "count", "-1")
			p.choose(id, r.status == 200, r, "a negative count with a cursor is answered %s", got(r))
		}),
		one("B-26", "cursor User", func(p *probe, id string) {
			r := p.get(p.s.typ("User").endpoint, "cursor", "", "count", "100000")
			p.choose(id, r.status == 200, r, "a count above maxPageSize is answered %s", got(r))
		}),
		one("B-27", "cursor index filter User", func(p *probe, id string) {
			a, _ := p.cursorPage("", "count", "1")
			b, _ := p.cursorPage("-", "startIndex", "1", "count", "1")
			p.choose(id, a.at("startIndex") == nil && b.at("nextCursor") == nil, a,
				"a cursor page has startIndex %s, an index page nextCursor %s", text(a.at("startIndex")),
				text(b.at("nextCursor")))
		}),
		one("B-28", "cursor filter User", func(p *probe, id string) {
			r, _ := p.cursorPage("", "startIndex", "2")
			p.choose(id, got(r) == "400/invalidValue", r, "cursor and startIndex together are answered %s", got(r))
		}),
		one("B-29", "securityEvents events User.active", func(p *probe, id string) {
			st := p.story()
			for _, e := range st.events {
				if o := e.payload("prov:patch:full"); o != nil {
					p.choose(id, at(o, "data", "Operations") != nil, st.poll, "data of prov:patch:full is %s",
						excerpt(text(o["data"]), 200))
				}
				if o := e.payload("prov:put:full"); o != nil {
					p.choose(id, at(o, "data", "id") != nil, st.poll, "data of prov:put:full is %s",
						excerpt(text(o["data"]), 200))
				}
			}
			p.stop("no full event of a patch or put came")
		}),
		one("B-30", "securityEvents events User.active", func(p *probe, id string) {
			st := p.story()
			for _, e := range st.events {
				for _, name := range []string{"prov:activate", "prov:deactivate"} {
					if e.has(name) {
						p.choose(id, len(e.payload(name)) == 0, st.poll, "the payload of %s is %s", name,
							text(e.payload(name)))
					}
				}
			}
			p.stop("no activate or deactivate came")
		}),
		one("B-32", "async User", func(p *probe, id string) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), async)
			p.choose(id, r.status == 202 && len(decodeSETs(p.get(p.s.absolute(r.header.Get("Location"))))) == 1, r,
				"the Location of a 202 to POST is %q", r.header.Get("Location"))
		}),
		one("B-33", "Group", func(p *probe, id string) {
			name := p.unique()
			p.group("displayName", name)
			t := p.s.typ("Group")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "displayName", name))
			p.choose(id, r.status == 201, r, "a second Group of one displayName is answered %s", got(r))
		}),
	}
}
