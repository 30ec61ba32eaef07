package scimapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// bulk serves POST /Bulk (RFC 7644 §3.7). Operations that do not depend on each other share transactions, in which each
// of them fails alone. In whatever order they run, the outcome is that of the order of the job, except that an
// operation runs after the ones that create what it refers to.
func (x *exchange) bulk() error {
	// Who asks.
	if err := x.authenticate(); err != nil {
		return err
	}
	if ok, err := x.method([]string{http.MethodOptions, http.MethodPost}); !ok {
		return err
	}

	if err := x.refuseDryRun("Bulk"); err != nil {
		return err
	}

	// The job.
	r, err := x.open(x.o.Limits.BulkBody)
	if err != nil {
		return payloadError(err)
	}
	body, err := readAll(r, x.r.ContentLength)
	if err != nil {
		return payloadError(err)
	}
	j, err := parseJob(body, x.mode(), x.o.Limits.BulkOperations)
	x.pause()
	if err != nil {
		return err
	}

	// Its results.
	b := &bulkRun{x: x, dir: x.dir.As(x.actor), job: j, creators: map[string]*operation{}}
	if err := b.run(x.r.Context()); err != nil {
		return err
	}
	return b.reply(x.r.Context())
}

// payloadError calls the limit by its name in the ServiceProviderConfig (RFC 7644 §3.7.4).
func payloadError(err error) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fail(http.StatusRequestEntityTooLarge, "",
			"the request is larger than maxPayloadSize, %d bytes", e.Limit)
	}
	return err
}

// bulkRun is a job that is running.
type bulkRun struct {
	x        *exchange
	dir      *directory.Directory
	job      *job
	creators map[string]*operation // POST operations by bulkId
	errors   int                   // operations that failed
	after    *directory.Snapshot   // of the replies, once one is needed
}

// run runs the operations of the job, until as many have failed as failOnErrors says. It returns an error if nothing
// could be done.
func (b *bulkRun) run(ctx context.Context) error {
	for _, o := range b.job.operations {
		if o.method == http.MethodPost && o.bulkID != "" {
			b.creators[o.bulkID], o.id = o, directory.NewID()
		}
	}
	steps := plan(b.job.operations)
	if b.job.failOnErrors == 0 {
		byLevel(steps)
	}
	for len(steps) > 0 {
		n := b.together(steps)
		if n == 0 {
			break
		}
		b.runSteps(ctx, steps[:n])
		steps = steps[n:]
	}
	return b.unavailable()
}

// together returns how many of the next steps may run at once. With failOnErrors, there are so few that nothing runs
// after the last error that the client accepts.
func (b *bulkRun) together(steps []*step) int {
	left := b.job.failOnErrors - b.errors
	if b.job.failOnErrors > 0 && left <= 0 {
		return 0
	}
	n := 0
	for n < len(steps) && steps[n].level == steps[0].level {
		left -= len(steps[n].operations)
		if b.job.failOnErrors > 0 && left < 0 && n > 0 {
			break
		}
		n++
	}
	return n
}

// unavailable returns an error if nothing of the job was done because the store does not answer: the client can send it
// again.
func (b *bulkRun) unavailable() error {
	var failed error
	for _, o := range b.job.operations {
		if o.settled && directory.KindOf(o.err) != directory.Unavailable {
			return nil
		}
		failed = cmp.Or(failed, o.err)
	}
	return failed
}

// runSteps runs steps of one level.
func (b *bulkRun) runSteps(ctx context.Context, steps []*step) {
	if s, err := b.dir.Snapshot(ctx); err != nil {
		for _, st := range steps {
			st.settle(err)
		}
	} else {
		chains := b.chains(ctx, s, steps)
		b.x.pause()
		b.runChains(ctx, chains)
	}
	for _, st := range steps {
		for _, o := range st.operations {
			if o.failed {
				b.errors++
			}
		}
	}
}

