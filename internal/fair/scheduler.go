package fair

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Slice is after how many units a task looks whether it ran for shortest, and lets others go first then. What is less
// needs no turn.
const Slice = 64

// shortest is how long a task runs at least before it lets others go first. Each turn wakes a goroutine, often on
// another processor; more of them would cost more than they give.
const shortest = 50 * time.Microsecond

// Owner is on whose behalf a task runs.
type Owner struct {
	Organization string // "" for the system scope
	Credential   string
}

// Options of a scheduler. The zero value works.
type Options struct {
	// Slots is how many tasks run at once; by default one less than there are processors, so that one is left for
	// requests that need no turn, and at least one.
	Slots int
	// PerSecond is how many units a credential's budget gains each second, Burst how many it holds. If PerSecond is 0,
	// budgets are not bounded.
	PerSecond float64
	Burst     int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Refused is told of each task that its owner's budget does not allow; nil tells nobody.
	Refused func(Owner)
}

// Scheduler decides whose turn it is. It is safe for concurrent use.
type Scheduler struct {
	budgets *Buckets[Owner]
	now     func() time.Time
	refused func(Owner)

	shortest time.Duration // the constant; tests have shorter ones
	crowded  bool          // no processor is left for requests that need no turn

	mu    sync.Mutex
	free  int // slots that nobody has
	queue *queue
}

// New returns a scheduler.
func New(o Options) *Scheduler {
	if o.Slots <= 0 {
		o.Slots = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refused == nil {
		o.Refused = func(Owner) {}
	}
	return &Scheduler{budgets: NewBuckets[Owner](o.PerSecond, o.Burst), now: o.Now, refused: o.Refused, free: o.Slots,
		queue: newQueue(), shortest: shortest, crowded: o.Slots >= runtime.GOMAXPROCS(0)}
}

// Waiting is how many tasks wait for their turn.
func (s *Scheduler) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.size
}

// Begin begins a task. It must be ended with End.
func (s *Scheduler) Begin(o Owner) *Task { return &Task{scheduler: s, owner: o, left: Slice} }

// Task is work of one owner, done by one goroutine.
type Task struct {
	scheduler *Scheduler
	owner     Owner
	left      int       // units of the slice
	holds     bool      // a slot
	since     time.Time // of the slot
	owed      int       // units of Pay that were not taken from the budget yet
}

// Reserve takes what the task is about to need from its owner's budget; nothing for what fits into a slice. Errors:
// *TooMuch if no budget allows as much, *Exhausted if this one does not at the moment.
func (t *Task) Reserve(units int) error {
	if units <= Slice {
		return nil
	}
	err := t.scheduler.takeBudget(t.owner, units)
	if err != nil {
		t.scheduler.refused(t.owner)
	}
	return err
}

// Spend counts units of work that follow. When the slice is used up, it returns once it is the task's turn again; work
// that cannot be cut into slices waits for as many turns before it begins. Error: that of the context, which is looked
// at between slices.
func (t *Task) Spend(ctx context.Context, units int) error {
	for t.left -= units; t.left <= 0; {
		if err := t.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// payment is how many units Pay takes from the budget at once.
const payment = 4 * Slice

// Pay is Spend for work of which nobody knows in advance how much it is: it takes from the budget as it goes. Errors:
// those of Reserve and of Spend.
func (t *Task) Pay(ctx context.Context, units int) error {
	if t.owed += units; t.owed > payment {
		if err := t.Reserve(t.owed); err != nil {
			return err
		}
		t.owed = 0
	}
	return t.Spend(ctx, units)
}

// Owe is Pay for work that cannot be refused any more, because its reply has begun: what the budget has not is owed,
// and its owner's next tasks wait for it. Error: that of Spend.
func (t *Task) Owe(ctx context.Context, units int) error {
	if t.owed += units; t.owed > payment {
		t.charge()
	}
	return t.Spend(ctx, units)
}

// charge takes what is owed from the budget, which may not have as much.
func (t *Task) charge() {
	t.scheduler.budgets.Charge(t.owner, t.owed, t.scheduler.now())
	t.owed = 0
}

// next begins the next slice.
func (t *Task) next(ctx context.Context) error {
	t.left += Slice
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	if t.holds && t.left > 0 && now.Sub(t.since) < t.scheduler.shortest { // work that cannot be cut waits for each turn
		return nil
	}
	if t.holds {
		network().pass(now)
	}
	t.since = now
	return t.scheduler.turn(ctx, t)
}

// End gives the task's slot to the next. A task that goes on after it, for instance once a client has read what was
// written, waits for its turn as before.
func (t *Task) End() {
	if t.owed > Slice {
		t.charge()
	}
	if !t.holds {
		return
	}
	t.holds = false
	s := t.scheduler
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

// turn returns once the task has a slot. A task that has one gives it up if somebody waits.
func (s *Scheduler) turn(ctx context.Context, t *Task) error {
	s.mu.Lock()
	if !t.holds && s.free > 0 {
		s.free--
		t.holds = true
		s.mu.Unlock()
		return nil
	}
	if t.holds && s.queue.size == 0 {
		s.mu.Unlock()
		if s.crowded {
			runtime.Gosched() // requests that need no turn go first
		}
		return nil
	}

	// Behind those who wait.
	w := &waiter{granted: make(chan struct{})}
	s.queue.push(w, t.owner)
	if t.holds {
		t.holds = false
		s.release()
	}
	s.mu.Unlock()
	select {
	case <-w.granted:
		t.holds, t.since = true, time.Now()
		return nil
	case <-ctx.Done():
	}

	// Nobody waits any more: a slot that came at this very moment goes to the next.
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queue.remove(w, t.owner) {
		s.release()
	}
	return ctx.Err()
}

// release gives a slot to whoever's turn it is. It must hold mu.
func (s *Scheduler) release() {
	if s.queue.size == 0 {
		s.free++
		return
	}
	close(s.queue.pop().granted)
}
