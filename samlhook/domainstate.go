package samlhook

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// States of a domain (Organization.domains.state).
const (
	domainPending  = "pending"  // the record was not found yet
	domainVerified = "verified" // it was found when last looked for
	domainStale    = "stale"    // it has been missing for a day
	domainLost     = "lost"     // it has been missing for a week
)

// What proves control of a domain: a TXT record, one for each organization and domain, which stays.
const (
	recordPrefix    = "_rollcall-challenge."
	challengePrefix = "rollcall-domain-verification="
)

// newChallenge is the value of a new record: 160 random bits.
func newChallenge() string {
	b := make([]byte, 20)
	rand.Read(b) // never fails since Go 1.24
	return challengePrefix + strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// orgDomain is one domain of an Organization as it is stored.
type orgDomain struct {
	name, state, challenge, reason string
	subdomains                     bool
}

// domainsOf are the domains of an Organization.
func domainsOf(organization *directory.Resource) (domains []orgDomain) {
	for _, d := range gjson.GetBytes(organization.JSON, "domains").Array() {
		v := orgDomain{domainName(d.Get("value").String()), d.Get("state").String(), d.Get("challenge").String(),
			d.Get("reason").String(), d.Get("includeSubdomains").Bool()}
		if v.state == "" {
			v.state = map[bool]string{true: domainVerified, false: domainPending}[d.Get("verified").Bool()]
		}
		domains = append(domains, v)
	}
	return domains
}

// setDomain changes what the document says of a domain; false if it has none of that name and challenge.
func setDomain(doc schema.Document, name, challenge string, change func(domain map[string]any)) bool {
	list, _ := doc["domains"].([]any)
	list = slices.Clone(list)
	for i, e := range list {
		domain, _ := schema.CloneValue(e).(map[string]any)
		value, _ := domain["value"].(string)
		if held, _ := domain["challenge"].(string); domainName(value) != name || held != challenge {
			continue
		}
		change(domain)
		list[i] = domain
		doc["domains"] = list
		return true
	}
	return false
}

// setState is a change of a domain to a state.
func setState(state string, at time.Time) func(map[string]any) {
	return func(domain map[string]any) {
		was, _ := domain["verified"].(bool)
		is := state == domainVerified || state == domainStale
		domain["state"], domain["verified"] = state, is
		if is && !was {
			domain["verifiedAt"] = schema.FormatTime(at)
		}
	}
}

// sighting is what was last seen of a domain's record: a note, which changes no version.
type sighting struct {
	At      time.Time `json:"at"`
	Begun   time.Time `json:"begun"`            // when it was first looked for
	Missing time.Time `json:"missing,omitzero"` // since when the record of a verified domain is
	Seen    []string  `json:"seen,omitempty"`
}

// sightings are by the name of the domain.
type sightings map[string]sighting

func readSightings(s *directory.Snapshot, organization directory.ID) sightings {
	all := sightings{}
	if note := s.CentralNote(directory.DomainsNote, organization); note != nil {
		_ = json.Unmarshal(note, &all) // what cannot be read is looked for again
	}
	return all
}

// Times of looking for a record.
var lookAfter = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

const (
	lookHourly = time.Hour
	lookFor    = 7 * 24 * time.Hour // for a record that was never there
	lookDaily  = 24 * time.Hour

	staleAfter = 24 * time.Hour
	lostAfter  = 7 * 24 * time.Hour
)

// due reports whether it is time to look for the record of a domain.
func (g sighting) due(state string, now time.Time) bool {
	if g.At.IsZero() {
		return true
	}
	since := now.Sub(g.At)
	switch {
	case state == domainVerified && g.Missing.IsZero():
		return since >= lookDaily
	case state != domainPending:
		return since >= lookHourly
	case now.Sub(g.Begun) > lookFor:
		return false
	}
	for _, after := range lookAfter {
		if moment := g.Begun.Add(after); g.At.Before(moment) {
			return !now.Before(moment)
		}
	}
	return since >= lookHourly
}

// next is the state after looking; missing says since when the record of a verified domain is. A domain whose state
// somebody set by hand keeps it.
func (d orgDomain) next(f finding, g sighting, now time.Time) (state string, missing time.Time) {
	switch {
	case f.found:
		return domainVerified, time.Time{}
	case d.state == domainPending, d.reason != "":
		return d.state, time.Time{}
	case !f.answered: // nobody knows
		return d.state, g.Missing
	}
	if missing = g.Missing; missing.IsZero() {
		missing = now
	}
	switch gone := now.Sub(missing); {
	case gone >= lostAfter, d.state == domainLost:
		return domainLost, missing
	case gone >= staleAfter:
		return domainStale, missing
	}
	return d.state, missing
}
