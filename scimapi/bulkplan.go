package scimapi

import (
	"cmp"
	"net/http"
	"slices"

	"rollcall/directory"
)

// dependency of an operation: after says that the other one has to be committed before, not only to come first.
type dependency struct {
	on    int
	after bool
}

// plan puts the operations of a job into steps, each behind those that it depends on, and else as near to the order of
// the job as possible. An operation depends on those that make what it refers to, wherever they stand; on earlier ones
// about the same resource; on earlier deletions of what it names; and whatever comes behind a change of definitions
// depends on it.
func plan(operations []*operation) []*step {
	p := &planner{dependencies: dependencies(operations), operations: operations,
		number: make([]int, len(operations)), low: make([]int, len(operations)), in: make([]*step, len(operations))}
	for i := range operations {
		if p.number[i] == 0 {
			p.visit(i)
		}
	}
	return p.steps
}

// byLevel sorts steps so that all of a level come together.
func byLevel(steps []*step) {
	slices.SortStableFunc(steps, func(a, b *step) int { return cmp.Compare(a.level, b.level) })
}

func dependencies(operations []*operation) [][]dependency {
	makes, last, deleted := map[string]int{}, map[string]int{}, map[directory.ID]int{}
	for i, o := range operations {
		if o.method == http.MethodPost && o.bulkID != "" {
			makes[o.bulkID] = i
		}
	}
	all := make([][]dependency, len(operations))
	barrier := -1 // the last change of definitions
	for i, o := range operations {
		on := func(j int, after bool) { all[i] = append(all[i], dependency{j, after}) }
		for _, ref := range o.refs {
			if j, ok := makes[ref]; ok && j != i {
				on(j, true)
			}
		}
		if o.target != "" {
			if j, ok := last[o.endpoint+"/"+o.target]; ok {
				on(j, false)
			}
			last[o.endpoint+"/"+o.target] = i
		}
		if len(deleted) > 0 {
			eachText(o.data, func(text []byte) []byte {
				if id, ok := directory.ParseID(string(text)); ok {
					if j, ok := deleted[id]; ok {
						on(j, true)
					}
				}
				return text
			})
		}
		if o.method == http.MethodDelete && !o.id.IsZero() {
			deleted[o.id] = i
		}
		if barrier >= 0 {
			on(barrier, true)
		}
		if o.defines() {
			for j := barrier + 1; j < i; j++ {
				on(j, true)
			}
			barrier = i
		}
	}
	return all
}

// planner finds strongly connected operations by Tarjan's algorithm, which yields them in the order that is wanted
// here: each behind what it depends on.
type planner struct {
	operations   []*operation
	dependencies [][]dependency
	steps        []*step
	in           []*step // by operation
	number, low  []int
	count        int
	stack        []int
}

func (p *planner) visit(i int) {
	p.count++
	p.number[i], p.low[i] = p.count, p.count
	p.stack = append(p.stack, i)
	for _, d := range p.dependencies[i] {
		if p.number[d.on] == 0 {
			p.visit(d.on)
			p.low[i] = min(p.low[i], p.low[d.on])
		} else if p.in[d.on] == nil { // on the stack
			p.low[i] = min(p.low[i], p.number[d.on])
		}
	}
	if p.low[i] == p.number[i] {
		at := slices.Index(p.stack, i)
		p.emit(slices.Sorted(slices.Values(p.stack[at:])))
		p.stack = p.stack[:at]
	}
}

func (p *planner) emit(members []int) {
	s := &step{}
	for _, i := range members {
		s.operations = append(s.operations, p.operations[i])
		for _, d := range p.dependencies[i] {
			if other := p.in[d.on]; other != nil {
				s.level = max(s.level, other.level)
				if d.after {
					s.level = max(s.level, other.level+1)
				}
			}
		}
	}
	for _, i := range members {
		p.in[i] = s
	}
	p.steps = append(p.steps, s)
}
