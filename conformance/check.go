package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// A check observes requirements. It needs what the words of needs say: a
// feature ("patch"), its absence ("!patch"), a resource type that can be
// created ("User"), an attribute of it ("User.emails.type"), or "writes".
type check struct {
	name  string // area/what
	area  string
	ids   []string
	needs string
	each  bool // runs for every resource type that can be created
	alone bool // needs a quiet server, or slows it down: no other check runs meanwhile
	run   func(*probe)
}

// allChecks lists the checks in the order of the areas.
func allChecks() []*check {
	var out []*check
	for _, g := range []struct {
		area   string
		checks []check
	}{
		{"discovery", discoveryChecks()},
		{"create", createChecks()},
		{"retrieve", retrieveChecks()},
		{"list", listChecks()},
		{"filter", filterChecks()},
		{"sort", sortChecks()},
		{"paging", pagingChecks()},
		{"cursor", cursorChecks()},
		{"projection", projectionChecks()},
		{"put", putChecks()},
		{"patch", patchChecks()},
		{"delete", deleteChecks()},
		{"bulk", bulkChecks()},
		{"etag", etagChecks()},
		{"me", meChecks()},
		{"search", searchChecks()},
		{"errors", errorChecks()},
		{"media", mediaChecks()},
		{"auth", authChecks()},
		{"schemas", schemaChecks()},
		{"http", httpChecks()},
		{"events", eventChecks()},
		{"choices", choiceChecks()},
		{ProfileEntra, entraChecks()},
		{ProfileOkta, oktaChecks()},
		{ProfileInterop, interopChecks()},
		{ProfileIPSIE1, ipsieChecks(ProfileIPSIE1)},
		{ProfileIPSIE2, ipsieChecks(ProfileIPSIE2)},
	} {
		for i := range g.checks {
			g.checks[i].area = g.area
			g.checks[i].name = g.area + "/" + g.checks[i].name
			out = append(out, &g.checks[i])
		}
	}
	return out
}

// ids splits a list of requirement ids written with common prefixes:
// "R7644-3.3-01 02 05" are three ids of one section.
func ids(s string) []string {
	var out []string
	prefix := ""
	for _, w := range strings.Fields(s) {
		if i := strings.LastIndex(w, "-"); i >= 0 {
			prefix = w[:i+1]
			out = append(out, w)
			continue
		}
		out = append(out, prefix+w)
	}
	return out
}

// unmet says which need of a check the server or the target does not meet;
// nil if all are met.
func (s *suite) unmet(c *check) *stop {
	if s.target.ReadOnly && (c.each || slices.ContainsFunc(strings.Fields(c.needs), s.writes)) {
		return &stop{reason: "it would write, and the run is read-only"}
	}
	for _, need := range strings.Fields(c.needs) {
		if e := s.lacks(need); e != nil {
			return e
		}
	}
	return nil
}

// writes reports whether a need implies changes on the server: needing a type
// means making resources of it.
func (s *suite) writes(need string) bool {
	return need == "writes" || need[0] >= 'A' && need[0] <= 'Z'
}

// offers says in words what features are called that no flag of
// ServiceProviderConfig promises.
var offers = map[string]string{"search": "POST to .search", "root": "queries at its root",
	"me": "/Me for these credentials", "meRedirect": "/Me by redirect"}

func (s *suite) lacks(need string) *stop {
	because := func(format string, args ...any) *stop { return &stop{reason: fmt.Sprintf(format, args...)} }
	switch {
	case need == "writes":
		return nil
	case need == "events":
		if s.target.EventsURL == "" {
			return because("no poll URL for events was given")
		}
		return nil
	case need[0] == '!':
		if s.svc.features[need[1:]] {
			return because("%s is supported", need[1:])
		}
		return nil
	case need[0] >= 'a' && need[0] <= 'z':
		switch {
		case s.svc.lost[need] != nil:
			return s.svc.lost[need]
		case s.svc.features[need]:
			return nil
		case offers[need] != "":
			return because("the server does not offer %s", offers[need])
		}
		return because("%s is not promised by ServiceProviderConfig", need)
	}
	name, path, _ := strings.Cut(need, ".")
	t := s.typ(name)
	switch {
	case t == nil:
		return because("resource type %s is not offered or not selected", name)
	case t.refusal != nil:
		return t.refusal
	case path != "" && !t.has(path):
		return because("the schema of %s has no %s", name, path)
	}
	return nil
}

// ChecksOf names the checks and observers that look at a requirement; none for
// those that cannot be observed.
func ChecksOf(id string) []string {
	var out []string
	for _, c := range allChecks() {
		if slices.Contains(c.ids, id) {
			out = append(out, c.name)
		}
	}
	if slices.Contains(trialCheck.ids, id) {
		out = append(out, trialCheck.name)
	}
	for _, o := range observers() {
		if slices.Contains(o.ids, id) {
			out = append(out, "observer/"+o.name)
		}
	}
	return out
}
