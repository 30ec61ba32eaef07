package samltest

import (
	"os"
	"os/exec"
	"testing"
)

// Peer is the path of a program that a test runs against. Without the program the test is skipped, or fails when
// ROLLCALL_REQUIRE_PEERS is 1.
func Peer(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		NoPeer(t, program)
	}
	return path
}

// NoPeer skips the test because a peer is not installed, or fails it when ROLLCALL_REQUIRE_PEERS is 1.
func NoPeer(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", missing)
	}
	t.Skipf("%s is not installed", missing)
}
