package conformance

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

var registeredEvents = strings.Fields(`feed:add feed:remove prov:create:notice prov:create:full prov:patch:notice
	prov:patch:full
	prov:put:notice prov:put:full prov:delete prov:activate prov:deactivate misc:asyncresp`)

// A story is what a check did with one user, and the events it caused.
type story struct {
	once     sync.Once
	err      *stop
	user     *res
	versions []string // ETags in the order of the changes
	full     obj      // GET right after the creation
	events   []securityEvent
	others   []securityEvent // of other resources
	poll     *reply
}

const eventSecret = "Correct-Horse-45!"

// events makes, changes and deletes a user and collects the events about it.
func (p *probe) story() *story {
	st := &p.s.story
	st.once.Do(func() {
		defer func() {
			switch e := recover().(type) {
			case nil:
			case stop:
				st.err = &e
			default:
				panic(e)
			}
		}()
		p.tell(st)
	})
	if st.err != nil {
		panic(*st.err)
	}
	p.need(len(st.events) > 0, "no event about the suite's user came from the stream")
	return st
}

func (p *probe) tell(st *story) {
	p.drain()
	pairs := []any{"displayName", "Event", "externalId", p.unique()}
	if p.s.typ("User").has("password") {
		pairs = append(pairs, "password", eventSecret)
	}
	u := p.user(pairs...)
	st.user, st.full = u, p.read(u)
	version := func() { st.versions = append(st.versions, p.get(u.path).header.Get("ETag")) }
	version()
	p.put(u, with(u.sent, "displayName", "Event put"))
	version()
	if p.s.svc.features["patch"] {
		ops := arr{op("replace", "displayName", "Event patch"), op("replace", "name.givenName", "Eve")}
		if u.typ.has("password") {
			ops = append(ops, op("replace", "password", eventSecret), op("replace", nil, obj{"password": eventSecret}),
				op("replace", "PASSWORD", eventSecret), op("replace", nil, obj{"PassWord": eventSecret}))
		}
		p.patch(u, ops...)
		version()
		p.patch(u, op("replace", "active", false))
		version()
		p.patch(u, op("replace", "active", true))
		version()
	}
	p.delete(u)
	for range 10 {
		for _, e := range p.drain() {
			if e.uri() == u.path || strings.HasSuffix(e.uri(), u.path) {
				st.events = append(st.events, e)
			} else {
				st.others = append(st.others, e)
			}
		}
		st.poll = p.polled
		if slices.ContainsFunc(st.events, func(e securityEvent) bool { return e.has("prov:delete") }) {
			return
		}
		p.s.target.sleep(500 * time.Millisecond)
	}
}

// drain polls the stream until it is empty, acknowledging what came.
func (p *probe) drain() []securityEvent {
	var out []securityEvent
	acks := arr{}
	for range 100 {
		r := p.send("POST", p.s.target.EventsURL, obj{"returnImmediately": true, "maxEvents": 500, "ack": acks},
			header("Content-Type", "application/json"), header("Accept", "application/json"))
		p.must(r.status == 200, "the poll URL for events is answered %d", r.status)
		sets, _ := r.at("sets").(obj)
		acks = arr{}
		for jti := range sets {
			acks = append(acks, jti)
		}
		if len(sets) == 0 {
			return out
		}
		p.polled = r
		out = append(out, decodeSETs(r)...)
	}
	return out
}

