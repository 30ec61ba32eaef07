package conformance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Run judges a server. Its error says that the suite could not run, or not to
// its end: the target is malformed, the server did not answer or stopped
// answering, ctx was cancelled. The Report then holds what was seen until then;
// it counts the rest as skipped.
//
// Whatever happens, Run deletes what it made before it returns; resources that
// it could not delete are in Report.Leftovers.
func Run(ctx context.Context, t Target) (Report, error) {
	t, err := t.withDefaults()
	if err != nil {
		return Report{}, err
	}
	s := newSuite(t)
	start := time.Now()
	if err := s.discover(ctx); err != nil {
		return Report{}, err
	}
	s.foretell()
	s.trial(ctx)
	err = s.run(ctx)
	s.confirm(ctx)
	s.cleanup(context.WithoutCancel(ctx))
	rep := s.report(start)
	if err == nil && len(s.bugs) > 0 {
		err = fmt.Errorf("a check of the suite itself failed: %s", strings.Join(s.bugs, "; "))
	}
	return rep, err
}

// suite is one run.
type suite struct {
	target Target
	http   *client
	svc    *service
	id     string // random, part of every name the run makes
	seeds  seeds
	story  story

	mu       sync.Mutex
	verdicts map[string]*verdict
	watch    []observer
	made     []creation // to delete, in the order of creation
	left     []string
	bugs     []string
	lost     error // the transport error after which the server counts as down
	strikes  int   // transport errors without an answer in between
	quirks   quirks
	began    time.Time
	round    int                 // of repeating the checks that found something
	spent    map[string]spending // by check
	states   states
	own      map[string]bool // ids of what the run made
	latency  time.Duration   // of one answer, on average
	answered int
}

// A spending is what the runs of a check took together.
type spending struct {
	took     time.Duration
	requests int
}

func newSuite(t Target) *suite {
	s := &suite{target: t, began: t.now(), id: cmp.Or(t.id, strings.ToLower(rand.Text()[:8])),
		verdicts: map[string]*verdict{}, watch: observers(),
		spent: map[string]spending{}, states: newStates(), own: map[string]bool{}}
	s.http = &client{base: t.URL, auth: t.Auth, http: t.transport(), observe: s.observe, before: s.settle,
		states: &s.states, sleep: t.sleep, now: t.now,
		readOnly: t.ReadOnly, patience: 5, tokens: map[*ClientCredentials]oauthToken{}}
	if t.Rate > 0 {
		s.http.gap = time.Duration(float64(time.Second) / t.Rate)
	}
	return s
}

// errLost is the cause with which a run is cancelled when the server is gone.
var errLost = errors.New("the server stopped answering")

func (s *suite) run(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var shared, alone []job
	chosen := s.sample(s.selected())
	for _, c := range chosen {
		for _, j := range s.jobs(c) {
			if c.alone {
				alone = append(alone, j)
			} else {
				shared = append(shared, j)
			}
		}
	}
	bar := s.newProgress(slices.Concat(shared, alone))
	work := func(j job) {
		s.runJob(ctx, j)
		if s.gone(ctx) {
			cancel(errLost)
		}
		bar.finished(j)
	}
	queue := make(chan job)
	var wg sync.WaitGroup
	for range s.target.Concurrency {
		wg.Go(func() {
			for j := range queue {
				work(j)
			}
		})
	}
	for _, j := range shared {
		queue <- j
	}
	close(queue)
	wg.Wait()
	for _, j := range alone {
		work(j)
	}
	if errors.Is(context.Cause(ctx), errLost) {
		return fmt.Errorf("%w: %v", errLost, s.plain(s.lost))
	}
	return parent.Err()
}

// gone reports whether the server has stopped answering altogether: several
// requests in a row had no answer, and neither has the plainest one.
func (s *suite) gone(ctx context.Context) bool {
	s.mu.Lock()
	strikes := s.strikes
	s.mu.Unlock()
	if strikes < 3 {
		return false
	}
	_, err := s.http.once(ctx, request{method: "GET", path: spcPath}, nil)
	if err == nil {
		s.mu.Lock()
		s.strikes = 0
		s.mu.Unlock()
	}
	return err != nil
}

