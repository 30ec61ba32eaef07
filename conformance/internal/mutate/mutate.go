package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A mutant is one change to the source.
type mutant struct {
	id   int
	file string // of the reference server
	line int
	what string // such as "== becomes !="
	set  string // usual or forced
	text string // the source line, which names the mutant across edits elsewhere
}

// The sets of operators. The usual ones are those that the suite was tuned by.
// Conditions that are always true or always false, "continue" that becomes
// "break", differences that become sums and min that becomes max are a
// population of their own, for samples that it was not tuned by.
const (
	usual  = "usual"
	forced = "forced"
)

// name tells a mutant apart from all others, also when lines move.
func (m mutant) name() string { return fmt.Sprintf("%s: %s: %s", m.file, m.what, m.text) }

// maker instruments the files of a package.
type maker struct {
	fset    *token.FileSet
	file    string
	lines   []string
	mutants []mutant
	seen    map[string]int
}

// add registers a mutant of the usual operators at a place.
func (k *maker) add(pos token.Pos, what string) *ast.BasicLit { return k.addTo(usual, pos, what) }

func (k *maker) addTo(set string, pos token.Pos, what string) *ast.BasicLit {
	line := k.fset.Position(pos).Line
	m := mutant{id: len(k.mutants) + 1, file: k.file, line: line, what: what, set: set,
		text: strings.TrimSpace(k.lines[line-1])}
	if k.seen[m.name()]++; k.seen[m.name()] > 1 {
		m.what = fmt.Sprintf("%s (%d)", what, k.seen[m.name()])
	}
	k.mutants = append(k.mutants, m)
	return &ast.BasicLit{Kind: token.INT, Value: fmt.Sprint(m.id)}
}

var embedded = regexp.MustCompile(`//go:embed (\S+)\nvar (\w+)`)

// instrument writes mutated copies of a package's files into a directory and
// returns what replaces what.
func (k *maker) instrument(pkg, out string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	overlay := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "doc.go" {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		k.file, k.lines = filepath.Base(path), strings.Split(string(src), "\n")
		f, err := parser.ParseFile(k.fset, path, src, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				k.block(fn.Body)
			}
		}
		var b bytes.Buffer
		if err := format.Node(&b, k.fset, f); err != nil {
			return nil, err
		}
		if bytes.Contains(src, []byte("\t\"strings\"\n")) {
			b.WriteString("\nvar _ = strings.ToLower // used, whatever was exchanged\n")
		}
		text := b.String()
		for _, m := range embedded.FindAllStringSubmatch(string(src), -1) { // comments are not kept
			text = strings.Replace(text, "\nvar "+m[2], "\n"+m[0], 1)
		}
		copied := filepath.Join(out, k.file)
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return nil, err
		}
		overlay[path] = copied
	}
	return overlay, nil
}

func (k *maker) block(b *ast.BlockStmt) { b.List = k.list(b.List) }

func (k *maker) list(in []ast.Stmt) []ast.Stmt {
	for i, s := range in {
		in[i] = k.stmt(s)
	}
	return in
}

// stmt instruments a statement and what is in it.
func (k *maker) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.BlockStmt:
		k.block(s)
	case *ast.IfStmt:
		s.Cond = k.condition(s.Cond)
		k.block(s.Body)
		if s.Else != nil {
			s.Else = k.stmt(s.Else)
		}
	case *ast.ForStmt:
		if s.Cond != nil {
			s.Cond = k.expr(s.Cond)
		}
		k.block(s.Body)
	case *ast.RangeStmt:
		k.block(s.Body)
	case *ast.SwitchStmt:
		for _, c := range s.Body.List {
			clause := c.(*ast.CaseClause)
			if s.Tag == nil {
				for i, e := range clause.List {
					clause.List[i] = k.condition(e)
				}
			}
			clause.Body = k.list(clause.Body)
		}
	case *ast.TypeSwitchStmt:
		for _, c := range s.Body.List {
			clause := c.(*ast.CaseClause)
			clause.Body = k.list(clause.Body)
		}
	case *ast.ReturnStmt:
		for i, e := range s.Results {
			s.Results[i] = k.expr(e)
		}
	case *ast.AssignStmt:
		for i, e := range s.Rhs {
			s.Rhs[i] = k.expr(e)
		}
		if s.Tok != token.DEFINE && !blank(s) {
			return k.dropped(s)
		}
	case *ast.ExprStmt:
		k.expr(s.X)
		return k.dropped(s)
	case *ast.IncDecStmt:
		return k.dropped(s)
	case *ast.LabeledStmt:
		s.Stmt = k.stmt(s.Stmt)
	case *ast.BranchStmt:
		if s.Tok == token.CONTINUE && s.Label == nil {
			id := k.addTo(forced, s.Pos(), "continue becomes break")
			return &ast.IfStmt{Cond: call("mutated", id), Body: &ast.BlockStmt{List: []ast.Stmt{
				&ast.BranchStmt{Tok: token.BREAK}}}, Else: &ast.BlockStmt{List: []ast.Stmt{s}}}
		}
	}
	return s
}

