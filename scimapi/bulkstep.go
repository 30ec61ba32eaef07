package scimapi

import (
	"net/http"
	"slices"

	"rollcall/directory"
)

// step is what is carried out as one: an operation, or several that refer to each other in a circle and succeed or fail
// together.
type step struct {
	operations []*operation // in the order of the job
	level      int          // no step depends on another one of its level, but for earlier changes of the same resource
}

func (s *step) first() *operation { return s.operations[0] }

// run is the step as one change.
func (s *step) run(tx *directory.Tx) error {
	if len(s.operations) == 1 {
		return s.first().change.run(tx)
	}
	var rest []func(*directory.Tx) error // what may rest on all that is made here
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

// settle gives the outcome to the step's operations.
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

// deletes reports whether the step deletes the resource. What is staged of it, grants of memberships too, is committed
// before, so that the deletion finds all that is to go.
func (s *step) deletes() bool {
	return slices.ContainsFunc(s.operations, func(o *operation) bool { return o.method == http.MethodDelete })
}

// readsMembers reports whether a filter of the step looked at the members that the Group has.
func (s *step) readsMembers() bool {
	return slices.ContainsFunc(s.operations, func(o *operation) bool { return o.change.readsMembers })
}

// inCircle is the error of operations that refer to each other and cannot be carried out together (RFC 7644 §3.7.1).
func inCircle(err error) error {
	switch f := translate(err); {
	case f.status >= http.StatusInternalServerError:
		return err
	default:
		return fail(http.StatusConflict, "", "operations that refer to each other in a circle failed together: %s",
			f.detail)
	}
}
