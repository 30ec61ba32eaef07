package directory

import (
	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
)

// What an organization may store unless its Organization says otherwise, so that none takes the store from the others.
const (
	defaultBudgetResources = 2_000_000
	defaultBudgetBytes     = 2 << 30
)

// budget is what an organization may store.
type budget struct{ resources, bytes int64 }

// budgetOf is the budget of an Organization.
func budgetOf(org *Resource) budget {
	number := func(path string, unless int64) int64 {
		if n := gjson.GetBytes(org.JSON, "budget."+path).Int(); n > 0 {
			return n
		}
		return unless
	}
	return budget{number("resources", defaultBudgetResources), number("bytes", defaultBudgetBytes)}
}

// keepBudget refuses a change that makes the organization larger than its budget. It is judged on the snapshot, where
// every node has counted: changes at the same time may go beyond it by what they add, and none waits for another.
// Error: Full, naming the budget.
func (tx *Tx) keepBudget() error {
	org := tx.snap.Organization()
	if org == nil || tx.frees() {
		return nil
	}
	resources, bytes := tx.growth()
	if resources <= 0 && bytes <= 0 {
		return nil
	}
	b := budgetOf(org)
	hasResources, hasBytes := tx.snap.scope.Size()
	const text = "budget.%s: the organization may have %d and would have %d: delete what is not needed, or have the " +
		"system scope raise it"
	switch {
	case resources > 0 && hasResources+resources > b.resources:
		return errorf(Full, "", text, "resources", b.resources, hasResources+resources)
	case bytes > 0 && hasBytes+bytes > b.bytes:
		return errorf(Full, "", text, "bytes", b.bytes, hasBytes+bytes)
	}
	return nil
}

// growth is how many more resources and bytes there will be in the organization.
func (tx *Tx) growth() (resources, bytes int64) {
	for id, r := range tx.staged {
		if r != nil && tx.snap.kind(r.Type).central {
			continue
		}
		if was := tx.snap.scope.Get(id); was != nil {
			resources, bytes = resources-1, bytes-was.Size()
		}
		if r != nil {
			resources, bytes = resources+1, bytes+r.Size()
		}
	}
	for _, added := range tx.members.edges {
		if added {
			bytes += state.GrantSize
		} else {
			bytes -= state.GrantSize
		}
	}
	return resources, bytes
}

// atMost refuses a new resource of a type of which there are so many that everybody's requests would cost more. It is
// judged on the snapshot, as budgets are. Error: TooLarge.
func (tx *Tx) atMost(most int, r *state.Record, plural string) error {
	n := tx.snap.home(r.Type).Count(r.Type)
	for id, other := range tx.staged {
		if other != nil && other.Type == r.Type && id != r.ID && tx.snap.scope.Get(id) == nil {
			n++
		}
	}
	if n >= most {
		return errorf(TooLarge, "", "the organization has %d %s, which is the limit: delete one", n, plural)
	}
	return nil
}
