package scimapi

import (
	"net/http"
	"slices"

	"rollcall/directory"
)

// step is one operation, or several that refer to each other in a circle and so succeed or fail together.
type step struct {
	operations []*operation // in the order of the job
	level      int          // steps of one level do not depend on each other, except changes of one resource
}

func (s *step) first() *operation { return s.operations[0] }

// run runs the step as one change.
func (s *step) run(tx *directory.Tx) error {
	if len(s.operations) == 1 {
		return s.first().change.run(tx)
	}
	var rest []func(*directory.Tx) error // may depend on everything that the step creates
	for _, o := range s.operations {
		if o.method != http.MethodPost {
			rest = append(rest, o.change.run)
			continue
		}
		if err := o.change.create(tx); err != nil {
			return err
		}
		rest = append(rest, o.change.join)
	}
	for _, f := range rest {
		if err := f(tx); err != nil {
			return err
		}
	}
	return nil
}

// settle records the outcome of the step's operations.
func (s *step) settle(err error) {
	for _, o := range s.operations {
		switch {
		case err == nil:
			o.settled = true
		case len(s.operations) > 1:
			o.fail(inCircle(err))
		default:
			o.fail(err)
		}
	}
}

// deletes reports whether the step deletes the resource. What earlier steps staged, such as memberships, is committed
// before that, so the deletion finds everything that must go. The deletion of a membership finds it at once.
func (s *step) deletes() bool {
	return slices.ContainsFunc(s.operations, func(o *operation) bool {
		return o.method == http.MethodDelete && !isMembership(o.change.t)
	})
}

// readsMembers reports whether the step looked at the members that the Group has.
func (s *step) readsMembers() bool {
	return slices.ContainsFunc(s.operations, func(o *operation) bool { return o.change.readsMembers })
}

// inCircle is the error of operations that refer to each other in a circle, of which one failed (RFC 7644 §3.7.1).
func inCircle(err error) error {
	f := translate(err)
	if f.status >= http.StatusInternalServerError {
		return err
	}
	return fail(http.StatusConflict, "", "the operations of a circular reference fail together: %s", f.detail)
}
