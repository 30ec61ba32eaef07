package saml

import (
	"go/build"
	"strings"
	"testing"
)

// TestImportsNothingOfOurs is the wall of this room: the protocol can be read, tested and used without the rest.
func TestImportsNothingOfOurs(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkg.Imports) == 0 {
		t.Fatal("no imports were found")
	}
	for _, path := range pkg.Imports {
		if path == "rollcall" || strings.HasPrefix(path, "rollcall/") {
			t.Errorf("%s imports %s at %v", pkg.ImportPath, path, pkg.ImportPos[path][0])
		}
	}
}
