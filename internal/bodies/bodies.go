// Package bodies bounds what the bodies of all requests of a node hold together.
//
// Memory grows with the bytes that were received, whatever Content-Length says. An owner may hold as much as is left
// free: one alone gets up to half of the bound, two get a third each, and whoever comes next always finds some. A body
// that comes too slowly ends.
package bodies

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// DefaultMost is the bound in bytes unless another one is given: four of the largest bodies.
const DefaultMost = 256 << 20

// A body has Grace and, from then on, a second for each SlowestRate bytes that it brought, but no longer than Longest.
const (
	Grace       = 20 * time.Second
	SlowestRate = 16 << 10
	Longest     = 2 * time.Minute
)

// ErrFull is the error of a read for which there is no room: try again later.
var ErrFull = errors.New("the server holds too many request bodies at the moment; try again")

// ErrSlow is the error of a read whose body came too slowly.
var ErrSlow = errors.New("the body came too slowly")

// Bound is the bound of one node. It is safe for concurrent use.
type Bound struct {
	most int64

	mu   sync.Mutex
	held int64
	of   map[string]int64 // by owner; no zeros
}

// New returns a bound of as many bytes.
func New(most int64) *Bound { return &Bound{most: most, of: map[string]int64{}} }

// Held is how many bytes are held.
func (b *Bound) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// take takes n bytes for the owner. It returns false if the owner would hold more than is left free.
func (b *Bound) take(owner string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[owner]+n > b.most-b.held-n {
		return false
	}
	b.held += n
	b.of[owner] += n
	return true
}

func (b *Bound) give(owner string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
	if b.of[owner] -= n; b.of[owner] == 0 {
		delete(b.of, owner)
	}
}

// Body is the body of a request within the bound. What was read counts as held until Release.
type Body struct {
	io.ReadCloser
	bound *Bound
	owner string
	conn  *http.ResponseController
	begun time.Time

	held, got int64
	timed     int64 // got, when the deadline was set last
	over      bool
}

// step is how much is taken at once, so that small reads need the lock seldom.
const step = 4 << 10

// Within puts the body of the request within the bound, on behalf of the owner, and returns it; r.Body is replaced. The
// errors of its reads are those of the body, ErrFull and ErrSlow.
func (b *Bound) Within(w http.ResponseWriter, r *http.Request, owner string) *Body {
	body := &Body{ReadCloser: r.Body, bound: b, owner: owner, conn: http.NewResponseController(w), begun: time.Now(),
		over: r.Body == http.NoBody || r.ContentLength == 0}
	r.Body = body
	return body
}

// Read reads as much as there is room for.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.deadline()
	n, err := b.ReadCloser.Read(p)
	b.got += int64(n)
	if need := b.got - b.held; need > 0 {
		need = (need + step - 1) / step * step
		if !b.bound.take(b.owner, need) {
			return 0, ErrFull
		}
		b.held += need
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return 0, ErrSlow
	}
	if err != nil {
		b.end()
	}
	return n, err
}

// deadline moves the deadline by what was received since it was set last. Connections that know none have none.
func (b *Body) deadline() {
	if b.over || b.timed > 0 && b.got-b.timed < SlowestRate {
		return
	}
	b.timed = max(b.got, 1)
	allowed := min(Grace+time.Duration(b.got/SlowestRate)*time.Second, Longest)
	_ = b.conn.SetReadDeadline(b.begun.Add(allowed))
}

// end takes the deadline away: it would end the request whose body is complete.
func (b *Body) end() {
	if !b.over {
		b.over = true
		_ = b.conn.SetReadDeadline(time.Time{})
	}
}

// Release gives back what is held. It is called when the request is over.
func (b *Body) Release() {
	if b.held > 0 {
		b.bound.give(b.owner, b.held)
		b.held = 0
	}
}
