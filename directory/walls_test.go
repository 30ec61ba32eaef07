package directory_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of this module, before every package of ours.
const module = "rollcall/"

// walls say what the production files of a package, and of those below it, may import. The longest name that fits
// counts.
var walls = []struct {
	name   string
	ours   []string // of our packages these, and those below it that have no row of their own
	theirs []string // none of these
}{
	{"directory/schema", nil, []string{"context", "net/http", "go.etcd.io/"}},
	{"directory/filter", []string{"directory/schema"}, []string{"context", "net/http", "go.etcd.io/"}},
	{"directory/internal/state", []string{"directory/schema"}, []string{"context", "net", "net/http", "os",
		"go.etcd.io/"}},
	{"directory/internal/store", []string{"directory/internal/state", "directory/schema"}, []string{"net/http"}},
	{"directory", []string{"directory/filter", "directory/schema", "directory/internal/state",
		"directory/internal/store", "internal/fair"},
		[]string{"net/http", "encoding/xml"}},
	{"directory/backup", []string{"directory", "directory/embedded"}, []string{"net/http"}},
	{"directory/embedded", []string{"directory/heal"}, []string{"net/http"}},
	{"directory/heal", nil, []string{"net/http"}},
	{"directory/directorytest", []string{"directory", "directory/embedded"}, nil},
	{"scimapi", []string{"directory", "directory/schema", "directory/filter", "scimapi/patch", "internal/bodies",
		"internal/fair", "internal/publicurl", "internal/remote", "internal/web"}, nil},
	{"scimapi/patch", []string{"directory/schema", "directory/filter"}, []string{"net/http", "context"}},
	{"samlhook", []string{"directory", "directory/schema", "directory/filter", "samlhook/saml", "internal/bodies",
		"internal/fair", "internal/publicurl", "internal/remote", "internal/txt", "internal/web"}, nil},
	{"samlhook/saml", nil, nil},
	{"internal/bodies", nil, nil},
	{"internal/chromium", []string{"internal/peers"}, nil},
	{"internal/fair", nil, []string{"net/http"}},
	{"internal/peers", nil, nil},
	{"internal/publicurl", nil, nil},
	{"internal/remote", nil, nil},
	{"internal/txt", nil, nil},
	{"internal/web", nil, nil},
	{"conformance", nil, nil},
}

// TestWalls checks that imports run downward only and that siblings do not know each other: samlhook and scimapi meet
// in the directory, the rooms of the directory lie on top of each other.
func TestWalls(t *testing.T) {
	seen := map[string]bool{}
	eachFile(t, func(pkg, file string, f *ast.File) {
		w := wallOf(pkg)
		if w < 0 {
			return
		}
		seen[walls[w].name] = true
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if own, ok := strings.CutPrefix(path, module); ok {
				if wallOf(own) != w && !slices.Contains(walls[w].ours, own) {
					t.Errorf("%s imports %s: it may import of ours %v", file, path, walls[w].ours)
				}
				continue
			}
			for _, no := range walls[w].theirs {
				if path == no || strings.HasSuffix(no, "/") && strings.HasPrefix(path, no) {
					t.Errorf("%s imports %s", file, path)
				}
			}
		}
	})
	for _, name := range []string{"directory", "directory/internal/state", "directory/internal/store", "scimapi",
		"samlhook"} {
		if !seen[name] {
			t.Errorf("no file of %s was checked", name)
		}
	}
}

// wallOf is the place in walls that counts for the package; -1 for none.
func wallOf(pkg string) int {
	w := -1
	for i := range walls {
		if below(pkg, walls[i].name) && (w < 0 || len(walls[i].name) > len(walls[w].name)) {
			w = i
		}
	}
	return w
}

// TestApplierAlone checks what the types promise: the state that can be changed is never named outside of the store,
// and the trees start no goroutine.
func TestApplierAlone(t *testing.T) {
	mutable := []string{"State", "New", "Build"}
	checked := 0
	eachFile(t, func(pkg, file string, f *ast.File) {
		if !below(pkg, "directory") || pkg == "directory/internal/store" {
			return
		}
		checked++
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if pkg == "directory/internal/state" {
					t.Errorf("%s starts a goroutine", file)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "state" && x.Obj == nil && slices.Contains(mutable,
					n.Sel.Name) {
					t.Errorf("%s uses state.%s, which belongs to the applier", file, n.Sel.Name)
				}
			}
			return true
		})
	})
	if checked < 50 {
		t.Errorf("only %d files were checked", checked)
	}
}

// below reports whether the package is the one of that name or lies below it.
func below(pkg, name string) bool { return pkg == name || strings.HasPrefix(pkg, name+"/") }

// eachFile calls f for every production file of the module.
func eachFile(t *testing.T, f func(pkg, file string, parsed *ast.File)) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && strings.HasPrefix(e.Name(), ".") {
			return filepath.SkipDir
		}
		if e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(filepath.Dir(rel)), rel, parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