// streamChecks read a stream by polling (RFC 8936).
func streamChecks() []check {
	one := func(name, list string, run func(p *probe, st *story)) check {
		return check{name: name, needs: "securityEvents events User.active", ids: ids(list),
			run: func(p *probe) { run(p, p.story()) }}
	}
	return []check{
		one("stream-form", "R9967-2-01 R9967-2.1-01 02 03 04 05 06 R9967-2.2-01 02 04 R9967-4-06 R9967-7.4-01 "+
			"R9967-5-04", checkStreamForm),
		one("stream-feed", "R9967-2.3.1-01 R9967-2.3.2-01", func(p *probe, st *story) {
			for id, name := range sorted(map[string]string{"R9967-2.3.1-01": "feed:add",
				"R9967-2.3.2-01": "feed:remove"}) {
				found := false
				for _, e := range st.events {
					if e.has(name) {
						found = true
						p.expect(id, len(e.payload(name)) == 0 && e.payload(name) != nil, st.poll,
							"the payload of %s is %s", name, text(e.events()[eventURN+name]))
					}
				}
				if !found {
					p.skip(id, "no "+name+" came")
				}
			}
		}),
		one("stream-changes", "R9967-2.4-01 02 03 R9967-2.2-03 R9967-2.4.1-01 R9967-2.4.2-01 R9967-2.4.3-01",
			checkStreamChanges),
		one("stream-ends", "R9967-2.4.4-01 02 R9967-2.4.5-01 R9967-2.4.6-01", func(p *probe, st *story) {
			for _, e := range st.events {
				if e.has("prov:delete") {
					p.expect("R9967-2.4.4-01", e.payload("prov:delete") != nil && len(e.payload("prov:delete")) == 0,
						st.poll, "the payload of prov:delete is %s", text(e.events()[eventURN+"prov:delete"]))
					p.expect("R9967-2.4.4-02", !e.has("feed:remove"), st.poll, "a delete sends feed:remove")
				}
				for name := range e.events() {
					p.expect("R9967-2.4.4-01", !strings.HasPrefix(name, eventURN+"prov:delete:"), st.poll,
						"a delete is announced as %s", name)
				}
			}
			for id, name := range sorted(map[string]string{"R9967-2.4.5-01": "prov:activate",
				"R9967-2.4.6-01": "prov:deactivate"}) {
				came := slices.ContainsFunc(st.events, func(e securityEvent) bool { return e.has(name) })
				p.expect(id, came, st.poll, "PATCH of active sent no %s", name)
			}
		}),
		one("stream-transport", "R9967-5-02 03", func(p *probe, st *story) {
			u, _ := url.Parse(p.s.target.EventsURL)
			if local := u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127."); local ||
				p.s.target.Transport != nil {
				p.skip("R9967-5-02", "the stream is on the loopback interface")
			} else {
				p.expect("R9967-5-02", u.Scheme == "https", st.poll, "the poll URL is not https")
			}
			r := p.send("POST", p.s.target.EventsURL, obj{"returnImmediately": true}, as(Credentials{}))
			p.expect("R9967-5-03", r.failed(), r, "polling without credentials is answered %d", r.status)
			if p.s.target.Other != nil {
				p.user()
				r = p.send("POST", p.s.target.EventsURL, obj{"returnImmediately": true}, as(p.s.target.Other.Auth))
				foreign := slices.ContainsFunc(decodeSETs(r), func(e securityEvent) bool { return p.get(e.uri()).ok() })
				p.expect("R9967-5-03", !foreign, r, "another tenant's credentials read events of this one")
			}
		}),
	}
}

func checkStreamForm(p *probe, st *story) {
	r := st.poll
	known := map[string]bool{}
	for _, u := range list(p.s.svc.spc.at("securityEvents", "eventUris")) {
		known[str(u)] = true
	}
	jtis, txnJTIs := map[string]bool{}, map[string]int{}
	for _, e := range st.events {
		ok := len(e.events()) > 0
		for name, payload := range e.events() {
			_, isObject := payload.(obj)
			ok = ok && isObject
			if short, in := strings.CutPrefix(name, eventURN); in {
				p.expect("R9967-7.4-01", slices.Contains(registeredEvents, short), r, "%s is not registered", name)
				p.expect("R9967-4-06", len(known) == 0 || known[name], r, "%s is not in eventUris", name)
			}
			if v := at(payload, "version"); v != nil && st.versions[0] != "" {
				p.expect("R9967-2.2-04", slices.Contains(st.versions, str(v)), r, "version %s is not among the ETags %v",
					text(v), st.versions)
			}
		}
		p.expect("R9967-2-01", ok, r, "events is %s", text(e.claims["events"]))
		p.judgeSubject(r, e)
		p.expect("R9967-2.1-04", e.uri() == st.user.path, r, "sub_id.uri is %q, relative to the base URI it is %q",
			e.uri(), st.user.path)
		for _, k := range []string{"id", "externalId"} {
			if v := at(e.claims, "sub_id", k); v != nil {
				p.expect("R9967-2.1-05", same(v, st.full[k]), r, "sub_id.%s is %s, the resource's is %s", k, text(v),
					text(st.full[k]))
			}
		}
		p.expect("R9967-2.2-01", e.txn() != "", r, "an event has no txn")
		jti := str(e.claims["jti"])
		p.expect("R9967-2.2-02", jti != "" && !jtis[jti], r, "jti %q is missing or is used twice", jti)
		jtis[jti] = true
		txnJTIs[e.txn()]++
		p.expect("R9967-5-04", e.alg != "" && !strings.EqualFold(e.alg, "none"), r, "alg is %q", e.alg)
	}
	for _, e := range st.events {
		if e.has("prov:create:notice") && slices.ContainsFunc(st.events,
			func(f securityEvent) bool { return f.has("prov:create:full") }) {
			p.expect("R9967-2.2-02", txnJTIs[e.txn()] > 1, r, "notice and full of one creation have different txn")
		}
	}
	for _, e := range st.others {
		p.expect("R9967-2.1-06", len(e.events()) > 0 && e.uri() != st.user.path, r,
			"an event is about several resources")
	}
	for _, e := range st.events {
		named := map[string]bool{}
		for name, payload := range e.events() {
			kind := strings.Split(strings.TrimPrefix(name, eventURN), ":")
			if kind[0] == "prov" && (kind[1] == "create" || kind[1] == "put" || kind[1] == "delete") {
				named[kind[1]] = true
			}
			if id := str(at(payload, "data", "id")); id != "" {
				p.expect("R9967-2.1-06", id == st.user.id, r, "one SET is about %s and about %s", st.user.id, id)
			}
		}
		p.expect("R9967-2.1-06", len(named) < 2, r, "one SET tells several changes: %s", text(e.events()))
	}
	if !p.touched["R9967-2.2-04"] {
		p.skip("R9967-2.2-04", "no event carries a version")
	}
	if !p.touched["R9967-2.1-05"] {
		p.skip("R9967-2.1-05", "sub_id has no further members")
	}
}

