package fair

import "slices"

// waiter is a task that waits for its turn.
type waiter struct{ granted chan struct{} }

// queue is the order in which tasks get their turns: organizations in turn, within one its credentials in turn, within
// one of these whoever came first.
type queue struct {
	size          int
	organizations *round[*round[[]*waiter]]
}

func newQueue() *queue { return &queue{organizations: newRound[*round[[]*waiter]]()} }

// push puts a waiter behind the others of its owner.
func (q *queue) push(w *waiter, o Owner) {
	credentials, ok := q.organizations.of[o.Organization]
	if !ok {
		credentials = newRound[[]*waiter]()
		q.organizations.add(o.Organization, credentials)
	}
	if line, ok := credentials.of[o.Credential]; ok {
		credentials.of[o.Credential] = append(line, w)
	} else {
		credentials.add(o.Credential, []*waiter{w})
	}
	q.size++
}

// pop takes out the waiter whose turn it is. There must be one.
func (q *queue) pop() *waiter {
	q.size--
	organization, credentials := q.organizations.next()
	credential, line := credentials.next()
	if credentials.of[credential] = line[1:]; len(line) > 1 {
		credentials.again(credential)
	} else {
		credentials.drop(credential)
	}
	if len(credentials.of) > 0 {
		q.organizations.again(organization)
	} else {
		q.organizations.drop(organization)
	}
	return line[0]
}

// remove takes out a waiter before its turn. It returns false if the waiter is not there any more.
func (q *queue) remove(w *waiter, o Owner) bool {
	credentials := q.organizations.of[o.Organization]
	if credentials == nil {
		return false
	}
	line := credentials.of[o.Credential]
	i := slices.Index(line, w)
	if i < 0 {
		return false
	}
	q.size--
	if line = slices.Delete(line, i, i+1); len(line) > 0 {
		credentials.of[o.Credential] = line
		return true
	}
	if credentials.drop(o.Credential); len(credentials.of) == 0 {
		q.organizations.drop(o.Organization)
	}
	return true
}

// round is what names that take turns have.
type round[T any] struct {
	of    map[string]T
	order []string // the names of of, the next first
}

func newRound[T any]() *round[T] { return &round[T]{of: map[string]T{}} }

// add adds a name, which is last.
func (r *round[T]) add(name string, v T) {
	r.of[name] = v
	r.order = append(r.order, name)
}

// next takes the name whose turn it is out of the order, for again or drop.
func (r *round[T]) next() (name string, v T) {
	name = r.order[0]
	r.order = r.order[1:]
	return name, r.of[name]
}

// again puts a name last in the order.
func (r *round[T]) again(name string) { r.order = append(r.order, name) }

// drop removes a name.
func (r *round[T]) drop(name string) {
	delete(r.of, name)
	if i := slices.Index(r.order, name); i >= 0 {
		r.order = slices.Delete(r.order, i, i+1)
	}
}
