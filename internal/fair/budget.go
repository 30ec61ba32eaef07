package fair

import (
	"fmt"
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

// takeBudget takes units from the owner's budget. Errors: *TooMuch, *Exhausted; then it takes nothing.
func (s *Scheduler) takeBudget(o Owner, units int) error {
	if s.budgets == nil {
		return nil
	}
	if units > s.budgets.burst {
		return &TooMuch{units, s.budgets.burst}
	}
	if wait := s.budgets.Take(o, units, s.now()); wait > 0 {
		return &Exhausted{o, wait}
	}
	return nil
}
