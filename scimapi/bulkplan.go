package scimapi

import (
	"cmp"
	"net/http"
	"slices"

	"rollcall/directory"
)

// plan puts the operations of a job into steps. A step comes after the steps that it depends on and otherwise as close
// to the order of the job as possible. An operation depends on the ones that create what it refers to, wherever they
// stand; on earlier ones about the same resource; and on earlier deletions of what it names. Everything after a change
// of definitions depends on that change.
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

// byLevel sorts steps so that those of a level come together.
func byLevel(steps []*step) {
	slices.SortStableFunc(steps, func(a, b *step) int { return cmp.Compare(a.level, b.level) })
}

// dependency is what an operation depends on.
type dependency struct {
	on    int
	after bool // the other operation must be committed before; otherwise it must only come first
}

// graph gathers the dependencies of operations, in the order of the job.
type graph struct {
	of       [][]dependency
	creators map[string]int       // POST operations by bulkId
	last     map[string]int       // the last operation by resource
	deleted  map[directory.ID]int // by resource
	barrier  int                  // the last change of definitions; -1 if there is none
}

// dependencies returns what each operation depends on.
func dependencies(operations []*operation) [][]dependency {
	g := &graph{of: make([][]dependency, len(operations)), creators: map[string]int{}, last: map[string]int{},
		deleted: map[directory.ID]int{}, barrier: -1}
	for i, o := range operations {
		if o.method == http.MethodPost && o.bulkID != "" {
			g.creators[o.bulkID] = i
		}
	}
	for i, o := range operations {
		g.references(i, o)
		g.sameResource(i, o)
		g.definitions(i, o)
	}
	return g.of
}

func (g *graph) add(i, on int, after bool) { g.of[i] = append(g.of[i], dependency{on, after}) }

// references adds the operations that create what an operation refers to.
func (g *graph) references(i int, o *operation) {
	for _, ref := range o.refs {
		if j, ok := g.creators[ref]; ok && j != i {
			g.add(i, j, true)
		}
	}
}

// sameResource adds the last operation about the same resource, and earlier deletions of the resources that it names.
func (g *graph) sameResource(i int, o *operation) {
	if o.target != "" {
		resource := o.endpoint + "/" + o.target
		if j, ok := g.last[resource]; ok {
			g.add(i, j, false)
		}
		g.last[resource] = i
	}
	if len(g.deleted) > 0 {
		eachText(o.data, func(text []byte) []byte {
			if id, ok := directory.ParseID(string(text)); ok {
				if j, ok := g.deleted[id]; ok {
					g.add(i, j, true)
				}
			}
			return text
		})
	}
	if o.method == http.MethodDelete && !o.id.IsZero() {
		g.deleted[o.id] = i
	}
}

// definitions adds the last change of definitions. A change of definitions depends on everything since the one before
// it.
func (g *graph) definitions(i int, o *operation) {
	if g.barrier >= 0 {
		g.add(i, g.barrier, true)
	}
	if o.defines() {
		for j := g.barrier + 1; j < i; j++ {
			g.add(i, j, true)
		}
		g.barrier = i
	}
}

// planner finds strongly connected operations by Tarjan's algorithm. It yields them in the order that a plan needs,
// each after what it depends on.
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

// emit adds a step of the operations given.
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