func checkStreamChanges(p *probe, st *story) {
	r := st.poll
	full := map[string]string{}
	for _, e := range st.events {
		for name, payload := range e.events() {
			full[strings.TrimPrefix(name, eventURN)] += text(at(payload, "data"))
		}
	}
	for verb, id := range sorted(map[string]string{"patch": "R9967-2.4.2-01", "put": "R9967-2.4.3-01"}) {
		data := full["prov:"+verb+":full"]
		p.expect(id, data == "" || strings.Contains(data, "Event "+verb), r,
			"the displayName %q is not in the data of prov:%s:full: %s", "Event "+verb, verb, excerpt(data, 200))
	}
	for _, e := range st.events {
		for name, payload := range e.events() {
			kind, ok := strings.CutPrefix(name, eventURN+"prov:")
			verb, form, _ := strings.Cut(kind, ":")
			if !ok || verb != "create" && verb != "put" && verb != "patch" {
				continue
			}
			data, attrs := at(payload, "data"), at(payload, "attributes")
			p.expect("R9967-2.4-01", form == "full" && data != nil || form == "notice" && data == nil, r,
				"%s has data %v", name, data != nil)
			p.expect("R9967-2.4-02", (data != nil) != (attrs != nil), r, "%s has data %v and attributes %v", name,
				data != nil, attrs != nil)
			p.expect("R9967-2.4-03", !strings.Contains(text(payload), eventSecret) && (form != "notice" ||
				!strings.Contains(text(payload), "Event ")), r, "%s shows values it must not", name)
			for _, a := range list(attrs) {
				path := strings.TrimSuffix(str(a), "[]")
				p.expect("R9967-2.2-03", st.user.typ.has(path) || slices.Contains(common, path) ||
					hasExtension(st.user.typ, path), r,
					"attributes names %s, which is not a path of the resource", text(a))
			}
			id := map[string]string{"create": "R9967-2.4.1-01", "patch": "R9967-2.4.2-01",
				"put": "R9967-2.4.3-01"}[verb]
			switch {
			case form == "notice":
				if verb != "create" {
					p.expect(id, len(list(attrs)) > 0 || verb == "patch" && attrs != nil, r, "%s names no attributes",
						name)
				}
			case verb == "create":
				p.expect(id, same(at(data, "id"), st.full["id"]) && same(at(data, "userName"), st.full["userName"]), r,
					"data of %s is %s, it is not the resource", name, excerpt(text(data), 200))
			default:
				p.expect(id, data != nil && text(data) != "{}", r, "%s has no data", name)
			}
		}
	}
}

func hasExtension(t *resourceType, urn string) bool {
	return slices.ContainsFunc(t.exts, func(e extension) bool { return strings.EqualFold(e.id, urn) })
}
