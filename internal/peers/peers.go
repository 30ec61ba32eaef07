// Package peers finds the programs that tests run against, which `make peers` installs.
package peers

import (
	"os"
	"os/exec"
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

// Missing skips the test because a peer is not installed, or fails it when ROLLCALL_REQUIRE_PEERS is 1.
func Missing(t testing.TB, peer string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing; make peers installs it", peer)
	}
	t.Skipf("%s is missing; make peers installs it", peer)
}