func blank(s *ast.AssignStmt) bool {
	id, ok := s.Lhs[0].(*ast.Ident)
	return ok && id.Name == "_"
}

// dropped makes a statement that one mutant leaves out.
func (k *maker) dropped(s ast.Stmt) ast.Stmt {
	id := k.add(s.Pos(), "statement dropped")
	return &ast.IfStmt{Cond: &ast.UnaryExpr{Op: token.NOT, X: call("mutated", id)},
		Body: &ast.BlockStmt{List: []ast.Stmt{s}}}
}

func call(name string, args ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: ast.NewIdent(name), Args: args}
}

// condition instruments a condition; what is not a comparison is negated.
func (k *maker) condition(e ast.Expr) ast.Expr {
	always := k.addTo(forced, e.Pos(), "condition always true")
	never := k.addTo(forced, e.Pos(), "condition always false")
	return call("mutForce", always, never, k.negatable(e))
}

func (k *maker) negatable(e ast.Expr) ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && swaps[b.Op] != "" {
		return k.expr(e)
	}
	id := k.add(e.Pos(), "condition negated")
	return call("mutBool", id, k.expr(e))
}

// swaps are the binary operators that are changed, with what they become.
var swaps = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&",
}

// weaker are functions of package strings that are exchanged.
var weaker = map[string]string{"HasPrefix": "Contains", "HasSuffix": "Contains", "Contains": "HasPrefix",
	"EqualFold": "", "ToLower": ""}

// expr instruments an expression.
func (k *maker) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.ParenExpr:
		e.X = k.expr(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			e.X = k.expr(e.X)
		}
	case *ast.BinaryExpr:
		return k.binary(e)
	case *ast.CallExpr:
		return k.call(e)
	case *ast.FuncLit:
		k.block(e.Body)
	case *ast.CompositeLit:
		for i, x := range e.Elts {
			if kv, ok := x.(*ast.KeyValueExpr); ok {
				kv.Value = k.expr(kv.Value)
			} else {
				e.Elts[i] = k.expr(x)
			}
		}
	case *ast.Ident:
		if e.Name == "true" || e.Name == "false" {
			return call("mutBool", k.add(e.Pos(), e.Name+" flipped"), ast.NewIdent(e.Name))
		}
	}
	return e
}

func (k *maker) binary(e *ast.BinaryExpr) ast.Expr {
	becomes := swaps[e.Op]
	if e.Op == token.SUB {
		id := k.addTo(forced, e.Pos(), "- becomes +")
		return call("mutSub", id, k.expr(e.X), k.expr(e.Y))
	}
	if becomes == "" {
		e.X, e.Y = k.expr(e.X), k.expr(e.Y)
		return e
	}
	id := k.add(e.Pos(), e.Op.String()+" becomes "+becomes)
	switch e.Op {
	case token.LAND, token.LOR:
		lazy := &ast.FuncLit{Type: &ast.FuncType{Params: &ast.FieldList{},
			Results: &ast.FieldList{List: []*ast.Field{{Type: ast.NewIdent("bool")}}}},
			Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{k.expr(e.Y)}}}}}
		return call(map[token.Token]string{token.LAND: "mutAnd", token.LOR: "mutOr"}[e.Op], id, k.expr(e.X), lazy)
	case token.EQL, token.NEQ:
		return call("mutBool", id, e)
	}
	// A comparison by order: the mutant answers otherwise where both are equal.
	equal := &ast.BinaryExpr{X: e.X, Op: token.EQL, Y: e.Y}
	return call("mutEdge", id, e, equal)
}

