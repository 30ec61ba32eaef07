package scimapi

import (
	"errors"
	"io"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/fair"
)

// task is the request's work beside queries and changes, which have tasks of their own. Whoever begins one of those, or
// waits for the client, calls pause first.
func (x *exchange) task() *fair.Task {
	if x.work == nil {
		x.work = x.dir.Work()
	}
	return x.work
}

// few reports whether the request's work still fits into a slice: then nobody needs to know of it.
func (x *exchange) few(units int) bool {
	if x.work != nil {
		return false
	}
	x.units += units
	return x.units < fair.Slice
}

// pay counts units of work that follow, which the credential pays, and waits for its turn. Errors: *fair.Exhausted,
// *schema.Error (tooMany), that of the context.
func (x *exchange) pay(units int) error {
	if x.few(units) {
		return nil
	}
	err := x.task().Pay(x.r.Context(), units)
	if e, ok := errors.AsType[*fair.TooMuch](err); ok {
		return schema.Errorf(schema.TooMany, "",
			"the request needs more than %d comparisons, which is the limit", e.Most)
	}
	return err
}

// owe is pay for work that cannot be refused any more. Error: that of the context.
func (x *exchange) owe(units int) error {
	if x.few(units) {
		return nil
	}
	return x.task().Owe(x.r.Context(), units)
}

// spend counts work that follows and was reserved. Error: that of the context.
func (x *exchange) spend(units int) error {
	if x.few(units) {
		return nil
	}
	return x.task().Spend(x.r.Context(), units)
}

// reserve takes work that follows from the credential's budget; nothing for what fits into a slice. Errors:
// *fair.Exhausted, *fair.TooMuch.
func (x *exchange) reserve(units int) error {
	if units < fair.Slice {
		return nil
	}
	return x.task().Reserve(units)
}

// pause lets others have the request's turn.
func (x *exchange) pause() {
	if x.work != nil {
		x.work.End()
	}
}

// bytesPerUnit is how many bytes of JSON are received with a unit of work. What is made of them is paid when it is
// made.
const bytesPerUnit = 64

// largeBody is the size in bytes from which a body waits for its turn (directory.Large).
const largeBody = 64 << 10

// large waits, if a body of so many bytes is large, until it is the request's turn to work on one. The turn ends with
// release. Error: that of the context.
func (x *exchange) large(bytes int) (err error) {
	if bytes < largeBody || x.largeTurn != nil {
		return nil
	}
	x.pause() // others do not wait for who waits
	x.largeTurn, err = x.dir.Large(x.r.Context())
	return err
}

// paidReader pays for what is read from r. It has no turn while it waits for the client.
type paidReader struct {
	x *exchange
	r io.Reader
	n int // bytes that are not paid yet
}

func (p *paidReader) Read(b []byte) (int, error) {
	p.x.pause()
	n, err := p.r.Read(b)
	if p.n += n; p.n >= bytesPerUnit {
		if e := p.x.pay(p.n / bytesPerUnit); e != nil {
			return n, e
		}
		p.n %= bytesPerUnit
	}
	return n, err
}

// pace makes walks of the snapshot wait for the request's turns and owe for them. *err is set where they end early.
func (x *exchange) pace(s *directory.Snapshot, err *error) *directory.Snapshot {
	steps := 0
	return s.Pacing(func(n int) bool {
		if steps += n; *err == nil && steps >= directory.StepsPerUnit {
			*err = x.owe(steps / directory.StepsPerUnit)
			steps %= directory.StepsPerUnit
		}
		return *err == nil
	})
}
