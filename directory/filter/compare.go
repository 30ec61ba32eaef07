package filter

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// test compares one value of an attribute with the value of the filter.
type test struct {
	attr    *schema.Attribute
	op      Op
	key     string // of strings, references, binaries and dateTimes
	boolean bool
	number  number
	time    time.Time
}

// newTest checks that operator and value fit the attribute (RFC 7644 §3.4.2.2).
func newTest(a *schema.Attribute, op Op, v Value, strict bool) (test, error) {
	t := test{attr: a, op: op}
	if !supports(a.Kind, op) {
		return t, inapplicable(a, op)
	}
	switch a.Kind {
	case schema.Boolean:
		t.boolean = v.Bool
		if v.Kind == String && !strict { // active eq "True" (Entra ID)
			b, ok := schema.ParseBool(v.Text)
			if ok {
				v.Kind, t.boolean = Bool, b
			}
		}
		if v.Kind != Bool {
			return t, wrongValue(a, "true or false")
		}
	case schema.Integer, schema.Decimal:
		if v.Kind != Number {
			return t, wrongValue(a, "a number")
		}
		t.number = parseNumber(v.Text)
	case schema.DateTime:
		var ok bool
		if t.time, ok = schema.ParseTime(v.Text); v.Kind != String || !ok {
			return t, wrongValue(a, `a dateTime such as "2026-01-31T08:30:00Z"`)
		}
		t.key = a.Key(v.Text)
	default:
		if v.Kind != String {
			return t, wrongValue(a, "a string in double quotes")
		}
		t.key = a.Key(v.Text)
	}
	return t, nil
}

// supports reports whether the operator applies to values of the kind.
func supports(k schema.Kind, op Op) bool {
	switch k {
	case schema.Boolean, schema.Binary:
		return op == Eq || op == Ne
	case schema.Integer, schema.Decimal, schema.DateTime:
		return op != Co && op != Sw && op != Ew
	}
	return true
}

func inapplicable(a *schema.Attribute, op Op) error {
	return schema.Errorf(schema.InvalidFilter, a.Path, "is of type %s, which does not support %s", a.Kind, op)
}

func wrongValue(a *schema.Attribute, want string) error {
	return schema.Errorf(schema.InvalidFilter, a.Path, "is of type %s; compare it with %s", a.Kind, want)
}

// indexable reports whether an index of keys could answer the test.
func (t *test) indexable() bool {
	switch t.attr.Kind {
	case schema.String, schema.Reference, schema.DateTime:
		return t.op != Ne && t.op != Co && t.op != Ew
	}
	return false
}

// holds judges one value. An unassigned value differs from every value, so only ne holds.
func (t *test) holds(v gjson.Result) bool {
	switch t.attr.Kind {
	case schema.Boolean:
		if v.Type != gjson.True && v.Type != gjson.False {
			break
		}
		return (v.Type == gjson.True == t.boolean) == (t.op == Eq)
	case schema.Integer, schema.Decimal:
		if v.Type != gjson.Number {
			break
		}
		return ordered(t.op, parseNumber(v.Raw).compare(t.number))
	case schema.DateTime:
		at, ok := schema.ParseTime(v.Str)
		if v.Type != gjson.String || !ok {
			break
		}
		return ordered(t.op, at.Compare(t.time))
	default:
		if v.Type != gjson.String {
			break
		}
		return t.holdsText(v.Str)
	}
	return t.op == Ne
}

func (t *test) holdsText(s string) bool {
	if t.attr.CaseExact {
		return t.holdsKey(s)
	}
	var buffer [128]byte // so that most values are folded without allocation
	return t.holdsKey(asString(schema.AppendFold(buffer[:0], s)))
}

func (t *test) holdsKey(key string) bool {
	switch t.op {
	case Eq:
		return key == t.key
	case Co:
		return strings.Contains(key, t.key)
	case Sw:
		return strings.HasPrefix(key, t.key)
	case Ew:
		return strings.HasSuffix(key, t.key)
	}
	return ordered(t.op, compareOrdered(key, t.key))
}

// ordered says whether an order (-1, 0, 1) satisfies the operator.
func ordered(op Op, order int) bool {
	switch op {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Lt:
		return order < 0
	}
	return order <= 0
}

// number is a JSON number: exact if it is a 64-bit integer, otherwise the nearest float.
type number struct {
	float   float64
	integer int64
	exact   bool
}

func parseNumber(s string) number {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{integer: i, float: float64(i), exact: true}
	}
	f, _ := strconv.ParseFloat(s, 64) // ±Inf when out of range, which compares as it should
	if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
		return number{integer: int64(f), float: f, exact: true} // 10.0
	}
	return number{float: f}
}

func (n number) compare(m number) int {
	switch {
	case n.exact && m.exact:
		return compareOrdered(n.integer, m.integer)
	case n.exact:
		return -m.compareInteger(n.integer)
	case m.exact:
		return n.compareInteger(m.integer)
	}
	return compareOrdered(n.float, m.float)
}

// compareInteger compares a float that is not a 64-bit integer with an integer.
func (n number) compareInteger(i int64) int {
	switch {
	case n.float >= 1<<63:
		return 1
	case n.float < -1<<63:
		return -1
	}
	floor := math.Floor(n.float)
	if int64(floor) >= i {
		return 1
	}
	return -1
}

func compareOrdered[T int64 | float64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
