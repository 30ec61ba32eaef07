package directory

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory/schema"
	"rollcall/internal/fair"
)

// DefaultWorkBurst is how many comparisons a credential may ask for at once: several seconds of one processor. It also
// bounds what one request may ask for.
const DefaultWorkBurst = 10_000_000

// newWork returns the scheduler that a node's scans, sorts and renderings share.
func newWork(o Options) *fair.Scheduler {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_work_refused_total",
		Help: "Requests that were refused because the work budget of their credential was used up."},
		[]string{"organization", "credential"})
	work := fair.New(fair.Options{PerSecond: o.WorkRate, Burst: o.WorkBurst, Now: o.Now, Refused: func(w fair.Owner) {
		refused.WithLabelValues(w.Organization, w.Credential).Inc()
	}})
	if o.Registry != nil {
		o.Registry.MustRegister(refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rollcall_work_waiting",
			Help: "Scans, sorts and renderings that wait for their turn."}, func() float64 { return float64(work.Waiting()) }))
	}
	return work
}

// Work begins work on behalf of the actor, for what a request does beside queries. It must be ended with End.
func (d *Directory) Work() *fair.Task {
	return d.store.work.Begin(d.owner())
}

func (d *Directory) owner() fair.Owner {
	return fair.Owner{Organization: d.name, Credential: d.actor.Type + "/" + d.actor.ID}
}

// largeAtOnce is how many large bodies a node works on at once. What is made of one takes many times its size, so more
// of them would cost everybody time for garbage collection, and no body would be done sooner.
const largeAtOnce = 2

// Large returns once it is the actor's turn to work on a large body; in the same order as for other work. The turn
// lasts until End. Error: that of the context.
func (d *Directory) Large(ctx context.Context) (*fair.Task, error) {
	turn := d.store.large.Begin(d.owner())
	return turn, turn.Spend(ctx, fair.Slice)
}

// inWords is the error of Pay as a client may read it.
func inWords(err error) error {
	if e, ok := errors.AsType[*fair.TooMuch](err); ok {
		return schema.Errorf(schema.TooMany, "",
			"the request needs more than %d comparisons, which is the limit", e.Most)
	}
	return err
}

// reserve takes the work of comparisons on records from the actor's budget. Errors: *schema.Error (tooMany) if no
// budget is as large, *fair.Exhausted.
func reserve(t *fair.Task, records, comparisons int) error {
	err := t.Reserve(records * comparisons)
	if e, ok := errors.AsType[*fair.TooMuch](err); ok {
		return schema.Errorf(schema.TooMany, "filter", "compares %d records %d times each; one request may make at most "+
			"%d comparisons: use eq on an indexed attribute, or fewer comparisons", records, comparisons, e.Most)
	}
	return err
}
