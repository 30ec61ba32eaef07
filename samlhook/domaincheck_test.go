package samlhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/internal/txt"
)

// names is a DNS for tests: what each server has.
type names struct {
	mu      sync.Mutex
	records map[string]map[string][]string // server, "" for the resolver → name → TXT
	broken  map[string]bool
	servers []string
}

func newNames(servers ...string) *names {
	return &names{records: map[string]map[string][]string{}, broken: map[string]bool{}, servers: servers}
}

func (n *names) TXT(_ context.Context, server, name string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken[server] {
		return nil, errors.New("SERVFAIL")
	}
	return n.records[server][name], nil
}

func (n *names) Servers(_ context.Context, _ string, most int) ([]txt.Server, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []txt.Server
	for _, s := range n.servers[:min(len(n.servers), most)] {
		list = append(list, txt.Server{Name: s, Address: s})
	}
	return list, nil
}

// put sets the records of a domain at some servers.
func (n *names) put(domain string, values []string, servers ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range servers {
		if n.records[s] == nil {
			n.records[s] = map[string][]string{}
		}
		n.records[s][recordOf(domain)] = values
	}
}

func (n *names) breakDown(server string, broken bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken[server] = broken
}

// organization is a new organization, or "default".
func (s *site) organization(name string) directory.ID {
	s.t.Helper()
	if name == "default" {
		return s.snapshot().Organization().ID
	}
	var id directory.ID
	_, err := s.store.System().Update(s.t.Context(), func(tx *directory.Tx) error {
		made, err := tx.Create(schema.OrganizationType, schema.Document{"name": name})
		if err == nil {
			id = made.ID
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// putDomains writes the domains of an organization as scimapi would.
func (s *site) putDomains(id directory.ID, values ...string) error {
	s.t.Helper()
	_, err := s.store.System().Update(s.t.Context(), func(tx *directory.Tx) error {
		old, err := tx.Get(schema.OrganizationType, id)
		if err != nil {
			return err
		}
		doc, err := schema.Organization().Decode(old.JSON)
		if err != nil {
			return err
		}
		var list []any
		for _, v := range values {
			list = append(list, map[string]any{"value": v})
		}
		doc["domains"] = list
		if err := s.hook.PrepareOrganization(tx, id, old, doc, nil); err != nil {
			return err
		}
		_, err = tx.Replace(old, doc)
		return err
	})
	return err
}

// domain is what is stored of the first domain of an organization.
func (s *site) domain(id directory.ID) gjson.Result {
	s.t.Helper()
	return gjson.GetBytes(s.org1(id).JSON, "domains.0")
}

func (s *site) org1(id directory.ID) *directory.Resource {
	s.t.Helper()
	snapshot, err := s.store.System().Snapshot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := snapshot.Get(schema.OrganizationType, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// check looks at all domains of an organization and returns the state of the first, and what was seen.
func (s *site) check(id directory.ID) (state, seen string) {
	s.t.Helper()
	s.later(checkAgainAfter)
	body, err := s.actAs(s.store.System(), s.hook.checkDomains, id, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return gjson.Get(body, "domains.0.state").String(), gjson.Get(body, "domains.0.seen").Raw
}

func (s *site) wantState(id directory.ID, want string) {
	s.t.Helper()
	if got, seen := s.check(id); got != want {
		s.t.Fatalf("state %s, want %s; seen %s", got, want, seen)
	}
}

// A domain is verified by its record, goes stale and is lost without it, and comes back with it. Looking changes
// nothing that has a version.
func TestDomainStates(t *testing.T) {
	s := newSite(t)
	dns := newNames("ns1", "ns2")
	s.hook.resolver = dns
	id := s.organization("default")
	if err := s.putDomains(id, "Secure.Example"); err != nil {
		t.Fatal(err)
	}
	d := s.domain(id)
	challenge := d.Get("challenge").String()
	if d.Get("value").String() != "secure.example" || d.Get("state").String() != domainPending ||
		!strings.HasPrefix(challenge, challengePrefix) || len(challenge) != len(challengePrefix)+32 {
		t.Fatalf("a new domain: %s", d.Raw)
	}
	version := s.org1(id).Version
	dns.put("secure.example", []string{"something else"}, "ns2")
	if state, seen := s.check(id); state != domainPending || !strings.Contains(seen, "ns1: not yet") ||
		!strings.Contains(seen, "ns2: has 1 other") || s.org1(id).Version != version {
		t.Fatalf("%s, seen %s, version %s", state, seen, s.org1(id).Version)
	}

	dns.put("secure.example", []string{"x", challenge}, "ns1")
	if state, seen := s.check(id); state != domainVerified || !strings.Contains(seen, "ns1: has the record") ||
		!strings.Contains(seen, "resolver: not yet") {
		t.Fatalf("%s, seen %s", state, seen)
	}
	if d := s.domain(id); !d.Get("verified").Bool() || d.Get("verifiedAt").String() == "" {
		t.Errorf("verified: %s", d.Raw)
	}

	// Away: nobody's silence counts, only answers without the record.
	dns.put("secure.example", nil, "ns1", "ns2")
	for _, server := range []string{"", "ns1", "ns2"} {
		dns.breakDown(server, true)
	}
	s.wantState(id, domainVerified)
	s.later(30 * 24 * time.Hour)
	s.wantState(id, domainVerified)
	dns.breakDown("ns1", false)
	s.wantState(id, domainVerified)
	s.later(staleAfter)
	s.wantState(id, domainStale)
	if !s.domain(id).Get("verified").Bool() {
		t.Error("a stale domain does not count")
	}
	s.later(lostAfter)
	s.wantState(id, domainLost)
	if s.domain(id).Get("verified").Bool() {
		t.Error("a lost domain counts")
	}
	dns.put("secure.example", []string{challenge}, "ns1")
	s.wantState(id, domainVerified)
	s.wantState(id, domainVerified)
}

// The zone's own servers count; the resolver only where none of them answers.
func TestWhoCounts(t *testing.T) {
	const c = "challenge"
	for name, want := range map[string]struct {
		has      []string
		broken   []string
		answered bool
		found    bool
	}{
		"nobody has it":                     {nil, nil, true, false},
		"the resolver remembers it":         {[]string{""}, nil, true, false},
		"one of the servers has it":         {[]string{"ns2"}, nil, true, true},
		"no server answers, but a resolver": {[]string{""}, []string{"ns1", "ns2"}, true, true},
		"nobody answers":                    {[]string{""}, []string{"", "ns1", "ns2"}, false, false},
		"one is broken, the other lacks it": {[]string{"ns1"}, []string{"ns1"}, true, false},
	} {
		dns := newNames("ns1", "ns2", "ns3", "ns4", "ns5")
		dns.servers = dns.servers[:2]
		dns.put("x.example", []string{c}, want.has...)
		for _, b := range want.broken {
			dns.breakDown(b, true)
		}
		f := (&Hook{resolver: dns}).look(t.Context(), orgDomain{name: "x.example", challenge: c})
		if f.answered != want.answered || f.found != want.found || len(f.seen) != 3 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	dns := newNames("ns1", "ns2", "ns3", "ns4", "ns5")
	if f := (&Hook{resolver: dns}).look(t.Context(), orgDomain{name: "x.example"}); len(f.seen) != maxServers+1 {
		t.Errorf("asked %q", f.seen)
	}
}

// When a record is looked for: soon at first, then hourly for a week; a verified one daily.
func TestDomainDue(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	looks := func(state string, missing time.Time, until time.Duration) (all []time.Duration) {
		g := sighting{}
		for at := time.Duration(0); at <= until; at += time.Minute / 2 {
			if now := begun.Add(at); g.due(state, now) {
				all, g = append(all, at), sighting{At: now, Begun: begun, Missing: missing}
			}
		}
		return all
	}
	const m, h = time.Minute, time.Hour
	got := looks(domainPending, time.Time{}, 3*h)
	if want := []time.Duration{0, m, 2 * m, 5 * m, 15 * m, h + 15*m, 2*h + 15*m}; !slices.Equal(got, want) {
		t.Errorf("pending: %v, want %v", got, want)
	}
	if got := looks(domainPending, time.Time{}, 30*24*h); got[len(got)-1] > lookFor || len(got) < 7*24 {
		t.Errorf("pending for long: %d times, at last after %v", len(got), got[len(got)-1])
	}
	if got := looks(domainVerified, time.Time{}, 72*h); !slices.Equal(got, []time.Duration{0, 24 * h, 48 * h, 72 * h}) {
		t.Errorf("verified: %v", got)
	}
	for _, state := range []string{domainVerified, domainStale, domainLost} {
		if got := looks(state, begun, 2*h); !slices.Equal(got, []time.Duration{0, h, 2 * h}) {
			t.Errorf("%s, missing: %v", state, got)
		}
	}
}

// A domain has one organization; another one gets it once the first one's record is gone.
func TestDomainTakeOver(t *testing.T) {
	s := newSite(t)
	dns := newNames("ns1")
	s.hook.resolver = dns
	first, second := s.organization("default"), s.organization("other")
	for _, id := range []directory.ID{first, second} {
		if err := s.putDomains(id, "secure.example"); err != nil {
			t.Fatal(err)
		}
	}
	of := func(id directory.ID) string { return s.domain(id).Get("challenge").String() }
	if of(first) == of(second) {
		t.Fatal("two organizations have one challenge")
	}
	dns.put("secure.example", []string{of(first), of(second)}, "ns1")
	s.wantState(first, domainVerified)
	if state, seen := s.check(second); state != domainPending || !strings.Contains(seen, "another organization") {
		t.Fatalf("%s, seen %s", state, seen)
	}
	dns.put("secure.example", []string{of(second)}, "ns1")
	s.wantState(second, domainVerified)
	if d := s.domain(first); d.Get("state").String() != domainLost || d.Get("verified").Bool() {
		t.Errorf("the first: %s", d.Raw)
	}

	// It comes free with its organization, and with being taken out of it.
	dns.put("secure.example", []string{of(first), of(second)}, "ns1")
	if state, _ := s.check(first); state != domainLost {
		t.Fatalf("back while the other has it: %s", state)
	}
	if err := s.putDomains(second); err != nil {
		t.Fatal(err)
	}
	s.wantState(first, domainVerified)
	if err := s.putDomains(second, "secure.example"); err != nil {
		t.Fatal(err)
	}
	dns.put("secure.example", []string{of(first), of(second)}, "ns1")
	if state, _ := s.check(second); state != domainPending {
		t.Fatalf("while the first has it: %s", state)
	}
	_, err := s.store.System().Update(t.Context(), func(tx *directory.Tx) error {
		r, err := tx.Get(schema.OrganizationType, first)
		if err != nil {
			return err
		}
		return tx.Delete(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.wantState(second, domainVerified)
}

// Two organizations prove one domain at one moment: one gets it.
func TestDomainProvenRace(t *testing.T) {
	s, f := newFaultySite(t)
	dns := newNames("ns1")
	other := s.another(directorytest.NewClient(t))
	s.hook.resolver, other.hook.resolver = dns, dns
	first, second := s.organization("default"), s.organization("other")
	var all []string
	for _, id := range []directory.ID{first, second} {
		if err := s.putDomains(id, "secure.example"); err != nil {
			t.Fatal(err)
		}
		all = append(all, s.domain(id).Get("challenge").String())
	}
	dns.put("secure.example", all, "ns1")
	s.later(checkAgainAfter)
	hook := func(clientv3.Op) error {
		_, err := other.actAs(other.store.System(), other.hook.checkDomains, first, "")
		return err
	}
	f.before.Store(&hook)
	if state, seen := s.check(second); state != domainPending || !strings.Contains(seen, "another organization") {
		t.Errorf("%s, seen %s", state, seen)
	}
	if d := s.domain(first); d.Get("state").String() != domainVerified {
		t.Errorf("the first: %s", d.Raw)
	}
}

// Domains that are nobody's are refused, and what is proven of a domain is not the client's to write.
func TestDomainsByClients(t *testing.T) {
	s := newSite(t)
	id := s.organization("default")
	for _, c := range []struct {
		domains []string
		index   int
		names   string
	}{
		{[]string{"good.example", "co.uk"}, 1, "public suffix"},
		{[]string{"GitHub.io"}, 0, "public suffix"},
		{[]string{"gmail.com"}, 0, "anybody"},
		{[]string{"GMX.de"}, 0, "anybody"},
		{[]string{"a.example", "A.example."}, 1, "twice"},
	} {
		wantInvalid(t, s.putDomains(id, c.domains...), fmt.Sprintf("domains[%d].value", c.index), c.names)
	}
	many := make([]string, maxDomains+1)
	for i := range many {
		many[i] = fmt.Sprintf("d%d.example", i)
	}
	wantInvalid(t, s.putDomains(id, many...), "domains", "at most")

	if err := s.putDomains(id, "a.example"); err != nil {
		t.Fatal(err)
	}
	before := s.domain(id)
	doc := schema.Document{"domains": []any{map[string]any{"value": "A.example", "verified": true,
		"state": domainVerified, "challenge": "mine", "reason": "r", "verifiedAt": "2026-01-01T00:00:00Z"}}}
	old := s.org1(id)
	if err := s.hook.PrepareOrganization(nil, id, old, doc, nil); err != nil {
		t.Fatal(err)
	}
	got, _ := doc["domains"].([]any)[0].(map[string]any)
	if got["verified"] != nil && got["verified"] != false || got["state"] != domainPending ||
		got["challenge"] != before.Get("challenge").String() || got["reason"] != nil || got["verifiedAt"] != nil {
		t.Errorf("a client wrote %v", got)
	}
}

// The operator verifies by hand, with a reason that is shown; the organization's administrators do not.
func TestVerifyByHand(t *testing.T) {
	s := newSite(t)
	dns := newNames("ns1")
	s.hook.resolver = dns
	id, other := s.organization("default"), s.organization("other")
	for _, id := range []directory.ID{id, other} {
		if err := s.putDomains(id, "secure.example"); err != nil {
			t.Fatal(err)
		}
	}
	in := map[string]any{"domain": "Secure.example", "verified": true, "reason": "the contract names it"}
	own := s.org.As(directory.Actor{Type: schema.AccessTokenType, Rights: directory.ScopeAdmin})
	_, err := s.actAs(own, s.hook.verifyDomain, id, in)
	wantKind(t, err, directory.Forbidden, "system scope")
	reading := s.store.System().As(directory.Actor{Type: schema.AccessTokenType, System: true,
		Rights: directory.ScopeRead})
	_, err = s.actAs(reading, s.hook.verifyDomain, id, in)
	wantKind(t, err, directory.Forbidden, "system scope")
	_, err = s.actAs(s.org.As(directory.Actor{Rights: directory.ScopeWrite}), s.hook.checkDomains, id, "")
	wantKind(t, err, directory.Forbidden, "admin")
	for member, bad := range map[string]any{"reason": " ", "domain": "else.example"} {
		broken := map[string]any{"domain": in["domain"], "verified": true, "reason": in["reason"]}
		broken[member] = bad
		_, err := s.actAs(s.store.System(), s.hook.verifyDomain, id, broken)
		wantKind(t, err, directory.Invalid, member)
	}

	body, err := s.actAs(s.store.System(), s.hook.verifyDomain, id, in)
	if err != nil || gjson.Get(body, "domains.0.reason").String() != in["reason"] ||
		!gjson.Get(body, "domains.0.verified").Bool() {
		t.Fatalf("%s, %v", body, err)
	}
	_, err = s.actAs(s.store.System(), s.hook.verifyDomain, other, in)
	wantKind(t, err, directory.Exists, "another organization")

	// It needs no record, and is not taken over.
	dns.put("secure.example", []string{s.domain(other).Get("challenge").String()}, "ns1")
	s.later(30 * 24 * time.Hour)
	s.wantState(id, domainVerified)
	if state, _ := s.check(other); state != domainPending {
		t.Errorf("taken over: %s", state)
	}
	in["verified"] = false
	if _, err := s.actAs(s.store.System(), s.hook.verifyDomain, id, in); err != nil {
		t.Fatal(err)
	}
	s.wantState(other, domainVerified)
}

// Verification looks back: the links of other connections to people in the domain are listed, and count no more.
func TestVerificationLooksBack(t *testing.T) {
	w := &world{site: newSite(t)}
	dns := newNames("ns1")
	w.hook.resolver = dns
	w.connection = w.own(jitOn)
	wantStatus(t, w.post(w.browser(), w.connection, "ceo@secure.example"), 303)
	id := w.organization("default")
	if err := w.putDomains(id, "secure.example"); err != nil {
		t.Fatal(err)
	}
	w.connectionHolding("secure.example")
	wantStatus(t, w.post(w.browser(), w.connection, "ceo@secure.example"), 303)
	dns.put("secure.example", []string{w.domain(id).Get("challenge").String()}, "ns1")
	w.later(checkAgainAfter)
	body := w.mustAct(w.hook.checkDomains, id, "")
	listed := gjson.Get(body, "suspended")
	if listed.Get("#").Int() != 1 || listed.Get("0.nameId").String() != "ceo@secure.example" ||
		listed.Get("0.connection").String() != w.connection.String() ||
		listed.Get("0.domains.0").String() != "secure.example" {
		t.Errorf("reply %s", body)
	}
	if gjson.Get(body, "domains.0.connection").String() == "" ||
		gjson.Get(body, "domains.0.recordName").String() != "_rollcall-challenge.secure.example" {
		t.Errorf("reply %s", body)
	}
	wantStatus(t, w.post(w.browser(), w.connection, "ceo@secure.example"), 403)
	w.lastSignIn(OutcomeRefused, ReasonLinkSuspended)
}

// One node looks by itself.
func TestDomainsInTheBackground(t *testing.T) {
	s := newSite(t)
	dns := newNames("ns1")
	s.hook.resolver = dns
	id := s.organization("default")
	if err := s.putDomains(id, "secure.example"); err != nil {
		t.Fatal(err)
	}
	dns.put("secure.example", []string{s.domain(id).Get("challenge").String()}, "ns1")
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.hook.Run(ctx)
	}()
	for end := time.Now().Add(2 * time.Minute); s.domain(id).Get("state").String() != domainVerified; {
		if time.Now().After(end) {
			t.Fatal("not verified")
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-stopped
}