// chains puts steps into chains, one for each resource. Changes of definitions run at once, because they have
// transactions of their own.
func (b *bulkRun) chains(ctx context.Context, s *directory.Snapshot, steps []*step) []*chain {
	var chains []*chain
	of := map[string]*chain{} // by resource
	for _, st := range steps {
		if !b.ready(s, st) {
			continue
		}
		o := st.first()
		if o.defines() {
			b.x.pause()
			_, err := b.x.update(ctx, b.dir, st.run)
			st.settle(err)
			continue
		}
		about := o.about()
		c := of[about]
		if c == nil || about == "" || len(st.operations) > 1 {
			c = &chain{}
			chains = append(chains, c)
			of[about] = c
		}
		c.steps = append(c.steps, st)
	}
	return chains
}

// ready prepares the step's operations. It returns false if one of them cannot run.
func (b *bulkRun) ready(s *directory.Snapshot, st *step) bool {
	var failed error
	for _, o := range st.operations {
		err := o.err
		if err == nil {
			err = b.prepare(s, st, o)
		}
		if err != nil {
			o.fail(err)
		}
		failed = cmp.Or(failed, o.err)
	}
	if failed != nil && len(st.operations) > 1 {
		for _, o := range st.operations {
			if !o.failed {
				o.fail(inCircle(failed))
			}
		}
	}
	return failed == nil
}

// prepare gives the operation its change, in which ids stand for bulkIds.
func (b *bulkRun) prepare(s *directory.Snapshot, st *step, o *operation) error {
	ids, err := b.references(st, o)
	if err != nil {
		return err
	}
	t, err := b.typeOf(s, o)
	if err != nil {
		return err
	}
	c := &change{x: b.x, t: t, method: o.method, id: o.id}
	if o.version != "" {
		c.when.match = []string{o.version}
	}
	o.change = c
	if isMembership(t) {
		return b.prepareMembership(s, o, ids)
	}
	if o.method == http.MethodDelete && o.id.IsZero() {
		return noSuch(t, o.target)
	}
	if o.method == http.MethodDelete {
		return nil
	}
	if err := b.read(s, o, ids); err != nil || !o.id.IsZero() {
		return err
	}
	return cmp.Or(c.judge(), noSuch(t, o.target)) // no resource can have this id
}

// read reads the operation's data, in which ids stand for bulkIds.
func (b *bulkRun) read(s *directory.Snapshot, o *operation, ids map[string]string) error {
	data := resolve(o.data, ids)
	if limit := b.x.bodyLimit(o.change.t); int64(len(data)) > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	return o.change.read(s, bytes.NewReader(data), int64(len(data)))
}

// references returns the ids of the resources that the operation refers to by bulkIds.
func (b *bulkRun) references(st *step, o *operation) (map[string]string, error) {
	ids := map[string]string{}
	for _, ref := range o.refs {
		creator := b.creators[ref]
		switch {
		case creator == nil:
			return nil, fail(http.StatusBadRequest, schema.InvalidValue,
				"no POST operation of the request has the bulkId %s", quote(ref))
		case creator.failed && !slices.Contains(st.operations, creator):
			return nil, fail(http.StatusConflict, "",
				"the operation with the bulkId %s, to which this one refers, failed", quote(ref))
		}
		if c := creator.change; c != nil && isMembership(c.t) {
			ids[ref] = c.membership.String()
			continue
		}
		ids[ref] = creator.id.String()
		if o.target == bulkIDPrefix+ref {
			o.id = creator.id
		}
	}
	return ids, nil
}

// typeOf returns the type of the operation's resource, and checks that its path and method go together.
func (b *bulkRun) typeOf(s *directory.Snapshot, o *operation) (*schema.ResourceType, error) {
	t := s.TypeAt(o.endpoint)
	if t == nil || strings.Contains(o.target, "/") && o.id.IsZero() {
		return nil, fail(http.StatusNotFound, "", "no SCIM endpoint at %s", quote(o.path))
	}
	if methods := allowed(t.Kind(), b.x.org == "", o.target != ""); !slices.Contains(methods, o.method) {
		return nil, fail(http.StatusMethodNotAllowed, "", "%s is not allowed on %s", o.method, o.path)
	}
	return t, nil
}