// unanswered records that a request got no answer, and names it.
func (s *suite) unanswered(p *probe, rq request, err error) {
	s.strike(err)
	what := "a request"
	if rq.idempotent() {
		what = "a request and its repetition"
	}
	s.find(noAnswer, func() Finding {
		r := s.unanswerable(rq)
		p.mu.Lock()
		r.trail = slices.Clone(p.trail)
		p.mu.Unlock()
		return s.finding(p.check.name, fmt.Sprintf("%s got no answer: %s %s: %v", what, rq.method, rq.path,
			s.bare(err)), r)
	})
}

// unanswerable is the exchange of a request that got no answer.
func (s *suite) unanswerable(rq request) *reply {
	req, err := http.NewRequest(rq.method, s.http.url(rq.path, rq.query), nil)
	if err != nil {
		req = &http.Request{Method: rq.method, URL: &url.URL{Path: rq.path}}
	}
	req.Header = rq.header.Clone()
	r := &reply{req: req, check: rq.check}
	switch b := rq.body.(type) {
	case nil:
	case []byte:
		r.reqBody = b
	case string:
		r.reqBody = []byte(b)
	default:
		r.reqBody, _ = json.Marshal(b)
	}
	return r
}

func (s *suite) strike(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, context.Canceled) {
		s.strikes++
		s.lost = err
	}
}

// A job is a check on one resource type, or on the service (typ nil).
type job struct {
	check *check
	typ   *resourceType
}

func (j job) name() string {
	if j.typ == nil {
		return j.check.name
	}
	return j.check.name + "[" + j.typ.name + "]"
}

// names gives a job names of its own, the same in every run, whatever else the
// run does. Where checks are repeated, they are others.
func (s *suite) names(j job) *names {
	if s.round > 0 {
		return newNames(fmt.Sprint(j.name(), s.round))
	}
	return newNames(j.name())
}

// selected returns the checks of the profile that Target.Run matches.
func (s *suite) selected() []*check {
	var out []*check
	for _, c := range allChecks() {
		if s.inProfile(c.area) && s.matches(c) {
			out = append(out, c)
		}
	}
	return out
}

func (s *suite) matches(c *check) bool {
	if s.target.Run == nil || s.target.Run.MatchString(c.name) || s.target.Run.MatchString(c.area) {
		return true
	}
	for _, id := range c.ids {
		if s.target.Run.MatchString(id) {
			return true
		}
	}
	return false
}

// jobs gives the runs of a check; where none is possible it records why.
func (s *suite) jobs(c *check) []job {
	if e := s.unmet(c); e != nil {
		s.skipAll(c, *e)
		return nil
	}
	if !c.each {
		return []job{{c, nil}}
	}
	var out []job
	var last *stop
	for _, t := range s.svc.types {
		if t.refusal == nil {
			out = append(out, job{c, t})
		} else if last == nil || t.refusal.cut {
			last = t.refusal
		}
	}
	if len(out) == 0 && last != nil {
		s.skipAll(c, stop{"no selected resource type can be created: " + last.reason, last.cut, last.root})
	}
	return out
}

// runJob runs one check. Requirements of it that got no verdict are skipped
// with the reason it stopped.
func (s *suite) runJob(ctx context.Context, j job) {
	p := &probe{s: s, ctx: ctx, check: j.check, typ: j.typ, touched: map[string]bool{}, mu: new(sync.Mutex),
		names: s.names(j)}
	start := time.Now()
	end := stop{reason: "the check ended before it could be observed"}
	func() {
		defer func() {
			switch e := recover().(type) {
			case nil:
			case stop:
				end = e
			default:
				s.mu.Lock()
				s.bugs = append(s.bugs, fmt.Sprintf("%s: %v", j.name(), e))
				s.mu.Unlock()
				end = stop{reason: "the check itself failed", cut: true}
			}
		}()
		if err := context.Cause(ctx); err != nil {
			panic(stop{reason: err.Error(), cut: true})
		}
		j.check.run(p)
	}()
	for _, id := range j.check.ids {
		s.record(id, func(v *verdict) { v.end(end, p.touched[id]) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := s.spent[j.check.name]
	sp.took += time.Since(start)
	s.spent[j.check.name] = sp
}
