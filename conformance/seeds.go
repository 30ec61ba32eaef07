package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// seeds are the users that the filter and sort checks look for. They are made
// once, never changed, and known by a letter.
type seeds struct {
	once sync.Once
	err  *stop
	tag  string          // starts every userName
	by   map[string]*res // by letter
	name map[string]string
}

// nasty is a title that needs every kind of escape.
const nasty = "q\"uo\\te é/ünï"

// seeded makes the seeds, or ends the check if they cannot be made.
func (p *probe) seeded() *seeds {
	sd := &p.s.seeds
	sd.once.Do(func() {
		defer func() {
			switch e := recover().(type) {
			case nil:
			case stop:
				sd.err = &e
			default:
				panic(e)
			}
		}()
		own := *p
		own.names = newNames("seeds")
		own.plant(sd)
	})
	if sd.err != nil {
		panic(stop{"the users to filter for could not be made: " + sd.err.reason, sd.err.cut, sd.err.root})
	}
	return sd
}

func (p *probe) plant(sd *seeds) {
	t := p.s.typ("User")
	sd.tag, sd.by, sd.name = p.unique()+"-", map[string]*res{}, map[string]string{}
	mail := func(local, kind string, primary bool) obj {
		e := obj{"value": sd.tag + local + "@example.com", "type": kind}
		if primary {
			e["primary"] = true
		}
		return e
	}
	bodies := []struct {
		letter, user string
		attrs        obj
	}{
		{"a", "anna", obj{"externalId": sd.tag + "Ext", "title": "alpha", "nickName": "Al", "active": true,
			"profileUrl": "https://example.com/" + sd.tag + "Anna",
			"name":       obj{"givenName": "Anna", "familyName": "O'Malley", "middleName": "Quinn"},
			"emails":     arr{mail("a1", "work", false), mail("z-home", "home", true)},
			"ims":        arr{obj{"value": "anna", "type": "xmpp"}}, "x509Certificates": arr{obj{"value": certificate()}}}},
		{"b", "Bjensen", obj{"externalId": sd.tag + "ext", "title": "Beta", "active": false,
			"name":   obj{"givenName": "Barbara", "familyName": "Jensen"},
			"emails": arr{mail("b1", "work", false), mail("b2", "other", false)}, "roles": arr{}}},
		{"c", "carl", obj{"externalId": sd.tag + "Cext", "name": obj{"givenName": "Carl", "familyName": "Carlsen"},
			"emails": arr{mail("c1", "home", false)}, "nickName": nil}},
		{"d", "Dora", obj{"externalId": sd.tag + "dext", "title": nasty, "displayName": "Dora",
			"name": obj{"givenName": "Dora", "familyName": "jensen"}, "emails": arr{mail("m-d1", "work", true)}}},
	}
	for i, b := range bodies {
		body := p.s.generate(t, p.unique(), false)
		for k, v := range b.attrs {
			if t.has(k) {
				body[k] = v
			}
		}
		body["userName"] = sd.tag + b.user
		if t.has(enterpriseURN+":department") && i < 2 {
			body[enterpriseURN] = obj{"department": "Dept " + b.letter}
			if i == 1 && t.has(enterpriseURN+":manager") {
				body[enterpriseURN].(obj)["manager"] = obj{"value": sd.by["a"].id}
			}
			body["schemas"] = arr{t.base.id, enterpriseURN}
		}
		x := p.create(t, body)
		sd.by[b.letter], sd.name[x.id] = x, b.letter
		p.s.target.sleep(pause) // so that their times differ
	}
}

// match asks a filter, narrowed to the seeds, and gives the letters it finds
// in order; "?" stands for any other resource. Where the server refuses, it
// gives the status and scimType instead.
func (p *probe) match(sd *seeds, filter string) (string, *reply) {
	return p.letters(sd, narrow(sd.tag, filter))
}

// narrow restricts a filter to the seeds, in the plainest way there is: what
// is wrong with parentheses is not to be found everywhere.
func narrow(tag, filter string) string {
	if strings.Contains(strings.ToLower(filter), " or ") {
		return fmt.Sprintf(`userName sw "%s" and (%s)`, tag, filter)
	}
	return fmt.Sprintf(`userName sw "%s" and %s`, tag, filter)
}

// letters asks a filter as it is.
func (p *probe) letters(sd *seeds, filter string, pairs ...string) (string, *reply) {
	found, r := p.search(p.s.typ("User"), filter, pairs...)
	if r.status != 200 {
		return strings.Trim(fmt.Sprintf("%d/%s", r.status, str(r.at("scimType"))), "/"), r
	}
	var out []string
	for _, id := range found {
		l := sd.name[id]
		if l == "" {
			l = "?"
		}
		out = append(out, l)
	}
	if !strings.Contains(strings.Join(pairs, " "), "sortBy") {
		slices.Sort(out)
	}
	return strings.Join(out, ""), r
}
