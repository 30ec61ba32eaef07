package filter

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rollcall/directory/schema"
)

// naive evaluates a filter on decoded values, straight from the words of RFC 7644 §3.4.2.2 and Appendix B of the
// requirements. It knows nothing of compilation.
type naive struct{ t *schema.ResourceType }

func (n naive) eval(e Expr, object map[string]any, within *schema.Attribute) bool {
	switch e := e.(type) {
	case *And:
		return n.eval(e.Left, object, within) && n.eval(e.Right, object, within)
	case *Or:
		return n.eval(e.Left, object, within) || n.eval(e.Right, object, within)
	case *Not:
		return !n.eval(e.Expr, object, within)
	case *Present:
		for _, v := range n.values(n.attribute(e.Path, within), object, within) {
			if nonEmpty(v) {
				return true
			}
		}
		return false
	case *Compare:
		a := n.attribute(e.Path, within)
		if a.Kind == schema.Complex && e.Value.Kind != Null {
			a = a.Attribute("value")
		}
		values := n.values(a, object, within)
		if e.Value.Kind == Null {
			some := false
			for _, v := range values {
				some = some || nonEmpty(v)
			}
			return some == (e.Op == Ne)
		}
		for _, v := range values {
			if n.compare(a, e.Op, v, e.Value) {
				return true
			}
		}
		return false
	case *ValuePath:
		a := n.attribute(e.Path, nil)
		for _, v := range n.values(a, object, nil) {
			switch v := v.(type) {
			case map[string]any:
				if n.eval(e.Filter, v, a) {
					return true
				}
			case nil:
			default:
				if n.eval(e.Filter, map[string]any{"value": v}, a) {
					return true
				}
			}
		}
		return false
	}
	panic(fmt.Sprintf("%T", e))
}

func (n naive) attribute(p Path, within *schema.Attribute) *schema.Attribute {
	if within == nil {
		return n.t.Lookup(p.String())
	}
	if within.Kind != schema.Complex {
		return within
	}
	return within.Attribute(p.Name)
}

// values lists the values of an attribute, nil standing for an unassigned one.
func (n naive) values(a *schema.Attribute, object map[string]any, within *schema.Attribute) []any {
	if within != nil {
		if a == within {
			return flatten(object["value"])
		}
		return flatten(object[a.Name])
	}
	if a.Parent == nil {
		if a.Path != a.Name {
			object, _ = object[a.URN].(map[string]any)
		}
		return flatten(object[a.Name])
	}
	var all []any
	for _, p := range n.values(a.Parent, object, nil) {
		inner, _ := p.(map[string]any)
		all = append(all, flatten(inner[a.Name])...)
	}
	return all
}

func flatten(v any) []any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list
	} else if ok {
		return []any{nil}
	}
	return []any{v}
}

func nonEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		for _, e := range v {
			if nonEmpty(e) {
				return true
			}
		}
		return false
	case map[string]any:
		for _, e := range v {
			if nonEmpty(e) {
				return true
			}
		}
		return false
	}
	return true
}

func (n naive) compare(a *schema.Attribute, op Op, v any, with Value) bool {
	if v == nil {
		return op == Ne
	}
	order := 0
	switch a.Kind {
	case schema.Boolean:
		return (v.(bool) == with.Bool) == (op == Eq)
	case schema.Integer, schema.Decimal:
		x, _ := new(big.Rat).SetString(string(v.(json.Number)))
		y, _ := new(big.Rat).SetString(with.Text)
		order = x.Cmp(y)
	case schema.DateTime:
		x, _ := time.Parse(time.RFC3339Nano, v.(string))
		y, _ := time.Parse(time.RFC3339Nano, with.Text)
		order = x.Compare(y)
	default:
		x, y := v.(string), with.Text
		if !a.CaseExact {
			x, y = strings.ToLower(x), strings.ToLower(y)
		}
		switch op {
		case Co:
			return strings.Contains(x, y)
		case Sw:
			return strings.HasPrefix(x, y)
		case Ew:
			return strings.HasSuffix(x, y)
		}
		order = strings.Compare(x, y)
	}
	return map[Op]bool{Eq: order == 0, Ne: order != 0, Gt: order > 0, Ge: order >= 0, Lt: order < 0, Le: order <= 0}[op]
}

