package fair

import (
	"fmt"
	"sync"
	"time"
)

// TooMuch is the error for a task that is too large for every budget.
type TooMuch struct {
	Units, Most int
}

func (e *TooMuch) Error() string {
	return fmt.Sprintf("the request would need %d comparisons; the limit is %d", e.Units, e.Most)
}

// Exhausted is the error for a task for which its owner's budget is too low at the moment.
type Exhausted struct {
	Owner Owner
	Wait  time.Duration // until the budget is large enough
}

func (e *Exhausted) Error() string {
	return fmt.Sprintf("the work budget of credential %s is used up", e.Owner.Credential)
}

// budgets are the budgets of many owners. Of each it keeps only the time at which it will be full, so a full one needs
// no memory.
type budgets struct {
	unit  time.Duration // in which a budget gains one unit
	burst int

	mu   sync.Mutex
	full map[Owner]time.Time
}

// mostBudgets bounds the memory of budgets to a few MB.
const mostBudgets = 50_000

// newBudgets returns budgets; nil, which allow everything, for a rate of 0.
func newBudgets(perSecond float64, burst int) *budgets {
	if perSecond <= 0 {
		return nil
	}
	return &budgets{unit: max(1, time.Duration(float64(time.Second)/perSecond)), burst: burst,
		full: map[Owner]time.Time{}}
}

// take takes units from the owner's budget. Errors: *TooMuch, *Exhausted; then it takes nothing.
func (b *budgets) take(o Owner, units int, now time.Time) error {
	if b == nil {
		return nil
	}
	if units > b.burst {
		return &TooMuch{units, b.burst}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.full[o]
	if !known && len(b.full) >= mostBudgets {
		b.forget(now)
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(b.unit * time.Duration(units))
	if over := full.Sub(now) - b.unit*time.Duration(b.burst); over > 0 {
		return &Exhausted{o, over}
	}
	b.full[o] = full
	return nil
}

// forget drops full budgets and, if there are too few, others: who uses that many credentials is then held back by
// turns alone, as everybody is.
func (b *budgets) forget(now time.Time) {
	for o, full := range b.full {
		if !full.After(now) {
			delete(b.full, o)
		}
	}
	for o := range b.full {
		if len(b.full) < mostBudgets*3/4 {
			break
		}
		delete(b.full, o)
	}
}
