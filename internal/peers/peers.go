// Package peers finds the programs that tests run against, which `make peers` installs.
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Find is the path of a program. Without the program the test is skipped, or fails when ROLLCALL_REQUIRE_PEERS is 1.
func Find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program)
	}
	return path
}

// File is the path of a file that `make peers` installs below bin, given relative to it. Without the file the test is
// skipped, as by Find.
func File(t testing.TB, name string) string {
	t.Helper()
	for root := "."; ; root = filepath.Join("..", root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
			if whole, err := filepath.Abs(root); err != nil || whole == filepath.Dir(whole) {
				t.Fatal("the test does not run below a go.mod")
			}
			continue
		}
		file := filepath.Join(root, "bin", name)
		if _, err := os.Stat(file); err != nil {
			Missing(t, name)
		}
		return file
	}
}

// Missing skips the test because a peer is not installed, or fails it when ROLLCALL_REQUIRE_PEERS is 1.
func Missing(t testing.TB, peer string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing; make peers installs it", peer)
	}
	t.Skipf("%s is missing; make peers installs it", peer)
}