func everyKind(t testing.TB) *schema.ResourceType {
	t.Helper()
	s, err := schema.CompileSchema([]byte(`{"id":"urn:example:Thing","attributes":[
		{"name":"name","type":"string"},
		{"name":"code","type":"string","caseExact":true},
		{"name":"on","type":"boolean"},
		{"name":"count","type":"integer"},
		{"name":"ratio","type":"decimal"},
		{"name":"at","type":"dateTime"},
		{"name":"tags","type":"string","multiValued":true},
		{"name":"owner","type":"complex","subAttributes":[
			{"name":"value","type":"string"},{"name":"since","type":"dateTime"}]},
		{"name":"parts","type":"complex","multiValued":true,"subAttributes":[
			{"name":"value","type":"string"},
			{"name":"type","type":"string","caseExact":true},{"name":"level","type":"integer"},
			{"name":"primary","type":"boolean"},{"name":"marks","type":"string","multiValued":true}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ext, err := schema.CompileSchema([]byte(`{"id":"urn:example:ext:1.0:Thing","attributes":[{"name":"site",` +
		`"type":"string"},{"name":"place","type":"complex","subAttributes":[{"name":"value","type":"string"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := schema.NewResourceType("Thing", "/Things", "", s, schema.Extension{Schema: ext})
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// dice makes random documents and filters from few values, so that they meet.
type dice struct {
	*rand.Rand
	t *schema.ResourceType
}

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

func (d dice) scalar(a *schema.Attribute) any {
	switch a.Kind {
	case schema.Boolean:
		return d.IntN(2) == 0
	case schema.Integer:
		return json.Number(pick(d, "0", "1", "-1", "10", "9007199254740993", "9007199254740992"))
	case schema.Decimal:
		return json.Number(pick(d, "0", "1.5", "1.50", "-0.25", "10", "1e1"))
	case schema.DateTime:
		return pick(d, "2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00.5Z",
			"2025-01-01T00:00:00Z")
	}
	return pick(d, "a", "A", "ab", "aB", "b", "é", "É", `q"\`, "")
}

func (d dice) value(a *schema.Attribute) any {
	one := func() any {
		if a.Kind == schema.Complex {
			return d.object(a.Sub)
		}
		return d.scalar(a)
	}
	if !a.MultiValued {
		return one()
	}
	list := []any{}
	for range d.IntN(4) {
		list = append(list, one())
	}
	return list
}

func (d dice) object(list []*schema.Attribute) map[string]any {
	values := map[string]any{}
	for _, a := range list {
		if d.IntN(2) == 0 {
			values[a.Name] = d.value(a)
		}
	}
	return values
}

func (d dice) document() schema.Document {
	doc := schema.Document(d.object(d.t.Schema.Attributes))
	if d.IntN(2) == 0 {
		doc[d.t.Extensions[0].Schema.ID] = d.object(d.t.Extensions[0].Schema.Attributes)
	}
	return doc
}

func (d dice) expr(depth int, within *schema.Attribute) Expr {
	if depth > 0 {
		switch d.IntN(5) {
		case 0:
			return &And{d.expr(depth-1, within), d.expr(depth-1, within)}
		case 1:
			return &Or{d.expr(depth-1, within), d.expr(depth-1, within)}
		case 2:
			return &Not{d.expr(depth-1, within)}
		case 3:
			if within == nil {
				a := d.t.Lookup(pick(d, "parts", "tags"))
				return &ValuePath{splitPath(a.Path), d.expr(depth-1, a)}
			}
		}
	}
	a, path := d.attribute(within)
	if d.IntN(5) == 0 {
		return &Present{path}
	}
	if d.IntN(8) == 0 {
		return &Compare{path, pick(d, Eq, Ne), Value{}}
	}
	if a.Kind == schema.Complex {
		a = a.Attribute("value")
	}
	switch v := d.scalar(a).(type) {
	case bool:
		return &Compare{path, pick(d, Eq, Ne), Value{Kind: Bool, Bool: v}}
	case json.Number:
		return &Compare{path, pick(d, Eq, Ne, Gt, Ge, Lt, Le), Value{Kind: Number, Text: string(v)}}
	case string:
		ops := []Op{Eq, Ne, Gt, Ge, Lt, Le, Co, Sw, Ew}
		if a.Kind == schema.DateTime {
			ops = ops[:6]
		}
		return &Compare{path, pick(d, ops...), Value{Kind: String, Text: v}}
	}
	panic("unreachable")
}

func (d dice) attribute(within *schema.Attribute) (*schema.Attribute, Path) {
	if within != nil {
		if within.Kind != schema.Complex {
			return within, Path{Name: "value"}
		}
		a := pick(d, within.Sub...)
		return a, Path{Name: a.Name}
	}
	const ext = "urn:example:ext:1.0:Thing:"
	path := pick(d, "name", "code", "on", "count", "ratio", "at", "tags", "owner", "owner.value", "owner.since",
		"parts", "parts.value", "parts.type",
		"parts.level", "parts.primary", "parts.marks", ext+"site", ext+"place", ext+"place.value")
	return d.t.Lookup(path), splitPath(path)
}

// TestMatchEqualsNaive: on random documents, random filters, written and read again, match as the naive evaluator says;
// and lookups hold for every match.
func TestMatchEqualsNaive(t *testing.T) {
	typ := everyKind(t)
	d := dice{rand.New(rand.NewPCG(1, 2)), typ}
	matched := 0
	for range 20000 {
		doc := d.document()
		stored, err := typ.Encode(doc)
		if err != nil {
			t.Fatal(err)
		}
		text := show(d.expr(4, nil))
		e, err := Parse(text, Options{Strict: true, Limits: Limits{Depth: 100}})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		q, err := Compile(e, typ, Options{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r := &resource{document: string(stored)}
		got, want := q.Match(r), naive{typ}.eval(e, doc, nil)
		if got != want {
			t.Fatalf("%s\non %s\nis %v, want %v", text, stored, got, want)
		}
		if got {
			matched++
		}
		for _, l := range q.Lookups() {
			if held := holds(typ, doc, l); got && !held {
				t.Fatalf("%s\non %s\nmatches, but its lookup %s %s %q does not hold", text, stored, l.Attribute.Path,
					l.Op, l.Key)
			}
		}
	}
	if matched < 2000 || matched > 18000 {
		t.Errorf("%d of 20000 matched: the dice are loaded", matched)
	}
}

// holds answers a lookup as an index of keys would.
func holds(typ *schema.ResourceType, doc schema.Document, l Lookup) bool {
	for _, v := range (naive{typ}).values(l.Attribute, doc, nil) {
		s, ok := v.(string)
		if !ok {
			continue
		}
		key := l.Attribute.Key(s)
		if l.Op == Sw && strings.HasPrefix(key, l.Key) || l.Op != Sw && ordered(l.Op, strings.Compare(key, l.Key)) {
			return true
		}
	}
	return false
}

// TestElementEqualsNaive: value filters on elements in Document form.
func TestElementEqualsNaive(t *testing.T) {
	typ := everyKind(t)
	d := dice{rand.New(rand.NewPCG(3, 4)), typ}
	parts := typ.Lookup("parts")
	for range 5000 {
		e, element := d.expr(3, parts), d.object(parts.Sub)
		q, err := CompileElement(e, parts, Options{})
		if err != nil {
			t.Fatalf("%s: %v", show(e), err)
		}
		if got, want := q.Match(element), (naive{typ}).eval(e, element, parts); got != want {
			t.Fatalf("%s on %v is %v, want %v", show(e), element, got, want)
		}
	}
}
