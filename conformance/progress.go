package conformance

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	Done, Total int           // checks
	Check       string        // the last that was done
	Elapsed     time.Duration // since the first check began
	Left        time.Duration // an estimate, from the first check on
}

// costsText says how many requests each check sends to a server with every
// feature; a test writes it.
//
//go:embed costs.txt
var costsText string

var costs = sync.OnceValue(func() map[string]int {
	out := map[string]int{}
	for line := range strings.SplitSeq(costsText, "\n") {
		if name, n, ok := strings.Cut(line, " "); ok {
			out[name], _ = strconv.Atoi(n)
		}
	}
	return out
})

// cost is how many requests a check is expected to send for one type.
func (c *check) cost() int {
	if n := costs()[c.name]; n > 0 {
		return n
	}
	return 5
}

// progress estimates the rest of a run: by what its checks cost, and by the
// time that those done have taken.
type progress struct {
	mu          sync.Mutex
	s           *suite
	start       time.Time
	total, done int
	cost, spent int
}

// trialCost is what the trial of one type sends.
const trialCost = 12

// foretell tells the estimate before the first resource is made.
func (s *suite) foretell() {
	if s.target.Progress == nil {
		return
	}
	n, cost := 0, trialCost*len(s.svc.types)
	for _, c := range s.selected() {
		if s.unmet(c) != nil {
			continue
		}
		runs := 1
		if c.each {
			runs = len(s.svc.types)
		}
		n, cost = n+runs, cost+runs*c.cost()
	}
	left := s.estimate(cost)
	if s.target.Budget > 0 {
		left = min(left, s.target.Budget)
	}
	s.target.Progress(Progress{Total: n, Left: left})
}

// sample chooses the checks that fit into the target's budget: of each area the
// one that sees most for its requests, then the others in that order. What is
// left out is skipped with that reason.
func (s *suite) sample(all []*check) []*check {
	if s.target.Budget <= 0 {
		return all
	}
	cost := func(c *check) int {
		if c.each {
			return c.cost() * len(s.svc.types)
		}
		return c.cost()
	}
	ranked := slices.DeleteFunc(slices.Clone(all), func(c *check) bool { return s.unmet(c) != nil })
	slices.SortStableFunc(ranked, func(a, b *check) int { return cmp.Compare(len(b.ids)*cost(a), len(a.ids)*cost(b)) })
	rank, seen := map[*check]int{}, map[string]bool{}
	for _, c := range ranked { // the best of each area comes first
		if seen[c.area] {
			rank[c] = 1
		}
		seen[c.area] = true
	}
	slices.SortStableFunc(ranked, func(a, b *check) int { return cmp.Compare(rank[a], rank[b]) })
	chosen := map[*check]bool{}
	spent := s.target.now().Sub(s.began)
	for _, c := range ranked {
		if next := spent + s.estimate(cost(c)); next <= s.target.Budget {
			chosen[c], spent = true, next
		}
	}
	var out []*check
	for _, c := range all {
		if chosen[c] || s.unmet(c) != nil {
			out = append(out, c)
		} else {
			s.skipAll(c, stop{reason: "not in the sample"})
		}
	}
	return out
}

func (s *suite) newProgress(jobs []job) *progress {
	b := &progress{s: s, start: s.target.now(), total: len(jobs)}
	for _, j := range jobs {
		b.cost += j.check.cost()
	}
	b.tell("")
	return b
}

func (b *progress) finished(j job) {
	b.mu.Lock()
	b.done++
	b.spent += j.check.cost()
	b.mu.Unlock()
	b.tell(j.name())
}

func (b *progress) tell(name string) {
	if b.s.target.Progress == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := Progress{Done: b.done, Total: b.total, Check: name, Elapsed: b.s.target.now().Sub(b.start)}
	p.Left = b.s.estimate(b.cost - b.spent)
	if b.done > 20 { // enough to go by what was seen
		p.Left = time.Duration(float64(p.Elapsed) / float64(b.spent) * float64(b.cost-b.spent))
	}
	b.s.target.Progress(p)
}

// estimate is how long a number of requests takes, by those seen so far.
func (s *suite) estimate(requests int) time.Duration {
	s.mu.Lock()
	each := s.latency / time.Duration(s.target.Concurrency)
	s.mu.Unlock()
	return time.Duration(requests) * max(each, s.http.gap)
}
