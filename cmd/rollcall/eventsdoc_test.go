package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/peers"
)

// TestEventsScript runs the script of docs/events.md: it prints each Event once, those of before and those that come,
// and goes on where it was when it is started again, or begins again where its place is gone.
func TestEventsScript(t *testing.T) {
	sh := peers.Find(t, "sh")
	peers.Find(t, "curl")
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(string(text))
	if script == nil {
		t.Fatal("docs/events.md has no script")
	}
	dir := t.TempDir()
	p, site := serveIn(t, filepath.Join(dir, "data"))
	scim, token := site+"/orgs/default/scim/v2", p.operatorToken()
	user := func(name string) {
		t.Helper()
		status, reply := ask(t, "POST", scim+"/Users", token,
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+name+`"}`)
		if status != 201 {
			t.Fatalf("%d %s", status, reply)
		}
	}
	run := func() (out *lockedBuffer, stop func()) {
		t.Helper()
		out = &lockedBuffer{}
		cmd := exec.CommandContext(t.Context(), sh, "-c", script[1])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "SCIM="+scim, "TOKEN="+token)
		cmd.Stdout, cmd.Stderr = out, out
		cmd.WaitDelay = time.Second // its curl may wait for an Event
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return out, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	}
	until := func(out *lockedBuffer, name string) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(out.String(), `"`+name+`"`); {
			if time.Now().After(deadline) {
				t.Fatalf("no %s in\n%s", name, out)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	once := func(out *lockedBuffer, names ...string) {
		t.Helper()
		for _, name := range names {
			if n := strings.Count(out.String(), `"display":"`+name+`"`); n != 1 {
				t.Errorf("%s %d times in\n%s", name, n, out)
			}
		}
	}

	for i := range 3 {
		user(fmt.Sprint("before-", i))
	}
	out, stop := run()
	until(out, "before-2")
	user("while-1")
	until(out, "while-1")
	user("while-2")
	until(out, "while-2")
	place := filepath.Join(dir, "rollcall-events.token")
	stop()
	once(out, "before-0", "before-1", "before-2", "while-1", "while-2")

	user("after")
	out, stop = run()
	until(out, "after")
	stop()
	if strings.Contains(out.String(), "before-") {
		t.Errorf("it began again:\n%s", out)
	}
	if err := os.WriteFile(place, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, stop = run()
	until(out, "after")
	stop()
	once(out, "before-0", "after")
	p.terminate()
}
