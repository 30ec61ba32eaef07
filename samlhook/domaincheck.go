package samlhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/txt"
	"rollcall/samlhook/saml"
)

// Resolver looks up DNS records; *txt.Resolver is one.
type Resolver interface {
	// TXT returns the TXT records of a name as a server has them; an empty server stands for the host's resolver. An
	// error means that it did not answer.
	TXT(ctx context.Context, server, name string) ([]string, error)
	// Servers are up to n authoritative name servers of the domain's zone.
	Servers(ctx context.Context, domain string, n int) ([]txt.Server, error)
}

const (
	// maxServers is how many authoritative servers are asked about a domain.
	maxServers = 4
	// lookTimeout bounds all that is asked about one domain.
	lookTimeout = 15 * time.Second
	// lookInterval is how often the elected node sees whether anything is due.
	lookInterval = 15 * time.Second
	// lookAtOnce is how many domains are looked at at a time.
	lookAtOnce = 8
)

// finding is what servers had of a domain's record.
type finding struct {
	seen     []string // for people: what each had
	values   []string // of all records, whoever had them
	answered bool     // somebody did, and counts
	found    bool
}

// look asks the host's resolver and the zone's own servers. The latter count, as they have a record at once and drop it
// at once; the former where none of them answers.
func (h *Hook) look(ctx context.Context, d orgDomain) finding {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	name := recordOf(d.name)
	servers, err := h.resolver.Servers(ctx, d.name, maxServers)
	var f finding
	if err != nil {
		f.seen = append(f.seen, "the zone's name servers are not known: "+sayDNS(err))
	}

	// All of them at once.
	asked := append([]txt.Server{{Name: "resolver"}}, servers[:min(len(servers), maxServers)]...)
	got := make([]finding, len(asked))
	var all sync.WaitGroup
	for i, server := range asked {
		all.Go(func() {
			values, err := h.resolver.TXT(ctx, server.Address, name)
			got[i] = finding{values: values, answered: err == nil, found: slices.Contains(values, d.challenge),
				seen: []string{server.Name + ": " + sayFound(values, d.challenge, err)}}
		})
	}
	all.Wait()
	own := slices.ContainsFunc(got[1:], func(g finding) bool { return g.answered })
	for i, g := range got {
		f.seen = append(f.seen, g.seen...)
		f.values = append(f.values, g.values...)
		if i > 0 || !own {
			f.answered, f.found = f.answered || g.answered, f.found || g.found
		}
	}
	return f
}

func sayFound(values []string, challenge string, err error) string {
	switch {
	case err != nil:
		return "no answer (" + sayDNS(err) + ")"
	case slices.Contains(values, challenge):
		return "has the record"
	case len(values) > 0:
		return fmt.Sprintf("has %d other TXT records of that name, but not this one", len(values))
	}
	return "not yet"
}

func sayDNS(err error) string {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return saml.Clip(err.Error())
}

// checkDue looks at every domain whose time it is.
func (h *Hook) checkDue(ctx context.Context) error {
	s, err := h.store.System().Snapshot(ctx)
	if err != nil {
		return err
	}
	var due []*directory.Resource
	for r := range s.All(schema.OrganizationType) {
		domains := domainsOf(r)
		if len(domains) == 0 || !directory.Active(r.JSON) {
			continue
		}
		seen := readSightings(s, r.ID)
		if slices.ContainsFunc(domains, func(d orgDomain) bool {
			return d.challenge != "" && seen[d.name].due(d.state, h.now())
		}) {
			due = append(due, r)
		}
	}
	return eachAtOnce(due, lookAtOnce, func(r *directory.Resource) error {
		return h.checkOrganization(ctx, r.ID, func(d orgDomain, g sighting) bool { return g.due(d.state, h.now()) })
	})
}

// eachAtOnce calls f for each of a list, some at a time, and joins their errors.
func eachAtOnce[T any](list []T, most int, f func(T) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	turns := make(chan struct{}, most)
	for i, e := range list {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			errs[i] = f(e)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// checkOrganization looks at those domains of an organization that are wanted, notes what was seen, and writes what
// states changed.
func (h *Hook) checkOrganization(ctx context.Context, id directory.ID, wanted func(orgDomain, sighting) bool) error {
	s, err := h.store.System().Snapshot(ctx)
	if err != nil {
		return err
	}
	r, err := s.Get(schema.OrganizationType, id)
	if err != nil {
		return err
	}
	before := readSightings(s, id)
	var look []orgDomain
	for _, d := range domainsOf(r) {
		if d.challenge != "" && wanted(d, before[d.name]) {
			look = append(look, d)
		}
	}
	found := make([]finding, len(look))
	_ = eachAtOnce(indices(len(look)), maxServers, func(i int) error {
		found[i] = h.look(ctx, look[i])
		return nil
	})

	// Changes of state first: if they fail, they are looked for again.
	seen := sightings{}
	for _, d := range domainsOf(r) { // those that are gone are forgotten
		if g, ok := before[d.name]; ok {
			seen[d.name] = g
		}
	}
	var failed error
	for i, d := range look {
		g := seen[d.name]
		state, missing := d.next(found[i], g, h.now())
		if state != d.state {
			said, err := h.changeState(ctx, id, d, state, found[i])
			failed = errors.Join(failed, err)
			if said != "" {
				found[i].seen = append(found[i].seen, said)
			}
		}
		if g.Begun.IsZero() {
			g.Begun = h.now()
		}
		g.At, g.Missing, g.Seen = h.now(), missing, found[i].seen
		seen[d.name] = g
	}
	note, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	return errors.Join(failed, h.store.System().WriteNote(ctx, directory.DomainsNote, id, note))
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// changeState writes a domain's new state. A domain that another organization has verified is taken over if that one's
// record is gone; if it is not, said says so.
func (h *Hook) changeState(ctx context.Context, id directory.ID, d orgDomain, state string, f finding) (said string,
	err error) {
	change := func(tx *directory.Tx) error { return h.putState(tx, id, d, state) }
	_, err = h.store.System().As(directory.Program).Update(ctx, change)
	if directory.KindOf(err) != directory.Exists {
		return "", err
	}
	s, err := h.store.System().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	for r := range s.All(schema.OrganizationType) {
		for _, held := range domainsOf(r) {
			if r.ID == id || held.name != d.name || held.state != domainVerified && held.state != domainStale {
				continue
			}
			if held.reason != "" || slices.Contains(f.values, held.challenge) {
				return "another organization of this installation has the domain, and its record is still there", nil
			}
			_, err := h.store.System().As(directory.Program).Update(ctx, func(tx *directory.Tx) error {
				if err := h.putState(tx, r.ID, held, domainLost); err != nil {
					return err
				}
				return change(tx)
			})
			return "", err
		}
	}
	return "", nil // it gave the domain up at this moment; next time
}

// putState stages a domain's state, if the organization still has the domain under that challenge.
func (h *Hook) putState(tx *directory.Tx, id directory.ID, d orgDomain, state string) error {
	r, err := tx.Get(schema.OrganizationType, id)
	if err != nil {
		return err
	}
	doc, err := schema.Organization().Decode(r.JSON)
	if err != nil {
		return err
	}
	if !setDomain(doc, d.name, d.challenge, setState(state, tx.Now())) {
		return nil
	}
	_, err = tx.Replace(r, doc)
	return err
}

// recordOf is the name of the TXT record of a domain.
func recordOf(domain string) string { return recordPrefix + strings.TrimSuffix(domain, ".") }