func (k *maker) call(e *ast.CallExpr) ast.Expr {
	for i, x := range e.Args {
		e.Args[i] = k.expr(x)
	}
	if f, ok := e.Fun.(*ast.Ident); ok && (f.Name == "min" || f.Name == "max") && len(e.Args) == 2 {
		other := map[string]string{"min": "max", "max": "min"}[f.Name]
		id := k.addTo(forced, e.Pos(), f.Name+" becomes "+other)
		e.Fun, e.Args = ast.NewIdent("mut"+strings.ToUpper(f.Name[:1])+f.Name[1:]), append([]ast.Expr{id}, e.Args...)
		return e
	}
	sel, ok := e.Fun.(*ast.SelectorExpr)
	if !ok {
		return e
	}
	pkg, ok := sel.X.(*ast.Ident)
	other, known := weaker[sel.Sel.Name]
	if !ok || pkg.Name != "strings" || !known {
		return e
	}
	switch sel.Sel.Name {
	case "EqualFold":
		id := k.add(e.Pos(), "strings.EqualFold becomes ==")
		e.Fun = call("mutEqual", id)
	case "ToLower":
		id := k.add(e.Pos(), "strings.ToLower dropped")
		e.Fun = call("mutSame", id)
	default:
		id := k.add(e.Pos(), "strings."+sel.Sel.Name+" becomes strings."+other)
		e.Fun = call("mutPick", id, sel, &ast.SelectorExpr{X: ast.NewIdent("strings"), Sel: ast.NewIdent(other)})
	}
	return e
}

// switches is the file that the copies are compiled with.
const switches = `package refserver

import "strings"

// Mutant is the mutant that is alive; 0 for none.
var Mutant int

func mutated(id int) bool { return Mutant == id }

func mutBool(id int, v bool) bool { return v != (Mutant == id) }

func mutForce(always, never int, v bool) bool { return (v || Mutant == always) && Mutant != never }

func mutSub[N ~int | ~int64](id int, a, b N) N {
	if Mutant == id {
		return a + b
	}
	return a - b
}

func mutMin[N ~int | ~int64](id int, a, b N) N {
	if Mutant == id {
		return max(a, b)
	}
	return min(a, b)
}

func mutMax[N ~int | ~int64](id int, a, b N) N {
	if Mutant == id {
		return min(a, b)
	}
	return max(a, b)
}

func mutEdge(id int, v, equal bool) bool { return v != (Mutant == id && equal) }

func mutAnd(id int, a bool, b func() bool) bool {
	if Mutant == id {
		return a || b()
	}
	return a && b()
}

func mutOr(id int, a bool, b func() bool) bool {
	if Mutant == id {
		return a && b()
	}
	return a || b()
}

func mutPick[F any](id int, f, g F) F {
	if Mutant == id {
		return g
	}
	return f
}

func mutEqual(id int) func(a, b string) bool {
	if Mutant == id {
		return func(a, b string) bool { return a == b }
	}
	return strings.EqualFold
}

func mutSame(id int) func(string) string {
	if Mutant == id {
		return func(s string) string { return s }
	}
	return strings.ToLower
}
`

// runner is the test that is compiled into the suite's package.
const runner = `package conformance

import (
	"flag"
	"fmt"
	"net/http"
	"testing"

	"rollcall/conformance/refserver"
)

var mutantID = flag.Int("mutant", 0, "")

// TestMutant runs the suite on one mutant and prints what finds it.
func TestMutant(t *testing.T) {
	refserver.Mutant = *mutantID
	for _, config := range []string{"full", "cursorOnly", "redirect", "minimal"} {
		srv := refserver.New(refOptions[config])
		guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if e := recover(); e != nil {
					panic(http.ErrAbortHandler)
				}
			}()
			srv.ServeHTTP(w, r)
		})
		target := refTarget(srv, guarded)
		if config == "cursorOnly" {
			target.Profile = ProfileRFC
		}
		rep, err := Run(t.Context(), target)
		if err != nil {
			fmt.Printf("FOUND %s: %v\n", config, err)
			return
		}
		for _, r := range append(rep.Failures(), rep.Warnings()...) {
			fmt.Printf("FOUND %s: %s: %.150s\n", config, r.ID, r.Findings[0].Message)
			return
		}
		if len(rep.Leftovers) > 0 {
			fmt.Printf("FOUND %s: leftovers\n", config)
			return
		}
	}
	fmt.Println("SURVIVED")
}
`
