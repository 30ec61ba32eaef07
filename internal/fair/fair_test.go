package fair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// newScheduler returns a scheduler with slices that are as short as can be.
func newScheduler(o Options) *Scheduler {
	s := New(o)
	s.shortest = 0
	return s
}

// Organizations take turns, then credentials, then tasks: what one asks for does not move others back.
func TestTurns(t *testing.T) {
	for _, c := range []struct{ name, pushed, want string }{
		{"one owner: first come, first served", "a1x a1y a1z", "a1x a1y a1z"},
		{"organizations in turn", "a1x a1y a1z b1x", "a1x b1x a1y a1z"},
		{"a credential does not count for more than its organization", "a1x a2x a3x b1x b1y", "a1x b1x a2x b1y a3x"},
		{"credentials of an organization in turn", "a1x a1y a1z a2x", "a1x a2x a1y a1z"},
		{"both", "a1x a1y a2x b1x b1y c1x", "a1x b1x c1x a2x b1y a1y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, names := newQueue(), map[*waiter]string{}
			for name := range strings.FieldsSeq(c.pushed) {
				w := &waiter{}
				names[w] = name
				q.push(w, Owner{name[:1], name[1:2]})
			}
			var got []string
			for q.size > 0 {
				got = append(got, names[q.pop()])
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

// Who gives up leaves the queue, wherever it stands, and leaves nothing behind.
func TestQueueRemove(t *testing.T) {
	owners := []Owner{{"a", "1"}, {"a", "1"}, {"a", "2"}, {"b", "1"}}
	for i := range owners {
		q, waiters := newQueue(), []*waiter{}
		for _, o := range owners {
			waiters = append(waiters, &waiter{})
			q.push(waiters[len(waiters)-1], o)
		}
		if !q.remove(waiters[i], owners[i]) || q.remove(waiters[i], owners[i]) {
			t.Fatalf("%d: not removed once", i)
		}
		left := map[*waiter]bool{}
		for q.size > 0 {
			left[q.pop()] = true
		}
		if len(left) != 3 || left[waiters[i]] || len(q.organizations.of) != 0 || len(q.organizations.order) != 0 {
			t.Errorf("%d: left %d, organizations %v", i, len(left), q.organizations.order)
		}
	}
}

// One slot, 16 attackers with endless work, one victim that comes later: it waits for one slice of every other
// organization, however many tasks they have.
func TestVictimWaitsForOneSliceEach(t *testing.T) {
	s := newScheduler(Options{Slots: 1})
	first := s.Begin(Owner{"first", "1"})
	if err := first.Spend(t.Context(), Slice); err != nil { // it has the slot
		t.Fatal(err)
	}

	// The order of the slices that follow.
	var mu sync.Mutex
	var order []string
	var done sync.WaitGroup
	begin := func(o Owner, slices int) {
		before := s.Waiting()
		done.Go(func() {
			task := s.Begin(o)
			defer task.End()
			for range slices {
				if err := task.Spend(context.Background(), Slice); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, o.Organization)
				mu.Unlock()
			}
		})
		for s.Waiting() == before {
			time.Sleep(10 * time.Microsecond)
		}
	}
	for i := range 16 {
		begin(Owner{"attacker", fmt.Sprint(i)}, 50)
	}
	begin(Owner{"victim", "1"}, 20)
	first.End()
	done.Wait()

	// Every second slice is the victim's until it is done.
	last := len(order) - 1 - slices.Index(reversed(order), "victim")
	if last > 2*20 || len(order) != 16*50+20 {
		t.Errorf("the victim's 20 slices end at place %d of %d", last, len(order))
	}
	if s.free != 1 || s.queue.size != 0 {
		t.Errorf("%d slots free, %d waiting", s.free, s.queue.size)
	}
}

func reversed(s []string) []string {
	r := slices.Clone(s)
	slices.Reverse(r)
	return r
}

// A client that is gone gets no further slice, whether it works or waits, and its slot is free for others.
func TestCancel(t *testing.T) {
	s := newScheduler(Options{Slots: 1})
	works, waits := s.Begin(Owner{"a", "1"}), s.Begin(Owner{"b", "1"})
	ctx, cancel := context.WithCancel(t.Context())
	if err := works.Spend(ctx, Slice); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() { failed <- waits.Spend(ctx, Slice) }()
	for s.Waiting() == 0 {
		time.Sleep(10 * time.Microsecond)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("who waits: %v", err)
	}
	if err := works.Spend(ctx, Slice); !errors.Is(err, context.Canceled) {
		t.Errorf("who works: %v", err)
	}
	waits.End()
	works.End()
	if s.free != 1 || s.Waiting() != 0 {
		t.Errorf("%d slots free, %d waiting", s.free, s.Waiting())
	}
}

// What fits into a slice needs no turn, even if all slots are taken.
func TestSmallTasksDoNotWait(t *testing.T) {
	s := newScheduler(Options{Slots: 1, PerSecond: 1, Burst: 1})
	large := s.Begin(Owner{"a", "1"})
	if err := large.Spend(t.Context(), Slice); err != nil {
		t.Fatal(err)
	}
	small := s.Begin(Owner{"b", "1"})
	if err := errors.Join(small.Reserve(Slice), small.Spend(t.Context(), Slice-1)); err != nil {
		t.Error(err)
	}
	large.End()
}

func TestBudget(t *testing.T) {
	now := time.Unix(0, 0)
	var refused []Owner
	s := New(Options{PerSecond: 1000, Burst: 10_000, Now: func() time.Time { return now },
		Refused: func(o Owner) { refused = append(refused, o) }})
	mine, others := Owner{"a", "1"}, Owner{"a", "2"}
	reserve := func(o Owner, units int) error { return s.Begin(o).Reserve(units) }

	// No budget is as large.
	if e, ok := errors.AsType[*TooMuch](reserve(mine, 10_001)); !ok || e.Most != 10_000 {
		t.Errorf("too much: %v", e)
	}

	// It is used up by its owner alone.
	if err := errors.Join(reserve(mine, 6000), reserve(mine, 4000)); err != nil {
		t.Error(err)
	}
	e, ok := errors.AsType[*Exhausted](reserve(mine, 2000))
	if !ok || e.Wait != 2*time.Second || e.Owner != mine {
		t.Errorf("exhausted: %+v", e)
	}
	if err := reserve(others, 2000); err != nil {
		t.Error(err)
	}
	if !slices.Equal(refused, []Owner{mine, mine}) {
		t.Errorf("refused: %v", refused)
	}

	// It fills up over time, and what was refused took nothing.
	now = now.Add(e.Wait)
	if err := reserve(mine, 2000); err != nil {
		t.Error(err)
	}
	if err := reserve(mine, 100); err == nil {
		t.Error("the budget has more than it gained")
	}
}

// Work of unknown size is charged as it goes, and ends where the budget ends.
func TestPay(t *testing.T) {
	s := New(Options{PerSecond: 1, Burst: 10 * payment, Now: func() time.Time { return time.Unix(0, 0) }})
	task := s.Begin(Owner{"a", "1"})
	defer task.End()
	paid := 0
	for ; paid < 100*payment; paid++ {
		if err := task.Pay(t.Context(), 1); err != nil {
			if _, ok := errors.AsType[*Exhausted](err); !ok {
				t.Fatal(err)
			}
			break
		}
	}
	if paid < 9*payment || paid > 11*payment {
		t.Errorf("a budget of %d units paid for %d", 10*payment, paid)
	}
}

// Work that cannot be cut waits for as many turns as it is slices, so that it is not cheaper than work that is cut.
func TestUncutWorkWaitsItsTurns(t *testing.T) {
	s := newScheduler(Options{Slots: 1})
	first := s.Begin(Owner{"first", "1"})
	if err := first.Spend(t.Context(), Slice); err != nil { // it has the slot
		t.Fatal(err)
	}
	var mu sync.Mutex
	small, before := 0, -1 // slices of the other organization, and how many of them there were before the large piece
	var done sync.WaitGroup
	begin := func(organization string, times, units int, after func()) {
		waiting := s.Waiting()
		done.Go(func() {
			task := s.Begin(Owner{organization, "1"})
			defer task.End()
			for range times {
				if err := task.Spend(context.Background(), units); err != nil {
					t.Error(err)
				}
				mu.Lock()
				after()
				mu.Unlock()
			}
		})
		for s.Waiting() == waiting {
			time.Sleep(10 * time.Microsecond)
		}
	}
	begin("large", 1, 100*Slice, func() { before = small })
	begin("small", 300, Slice, func() { small++ })
	first.End()
	done.Wait()
	if before < 95 || before > 105 {
		t.Errorf("a piece of 100 slices began after %d of the other organization's", before)
	}
}

// What is owed is paid by the next tasks of the same owner, up to a burst.
func TestOwe(t *testing.T) {
	now := time.Unix(0, 0)
	s := New(Options{PerSecond: 1000, Burst: 10_000, Now: func() time.Time { return now }})
	mine, others := Owner{"a", "1"}, Owner{"a", "2"}
	task := s.Begin(mine)
	for range 100 {
		if err := task.Owe(t.Context(), 2*payment); err != nil { // 204,800 in all
			t.Fatal(err)
		}
	}
	task.End()
	e, ok := errors.AsType[*Exhausted](s.Begin(mine).Reserve(1000))
	if !ok || e.Wait != 11*time.Second {
		t.Errorf("after much more than a burst: %+v", e)
	}
	if err := s.Begin(others).Reserve(10_000); err != nil {
		t.Error(err)
	}
	if now = now.Add(11 * time.Second); s.Begin(mine).Reserve(1000) != nil {
		t.Error("the debt does not end")
	}
	NewBuckets[string](0, 1).Charge("a", 1, now) // without a rate nothing is owed
}
