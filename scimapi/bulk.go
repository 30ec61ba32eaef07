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
)

// bulk serves POST /Bulk (RFC 7644 §3.7). Operations that do not depend on each other are packed into common
// transactions, in which each fails alone; whatever the order of execution, the outcome is that of the order in which
// the client put them, with what an operation refers to made before it.
func (x *exchange) bulk() error {
	if err := x.authenticate(); err != nil {
		return err
	}
	if ok, err := x.method([]string{http.MethodOptions, http.MethodPost}); !ok {
		return err
	}
	r, err := x.open(x.o.Limits.BulkBody)
	if err != nil {
		return payloadError(err)
	}
	body, err := readAll(r, x.r.ContentLength)
	if err != nil {
		return payloadError(err)
	}
	j, err := parseJob(body, x.o.Limits.BulkOperations)
	if err != nil {
		return err
	}
	b := &bulkRun{x: x, dir: x.dir.As(x.actor), job: j, makes: map[string]*operation{}}
	if err := b.run(x.r.Context()); err != nil {
		return err
	}
	return b.reply(x.r.Context())
}

// payloadError names the limit by its name in the ServiceProviderConfig (RFC 7644 §3.7.4).
func payloadError(err error) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fail(http.StatusRequestEntityTooLarge, "", "the job is larger than maxPayloadSize, %d bytes", e.Limit)
	}
	return err
}

// bulkRun is a job under way.
type bulkRun struct {
	x      *exchange
	dir    *directory.Directory
	job    *job
	makes  map[string]*operation // POST operations by bulkId
	errors int                   // operations that failed
}

// run carries out the job's operations, until as many failed as failOnErrors says. It fails where nothing could be
// done.
func (b *bulkRun) run(ctx context.Context) error {
	for _, o := range b.job.operations {
		if o.method == http.MethodPost && o.bulkID != "" {
			b.makes[o.bulkID], o.id = o, directory.NewID()
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
		b.carryOut(ctx, steps[:n])
		steps = steps[n:]
	}
	return b.unavailable()
}

// together is how many of the next steps may be carried out at once. Under failOnErrors they are so few that nothing is
// done behind the last error that the client accepts.
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

// unavailable is the error of a job of which nothing was done because the store does not answer: the client may repeat
// it.
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

// carryOut does steps of one level.
func (b *bulkRun) carryOut(ctx context.Context, steps []*step) {
	if s, err := b.dir.Snapshot(ctx); err != nil {
		for _, st := range steps {
			st.settle(err)
		}
	} else {
		b.runChains(ctx, b.chains(ctx, s, steps))
	}
	for _, st := range steps {
		for _, o := range st.operations {
			if o.failed {
				b.errors++
			}
		}
	}
}

// chains are the steps by the resources that they are about. Changes of definitions are carried out at once: they have
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
			_, err := b.x.update(ctx, b.dir, st.run)
			st.settle(err)
			continue
		}
		c := of[o.endpoint+"/"+o.target]
		if c == nil || o.target == "" || len(st.operations) > 1 {
			c = &chain{}
			chains = append(chains, c)
			of[o.endpoint+"/"+o.target] = c
		}
		c.steps = append(c.steps, st)
	}
	return chains
}

// ready reads the step's operations: from here on they have their ids and types, and bodies without bulkIds. It is
// false where one of them cannot be carried out.
func (b *bulkRun) ready(s *directory.Snapshot, st *step) bool {
	var failed error
	for _, o := range st.operations {
		err := o.err
		if err == nil {
			err = b.read(s, st, o)
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

func (b *bulkRun) read(s *directory.Snapshot, st *step, o *operation) error {
	ids := map[string]string{}
	for _, ref := range o.refs {
		made := b.makes[ref]
		switch {
		case made == nil:
			return fail(http.StatusBadRequest, "invalidValue",
				"no POST operation of the job has the bulkId %s", quote(ref))
		case made.failed && !slices.Contains(st.operations, made):
			return fail(http.StatusConflict, "", "the operation with the bulkId %s, to which this one refers, failed",
				quote(ref))
		}
		ids[ref] = made.id.String()
		if o.target == bulkIDPrefix+ref {
			o.id = made.id
		}
	}
	t := s.TypeAt(o.endpoint)
	if t == nil || strings.Contains(o.target, "/") && o.id.IsZero() {
		return fail(http.StatusNotFound, "", "no SCIM endpoint at %s", quote(o.path))
	}
	if allow := allowed(t.Name, b.x.org == "", o.target != ""); !slices.Contains(allow, o.method) {
		return fail(http.StatusMethodNotAllowed, "", "%s is not possible at %s", o.method, o.path)
	}
	if o.id.IsZero() {
		return noSuch(t, o.target)
	}
	c := &change{x: b.x, t: t, method: o.method, id: o.id}
	if o.version != "" {
		c.when.match = []string{o.version}
	}
	o.change = c
	if o.method == http.MethodDelete {
		return nil
	}
	data := resolve(o.data, ids)
	if limit := b.x.bodyLimit(t); int64(len(data)) > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	return c.read(s, bytes.NewReader(data), int64(len(data)))
}
