package fair

import (
	"os"
	"sync"
	"time"
)

// lookout makes sure that a processor looks at the network while tasks run. Go's scheduler does so only where it has
// nothing else to run: as long as tasks hand turns to each other on one processor and the others collect garbage, what
// comes from the network waits 10 ms, however short the slices are.
//
// So a task sends a byte through a pipe now and then. Whoever looks at the network finds it. If it was not found by the
// end of the next slice, nobody looks: then the task waits until it is, and its processor, which has nothing to run
// meanwhile, looks itself and finds all others that wait for the network.
type lookout struct {
	pipe *os.File // to write to

	mu     sync.Mutex
	last   time.Time     // when a byte was sent
	sent   chan struct{} // closed when it is found; nil if none is under way
	broken bool          // nobody finds anything any more
}

// lookAfter is how often a byte is sent. It costs about 2 µs.
const lookAfter = 200 * time.Microsecond

// network is the lookout of the process; nil if there is no pipe to be had.
var network = sync.OnceValue(func() *lookout {
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	l := &lookout{pipe: w}
	go l.find(r)
	return l
})

// find finds the bytes that are sent.
func (l *lookout) find(r *os.File) {
	var b [1]byte
	for {
		_, err := r.Read(b[:])
		l.mu.Lock()
		if l.sent != nil {
			close(l.sent)
		}
		l.sent, l.broken = nil, err != nil
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// pass is called between slices.
func (l *lookout) pass(now time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	if sent := l.sent; sent != nil {
		l.mu.Unlock()
		<-sent
		return
	}
	defer l.mu.Unlock()
	if now.Sub(l.last) < lookAfter || l.broken {
		return
	}
	l.last = now
	if _, err := l.pipe.Write([]byte{0}); err == nil { // there is room: no other byte is under way
		l.sent = make(chan struct{})
	}
}
