package samlhook

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// comeIn is what acs does once the message is verified: it decides and commits.
func (s *site) comeIn(connection directory.ID, a *saml.Assertion) (Decision, directory.ID) {
	s.t.Helper()
	snapshot := s.snapshot()
	r, err := snapshot.Get(schema.IdentityProviderType, connection)
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := s.hook.load(snapshot, "default", r)
	if err != nil {
		s.t.Fatal(err)
	}
	x := &exchange{Hook: s.hook, r: httptest.NewRequest("POST", "/", nil), org: "default", dir: s.org,
		connection: connection}
	try := &attempt{exchange: x, at: s.hook.now(), verification: verification{loaded: l,
		response: &saml.Response{Assertion: a}}}
	_, err = s.org.As(directory.Connection(connection)).Update(s.t.Context(), func(tx *directory.Tx) error {
		try.verdict = verdict{refusal: l.usable()}
		if try.refusal != nil {
			return nil
		}
		return try.decide(tx)
	})
	if refusal := unfit(err); refusal != nil {
		return Decision{Outcome: OutcomeRefused, Reason: refusal.Reason}, directory.ID{}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if try.refusal != nil {
		return try.decision, directory.ID{}
	}
	return try.decision, try.user
}

// takeover is a random history of an organization with several connections, each of which asserts what it likes.
type takeover struct {
	*site
	rand        *rand.Rand
	connections []directory.ID
	domains     []string
	done        []string // what happened, for the report

	came map[directory.ID][]directory.ID        // connections that came in as the User
	said map[directory.ID]map[directory.ID]bool // connections that an administrator linked to the User
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (o *takeover) note(format string, args ...any) {
	o.done = append(o.done, fmt.Sprintf(format, args...))
}

// value is a name that somebody may have, in one of many spellings.
func (o *takeover) value() string {
	v := pick(o.rand, []string{"ceo", "bob"}) + "@" + pick(o.rand, o.domains)
	switch o.rand.IntN(8) {
	case 0:
		return strings.ToUpper(v)
	case 1:
		return strings.Replace(v, "o", "\uff4f", 1)
	case 2:
		return strings.Replace(v, "@", "\uff20", 1)
	case 3:
		return pick(o.rand, []string{"x1", "x2"})
	case 4:
		return strings.Replace(v, "e.", "e\u3002", 1)
	}
	return v
}

func (o *takeover) user() directory.ID {
	var all []directory.ID
	for r := range o.snapshot().All(schema.UserType) {
		all = append(all, r.ID)
	}
	if len(all) == 0 {
		return directory.ID{}
	}
	return pick(o.rand, all)
}

// signIn has a connection assert somebody, and checks whom that signed in as.
func (o *takeover) signIn() {
	connection := pick(o.rand, o.connections)
	a := &saml.Assertion{NameID: o.value(), NameIDFormat: pick(o.rand, []string{"", saml.NameIDEmail})}
	for _, name := range []string{"email", "externalId", "firstName", "lastName"} {
		if o.rand.IntN(3) > 0 {
			a.Attributes = append(a.Attributes, saml.Attribute{Name: name, Values: []string{o.value()}})
		}
	}
	before := o.snapshot()
	d, user := o.comeIn(connection, a)
	o.note("%s asserts %q %v: %s %s %s", o.name(connection), a.NameID, a.Attributes, d.Outcome, d.Reason, user)
	if user.IsZero() {
		return
	}
	for _, other := range o.came[user] {
		if other != connection && !o.said[user][other] && !o.said[user][connection] {
			o.fail("%s comes in as the User %s of %s", o.name(connection), user, o.name(other))
		}
	}
	if r, err := before.Get(schema.UserType, user); err == nil {
		if owner := o.owner(before, r); !owner.IsZero() && owner != connection && !o.said[user][connection] {
			o.fail("%s comes in as the User %s in a domain of %s", o.name(connection), r.JSON, o.name(owner))
		}
	}
	o.came[user] = append(o.came[user], connection)
}

// owner is the enabled connection that a verified domain of the User is assigned to, found by its own means.
func (o *takeover) owner(s *directory.Snapshot, user *directory.Resource) directory.ID {
	for _, value := range append(textsAt(user, "emails.#.value"), user.Text("userName")) {
		_, domain, _ := strings.Cut(strings.NewReplacer("\uff20", "@", "\u3002", ".").Replace(strings.ToLower(value)), "@")
		for _, d := range gjson.GetBytes(s.Organization().JSON, "domains").Array() {
			if d.Get("value").String() != domain || d.Get("state").String() == domainPending {
				continue
			}
			for r := range s.All(schema.IdentityProviderType) {
				if slices.Contains(textsAt(r, "domains"), domain) && directory.Enabled(r.JSON) {
					return r.ID
				}
			}
		}
	}
	return directory.ID{}
}

func (o *takeover) name(connection directory.ID) string {
	return string(rune('A' + slices.Index(o.connections, connection)))
}

func (o *takeover) fail(format string, args ...any) {
	o.t.Helper()
	o.t.Fatalf(format+"\nafter:\n%s", append(args, strings.Join(o.done, "\n"))...)
}

// scim creates, renames or deletes a User.
func (o *takeover) scim() {
	user := o.user()
	doc := schema.Document{"userName": o.value(), "emails": []any{map[string]any{"value": o.value()}},
		"externalId": o.value()}
	var err error
	switch n := o.rand.IntN(5); {
	case n < 2 || user.IsZero():
		_, err = o.org.Update(o.t.Context(), func(tx *directory.Tx) error {
			_, err := tx.Create(schema.UserType, doc.Clone())
			return err
		})
	case n < 4:
		name := pick(o.rand, []string{"userName", "emails", "externalId"})
		err = o.modify(schema.UserType, user, changed(name, doc[name]))
		o.note("SCIM gives %s %s %v", user, name, doc[name])
	default:
		o.remove(schema.UserType, user)
		delete(o.came, user)
		delete(o.said, user)
		o.note("SCIM deletes %s", user)
	}
	if err != nil && directory.KindOf(err) != directory.Exists {
		o.t.Fatal(err)
	}
}

// link has an administrator link somebody by hand, or take a link away.
func (o *takeover) link() {
	user, connection := o.user(), pick(o.rand, o.connections)
	var links []*directory.Link
	for l := range o.snapshot().Links() {
		links = append(links, l)
	}
	in := linkRequest{Connection: connection.String(), NameID: o.value(), Move: o.rand.IntN(2) > 0}
	if len(links) > 0 && o.rand.IntN(2) > 0 {
		l := pick(o.rand, links)
		user, connection = l.User, l.Connection
		in = linkRequest{Connection: connection.String(), NameID: l.NameID, NameIDFormat: l.Format}
	}
	do := pick(o.rand, []func(http.ResponseWriter, *http.Request, *directory.Directory, directory.ID) error{
		o.hook.link, o.hook.unlink, o.hook.unlink})
	was := o.holder(in)
	err := o.act(do, user, in)
	now := o.holder(in)
	o.note("an administrator says %+v of %s: %v", in, user, err)
	if err != nil {
		return
	}
	for _, u := range []directory.ID{was, now} { // whoever has or had it is told apart by that administrator
		if o.said[u] == nil {
			o.said[u] = map[directory.ID]bool{}
		}
	}
	if now == user {
		o.said[user][connection] = true
	}
	for l := range o.snapshot().LinksOf(was) { // perhaps under another NameID
		if l.Connection == connection {
			return
		}
	}
	if was != now {
		o.came[was] = slices.DeleteFunc(o.came[was], func(c directory.ID) bool { return c == connection })
		delete(o.said[was], connection)
	}
}

// holder is the User that a NameID is linked to.
func (o *takeover) holder(in linkRequest) directory.ID {
	connection, _ := directory.ParseID(in.Connection)
	if l := o.linked(connection, in.NameID); l != nil {
		return l.User
	}
	return directory.ID{}
}

// administer verifies, loses and assigns domains, and changes which connections count and which is the default.
func (o *takeover) administer() {
	connection := pick(o.rand, o.connections)
	change := pick(o.rand, []func(schema.Document){
		changed("default", true),
		changed("enabled", o.rand.IntN(3) > 0),
		changed("linkBy", pick(o.rand, [][]any{{"userName"}, {"externalId"}, {"userName", "email"}, {"email"}})),
		changed("jit", map[string]any{"enabled": o.rand.IntN(3) > 0, "requireNames": false,
			"reviveDeleted": o.rand.IntN(2) > 0}),
	})
	switch o.rand.IntN(3) {
	case 0:
		o.mustModify(schema.IdentityProviderType, connection, change)
		r, _ := o.snapshot().Get(schema.IdentityProviderType, connection)
		o.note("%s: %s", o.name(connection), gjson.GetBytes(r.JSON, "{default,enabled,linkBy,jit}").Raw)
	case 1:
		domain := pick(o.rand, o.domains)
		others := slices.DeleteFunc(slices.Clone(o.connections), func(c directory.ID) bool { return c == connection })
		for _, c := range append(others, connection) { // taken away first: a domain belongs to one connection
			o.mustModify(schema.IdentityProviderType, c, func(doc schema.Document) {
				list, _ := doc["domains"].([]any)
				list = slices.DeleteFunc(slices.Clone(list), func(d any) bool { return d == domain })
				if c == connection {
					list = append(list, domain)
				}
				doc["domains"] = list
			})
		}
		o.note("%s is assigned to %s", domain, o.name(connection))
	case 2:
		states := map[string]string{}
		for _, d := range gjson.GetBytes(o.snapshot().Organization().JSON, "domains").Array() {
			states[d.Get("value").String()] = d.Get("state").String()
		}
		domain := pick(o.rand, o.domains)
		states[domain] = pick(o.rand, []string{domainVerified, domainVerified, domainStale, domainLost, domainPending})
		o.setDomains(states)
		o.note("%s is %s", domain, states[domain])
	}
}

func (o *takeover) setDomains(states map[string]string) {
	var list []any
	for _, domain := range slices.Sorted(maps.Keys(states)) {
		state := states[domain]
		list = append(list, map[string]any{"value": domain, "state": state,
			"verified": state == domainVerified || state == domainStale})
	}
	o.mustModify(schema.OrganizationType, o.snapshot().Organization().ID, changed("domains", list))
}

// Whatever connections assert, SCIM writes and administrators verify, assign and switch: nobody comes in as a User whom
// somebody else's connection signed in, nor as one in another connection's verified domain.
func TestNobodyTakesOver(t *testing.T) {
	histories, steps := 40, 80
	if testing.Short() {
		histories = 8
	}
	for seed := range histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			o := &takeover{site: newSite(t), rand: rand.New(rand.NewPCG(uint64(seed), 12)),
				domains: []string{"one.example", "two.example", "three.example"},
				came:    map[directory.ID][]directory.ID{}, said: map[directory.ID]map[directory.ID]bool{}}
			states := map[string]string{}
			for _, d := range o.domains {
				states[d] = domainPending
			}
			o.setDomains(states)
			for range 3 {
				o.connections = append(o.connections, o.own(schema.Document{"attributes": map[string]any{
					"externalId": "externalId"}, "linkBy": []any{"userName", "email"},
					"jit": map[string]any{"enabled": true, "requireNames": false}}))
			}
			for range steps {
				switch n := o.rand.IntN(10); {
				case n < 6:
					o.signIn()
				case n < 8:
					o.scim()
				case o.rand.IntN(4) == 0:
					o.link()
				default:
					o.administer()
				}
			}
		})
	}
}
