package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asCommand makes the test binary run as the program, so that tests start the real one.
const asCommand = "ROLLCALL_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for something that should happen soon.
const patience = 60 * time.Second

// process is a running rollcall.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of the standard output
	err   lockedBuffer
	done  chan struct{}
	seen  []string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// cleanEnv is this process's environment without the variables that configure rollcall.
func cleanEnv(extra ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ROLLCALL_") {
			env = append(env, v)
		}
	}
	return append(append(env, asCommand+"=1"), extra...)
}

// spawn starts rollcall with the arguments; NAME=value arguments in front are its environment.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	var env []string
	for len(args) > 0 && strings.HasPrefix(args[0], "ROLLCALL_") {
		env, args = append(env, args[0]), args[1:]
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return spawnProgram(t, cleanEnv(env...), self, args...)
}

func spawnProgram(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), lines: make(chan string, 1000), done: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stderr = &p.err
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			command := filepath.Base(program) + " " + strings.Join(args, " ")
			t.Logf("%s\n%s\n%s", command, strings.Join(p.seen, "\n"), end(p.err.String()))
		}
	})
	return p
}

// end is the end of a log: its last 50 lines.
func end(log string) string {
	lines := strings.SplitAfter(log, "\n")
	return strings.Join(lines[max(0, len(lines)-50):], "")
}

// line waits for a line of output that begins with prefix and returns the rest of it.
func (p *process) line(prefix string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("the process ended without the line %q\n%s", prefix, p.err.String())
			}
			p.seen = append(p.seen, line)
			if rest, found := strings.CutPrefix(line, prefix); found {
				return strings.TrimSpace(rest)
			}
		case <-timeout:
			p.t.Fatalf("no line %q", prefix)
		}
	}
}

// exit waits for the end and returns the exit status and all the output that was not read yet.
func (p *process) exit() (status int, out string) {
	p.t.Helper()
	timeout := time.After(patience)
	var b strings.Builder
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				<-p.done
				return p.cmd.ProcessState.ExitCode(), b.String()
			}
			b.WriteString(line + "\n")
		case <-timeout:
			p.t.Fatalf("the process does not end\n%s", p.err.String())
		}
	}
}

// terminate sends SIGTERM and expects a clean end.
func (p *process) terminate() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if status, _ := p.exit(); status != 0 {
		p.t.Fatalf("exit status %d after SIGTERM\n%s", status, p.err.String())
	}
}

// servingLine starts the line that a node prints when it serves; its URL follows.
const servingLine = "Rollcall is serving "

// serveIn starts rollcall serve on a free port with its data in dir and waits until it serves.
func serveIn(t *testing.T, dir string, args ...string) (p *process, url string) {
	t.Helper()
	var env []string
	for len(args) > 0 && strings.HasPrefix(args[0], "ROLLCALL_") {
		env, args = append(env, args[0]), args[1:]
	}
	all := append(env, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	p = spawn(t, append(all, args...)...)
	return p, p.line(servingLine)
}

// refused runs a command that should fail, and checks its exit status and that its message contains want.
func refused(t *testing.T, status int, want string, args ...string) {
	t.Helper()
	p := spawn(t, args...)
	got, _ := p.exit()
	said := p.err.String()
	if got != status || !strings.Contains(said, want) || strings.Contains(said, "goroutine") {
		t.Errorf("%s: exit status %d, want %d; want %q in\n%s", strings.Join(args, " "), got, status, want, said)
	}
}

// operatorToken reads the token that a first start prints.
func (p *process) operatorToken() string {
	p.t.Helper()
	p.line("Operator token")
	return p.line("  ")
}

// ask sends a request and returns the status and the body.
func ask(t *testing.T, method, address, token, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/scim+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}
