package filter

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// show writes an expression with every bracket, so that precedence is seen.
func show(e Expr) string {
	switch e := e.(type) {
	case *And:
		return "(" + show(e.Left) + " and " + show(e.Right) + ")"
	case *Or:
		return "(" + show(e.Left) + " or " + show(e.Right) + ")"
	case *Not:
		return "not (" + show(e.Expr) + ")"
	case *Present:
		return e.Path.String() + " pr"
	case *ValuePath:
		return e.Path.String() + "[" + show(e.Filter) + "]"
	case *Compare:
		v := "null"
		switch e.Value.Kind {
		case Bool:
			v = fmt.Sprint(e.Value.Bool)
		case Number:
			v = e.Value.Text
		case String:
			v = quote(e.Value.Text)
		}
		return e.Path.String() + " " + e.Op.String() + " " + v
	}
	return fmt.Sprintf("%T", e)
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

const eu = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func TestParse(t *testing.T) {
	cases := []struct {
		name, in, want string
		lenient        bool // refused when strict
	}{
		{"comparison", `userName eq "bjensen"`, `userName eq "bjensen"`, false},
		{"R7644-3.4.2.2-03 operators in any case", `userName Eq "a" AND title PR Or NOT (nickName Co "x")`,
			`((userName eq "a" and title pr) or not (nickName co "x"))`, false},
		{"R7644-3.4.2.2-06 and before or", `a pr or b pr and c pr`, `(a pr or (b pr and c pr))`, false},
		{"R7644-3.4.2.2-06 not before and", `not (a pr) and b pr`, `(not (a pr) and b pr)`, false},
		{"R7644-3.4.2.2-07 parentheses", `(a pr or b pr) and c pr`, `((a pr or b pr) and c pr)`, false},
		{"and from the left", `a pr and b pr and c pr`, `((a pr and b pr) and c pr)`, false},
		{"or from the left", `a pr or b pr or c pr`, `((a pr or b pr) or c pr)`, false},
		{"R7644-3.4.2.2-08 not without a space", `not(a pr)`, `not (a pr)`, false},
		{"no spaces around parentheses", `(a pr)and(b pr)or(c pr)`, `((a pr and b pr) or c pr)`, false},
		{"spaces", "  ( a  pr )  ", `a pr`, false},
		{"names that begin like operators", `notes eq "x" and order pr or andy pr`,
			`((notes eq "x" and order pr) or andy pr)`, false},
		{"an attribute called not", `not eq "x"`, `not eq "x"`, false},
		{"R7644-3.4.2.2-09 values", `a eq true and b eq false and c eq null and d eq 10 and e eq -1.5e3`,
			`((((a eq true and b eq false) and c eq null) and d eq 10) and e eq -1.5e3)`, false},
		{"R7644-3.4.2.2-09 escapes", `a eq "q\"b\\\u00e9\/"`, `a eq "q\"b\\é/"`, false},
		{"empty string", `a eq ""`, `a eq ""`, false},
		{"a string of operators", `a eq "x and (y) or [z]"`, `a eq "x and (y) or [z]"`, false},
		{"R7644-3.4.2.2-11 URN", `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
			`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`, false},
		{"R7644-3.10-01 URN with sub-attribute", eu + `:manager.value eq "x"`, eu + `:manager.value eq "x"`, false},
		{"bare URN", eu + ` pr`, eu + ` pr`, false},
		{"R7644-3.4.2.2-16 value path", `emails[type eq "work" or (type eq "home" and not (value ew "@x"))]`,
			`emails[(type eq "work" or (type eq "home" and not (value ew "@x")))]`, false},
		{"R7644-3.4.2.2-17 value paths joined", `emails[type eq "work"] or ims[type eq "xmpp"]`,
			`(emails[type eq "work"] or ims[type eq "xmpp"])`, false},
		{"value path with a URN", eu + `:list[a pr]`, eu + `:list[a pr]`, false},
		{"$ref", `members[$ref eq "x"]`, `members[$ref eq "x"]`, false},
		{"nested names", `jit.update.default eq "never"`, `jit.update.default eq "never"`, false},
		{"comparison after a value path", `emails[type eq "work"].value eq "x" and a pr`,
			`(emails[(type eq "work" and value eq "x")] and a pr)`, true},
		{"presence after a value path", `emails[type eq "work"].value pr`,
			`emails[(type eq "work" and value pr)]`, true},
		{"B-05 bare word", `userName eq bjensen@x.com`, `userName eq "bjensen@x.com"`, true},
		{"bare word in parentheses", `(userName eq bjensen)`, `userName eq "bjensen"`, true},
		{"bare word in brackets", `emails[type eq work]`, `emails[type eq "work"]`, true},
		{"bare word that begins like a number", `externalId eq 12ab-3`, `externalId eq "12ab-3"`, true},
		{"bare True", `active eq True`, `active eq "True"`, true},
		{"single quotes", `userName eq 'it\'s \\ a'`, `userName eq "it's \\ a"`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e, err := Parse(c.in, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := show(e); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			strict, err := Parse(c.in, Options{Strict: true})
			if c.lenient {
				wantError(t, err, schema.InvalidFilter)
			} else if err != nil || show(strict) != c.want {
				t.Errorf("strict: %v (%v)", strict, err)
			}
		})
	}
}

func wantError(t *testing.T, err error, typ string) {
	t.Helper()
	if e, ok := err.(*schema.Error); !ok || e.Type != typ || e.Detail == "" {
		t.Fatalf("got %#v, want %s", err, typ)
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct {
		name, in string
		at       int // the position that the error names; 0: none
	}{
		{"R7644-3.4.2.2-04 empty", ``, 1},
		{"blank", ` `, 2},
		{"name only", `userName`, 9},
		{"no value", `userName eq`, 12},
		{"no value after a space", `userName eq `, 13},
		{"no name", `eq "x"`, 4},
		{"open string", `userName eq "x`, 13},
		{"open string, escape", `userName eq "x\`, 13},
		{"open group", `(userName pr`, 13},
		{"closed twice", `(userName pr))`, 14},
		{"two values", `userName eq "a" "b"`, 17},
		{"two values without a space", `userName eq "a""b"`, 16},
		{"R7644-3.4.2.2-05 unknown operator", `userName regex "x"`, 10},
		{"an operator glued to its value", `userName eq"x"`, 12},
		{"nothing after and", `a pr and`, 9},
		{"and twice", `a pr and and b pr`, 14},
		{"R7644-3.4.2.2-16 nested value path", `emails[a[b eq 1]]`, 9},
		{"open bracket", `emails[type eq "x"`, 19},
		{"empty brackets", `emails[]`, 8},
		{"B-05 two bare words", `userName eq alice smith`, 19},
		{"B-05 bare keyword", `userName eq and`, 13},
		{"B-05 bare word with a quote", `userName eq O'Malley`, 13},
		{"B-05 bare word with a parenthesis", `userName eq f(x)`, 13},
		{"open single quote", `a eq 'x`, 6},
		{"bad escape", `a eq "\x"`, 6},
		{"control character", "a eq \"\n\"", 7},
		{"not UTF-8", "a eq \"\xff\"", 0},
		{"double dot", `name..x pr`, 1},
		{"dot at the end", `name. pr`, 1},
		{"a digit first", `9a pr`, 1},
		{"a colon outside a URN", `a:b pr`, 2},
		{"not without parentheses", `not a pr`, 5},
		{"a slash", `name/givenName pr`, 5},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.in, Options{})
			wantError(t, err, schema.InvalidFilter)
			if want := fmt.Sprintf("at position %d: ", c.at); c.at > 0 && !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	small := Options{Limits: Limits{Length: 100, Depth: 3, Terms: 4}}
	cases := []struct {
		name, in string
		limit    string // that the error names; "" for none
	}{
		{"length", `a eq "` + strings.Repeat("x", 93) + `"`, ""},
		{"length exceeded", `a eq "` + strings.Repeat("x", 95) + `"`, "100"},
		{"depth", `((a[b pr]))`, ""},
		{"depth exceeded", `(((a[b pr])))`, "3"},
		{"depth by not", `not (not (not (not (a pr))))`, "3"},
		{"terms", `a pr and b pr and c pr and d pr`, ""},
		{"terms exceeded", `a pr and b pr and c pr and d pr or e pr`, "4"},
		{"groups one after the other", `(a pr) and (b pr) and (c pr) and (d pr)`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.in, small)
			if c.limit == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantError(t, err, schema.InvalidFilter)
			if !strings.Contains(err.Error(), c.limit) {
				t.Errorf("got %q, which does not name %s", err, c.limit)
			}
		})
	}
	if _, err := Parse(strings.Repeat("(", 10000), Options{}); err == nil {
		t.Error("the default depth is not bounded")
	}
}

func TestParsePath(t *testing.T) {
	cases := []struct {
		name, in, path, filter, sub string
		typ                         string
	}{
		{"attribute", `userName`, "userName", "", "", ""},
		{"sub-attribute", `NAME.familyname`, "NAME.familyname", "", "", ""},
		{"R7644-3.5.2-07 URN", eu + `:manager.value`, eu + ":manager.value", "", "", ""},
		{"extension", eu, eu, "", "", ""},
		{"extension that ends in a number", `urn:example:extension:1.0`, `urn:example:extension:1.0`, "", "", ""},
		{"value path", `members[value eq "2819"]`, "members", `value eq "2819"`, "", ""},
		{"value path with sub-attribute", `emails[type eq "work" and value ew "x"].display`, "emails",
			`(type eq "work" and value ew "x")`, "display", ""},
		{"capitals", `addresses[type eq "other"].Formatted`, "addresses", `type eq "other"`, "Formatted", ""},
		{"nested", `jit.update.default`, "jit.update.default", "", "", ""},
		{"R7644-3.5.2-05 empty", ``, "", "", "", schema.InvalidPath},
		{"open bracket", `emails[`, "", "", "", schema.InvalidPath},
		{"R7644-3.12-08 no value", `emails[type eq].value`, "", "", "", schema.InvalidFilter},
		{"double dot", `name..x`, "", "", "", schema.InvalidPath},
		{"two words", `a b`, "", "", "", schema.InvalidPath},
		{"R7644-3.5.2-06 index", `emails[0].value`, "", "", "", schema.InvalidFilter},
		{"slash", `emails/0`, "", "", "", schema.InvalidPath},
		{"a filter, not a path", `userName eq "x"`, "", "", "", schema.InvalidPath},
		{"R7644-3.12-08 unknown operator", `emails[type foo "x"]`, "", "", "", schema.InvalidFilter},
		{"after the bracket", `emails[type pr]value`, "", "", "", schema.InvalidPath},
		{"no sub-attribute after the dot", `emails[type pr].`, "", "", "", schema.InvalidPath},
		{"two value paths", `emails[type pr].x[type pr]`, "", "", "", schema.InvalidPath},
		{"URN after the bracket", `emails[type pr].urn:a:b`, "", "", "", schema.InvalidPath},
		{"too long", strings.Repeat("a", DefaultLimits.Length+1), "", "", "", schema.InvalidPath},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePath(c.in, Options{})
			if c.typ != "" {
				wantError(t, err, c.typ)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			filter := ""
			if p.Filter != nil {
				filter = show(p.Filter)
			}
			if p.Path.String() != c.path || filter != c.filter || p.Sub != c.sub {
				t.Errorf("got %+v with filter %s", p, filter)
			}
		})
	}
	p, err := ParsePath(eu+":manager.value", Options{})
	if want := (Path{URN: eu, Name: "manager", Sub: "value"}); err != nil || p.Path != want {
		t.Errorf("got %+v (%v), want %+v", p.Path, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`userName eq "bjensen"`, `a pr or b pr and not (c pr)`,
		`emails[type eq "work" and value co "@x"].value eq "x"`, eu + `:manager.value ne null`,
		`active eq True`, `a eq 'x\'y'`, `a eq "\ud83d\ude00"`, `((a gt -1.5e3))`, `emails[`, `a eq "\`, `a eq 'x\`,
		"a eq \"\x00\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, o := range []Options{{}, {Strict: true}} {
			e, err := Parse(s, o)
			if err != nil {
				wantError(t, err, schema.InvalidFilter)
				continue
			}
			// What is shown in full brackets means the same.
			again, err := Parse(show(e),
				Options{Strict: true, Limits: Limits{Length: 1 << 20, Depth: 10000, Terms: 10000}})
			if err != nil || show(again) != show(e) {
				t.Fatalf("%q: %s is read as %v (%v)", s, show(e), again, err)
			}
			for _, typ := range []*schema.ResourceType{schema.User(), schema.Group()} {
				q, err := Compile(e, typ, o)
				if err != nil {
					wantError(t, err, schema.InvalidFilter)
					continue
				}
				q.Match(sampleUser)
			}
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{`name.givenName`, `emails[type eq "work"].value`, eu + `:manager`, `members[value eq x]`,
		`a[b pr].c.d`, `emails[0]`, `urn:`, `urn:a.b:c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s, Options{})
		if err != nil {
			if e, ok := err.(*schema.Error); !ok || e.Type != schema.InvalidPath && e.Type != schema.InvalidFilter {
				t.Fatalf("got %#v", err)
			}
			return
		}
		text := p.Path.String()
		if p.Filter != nil {
			text += "[" + show(p.Filter) + "]"
		}
		if p.Sub != "" {
			text += "." + p.Sub
		}
		again, err := ParsePath(text, Options{Limits: Limits{Length: 1 << 20, Depth: 10000, Terms: 10000}})
		if err != nil || again.Path != p.Path || again.Sub != p.Sub {
			t.Fatalf("%q is read as %+v, again as %+v (%v)", s, p, again, err)
		}
	})
}
