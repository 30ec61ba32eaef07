package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const orgPath = "/orgs/default/scim/v2"

// TestFirstStart: the operator token is shown once, only its owner can read the file, and it gives access to every
// scope.
func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p, site := serveIn(t, dir)
	token := p.operatorToken()
	for _, name := range []string{"operator.token", "secret.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data folder: %v, %v", info, err)
	}
	for _, path := range []string{"/scim/v2/Organizations", orgPath + "/Users"} {
		if status, body := ask(t, "GET", site+path, token, ""); status != http.StatusOK {
			t.Errorf("GET %s with the operator's token: %d %s", path, status, body)
		}
	}
	for _, c := range []struct {
		path, want string
		status     int
	}{
		{"/healthz", "ok", 200},
		{"/readyz", "ready", 200},
		{"/metrics", "rollcall_store_quota_ratio", 200},
		{"/metrics", `rollcall_http_request_duration_seconds_count{code="200",method="get"}`, 200},
		{"/", site + "/scim/v2", 200},
		{"/orgs/default", site + "/orgs/{organization}/login", 404},
	} {
		if status, body := ask(t, "GET", site+c.path, "", ""); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("GET %s: %d %s, want %d with %s", c.path, status, body, c.status, c.want)
		}
	}
	status, body := ask(t, "POST", site+orgPath+"/Users", token, user("ada"))
	if status != http.StatusCreated || !strings.Contains(body, site+orgPath+"/Users/") {
		t.Fatalf("create: %d %s", status, body)
	}
	p.terminate()

	p, site = serveIn(t, dir)
	filter := url.QueryEscape(`userName eq "ada"`)
	status, body = ask(t, "GET", site+orgPath+"/Users?filter="+filter, token, "")
	if !strings.Contains(body, `"totalResults":1`) {
		t.Errorf("after a restart: %d %s", status, body)
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	if status, out := p.exit(); status != 0 || strings.Contains(out, "Operator token") {
		t.Errorf("second start: exit status %d, printed %q", status, out)
	}
}

// TestOperatorTokenChanges: a restart changes the token, with a variable or without the file.
func TestOperatorTokenChanges(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveIn(t, dir)
	first := p.operatorToken()
	p.terminate()
	const given = "given-by-the-operator-1"
	for previous, status := range map[string]int{first: 200, "of-another-operator-0": 401} {
		p, site := serveIn(t, dir, "ROLLCALL_OPERATOR_TOKEN="+given, "ROLLCALL_PREVIOUS_OPERATOR_TOKEN="+previous)
		for token, want := range map[string]int{first: status, given: 200, previous: 200} {
			if status, _ := ask(t, "GET", site+orgPath+"/Users", token, ""); status != want {
				t.Errorf("token %q: %d, want %d", token, status, want)
			}
		}
		p.terminate()
	}
	if err := os.Remove(filepath.Join(dir, "operator.token")); err != nil {
		t.Fatal(err)
	}
	p, _ = serveIn(t, dir)
	if second := p.operatorToken(); second == first || len(second) < minOperatorToken {
		t.Errorf("tokens: %q, %q", first, second)
	}
}

func TestSecretKey(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveIn(t, dir)
	p.terminate()
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--data", dir}
	other := strings.Repeat("ab", 32)
	refused(t, 1, "fingerprint", append(serve, "--secret-key", other)...) // another key
	text, err := os.ReadFile(filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	refused(t, 1, "secret.key is missing", serve...)
	if _, err := os.Stat(filepath.Join(dir, "secret.key")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a start that failed made a new key")
	}
	first := strings.TrimSpace(string(text))
	p, _ = serveIn(t, dir, "ROLLCALL_PREVIOUS_SECRET_KEY="+first, "--secret-key", other)
	p.terminate()
	p, _ = serveIn(t, dir, "--secret-key", other)
	p.terminate()
	refused(t, 1, "fingerprint", append(serve, "--secret-key", first)...) // the key before the change
}

func TestListenTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range []string{"serve", "demo"} {
		refused(t, 1, "--listen: "+l.Addr().String(), command, "--listen", l.Addr().String(), "--data", dir+command)
		if _, err := os.Stat(filepath.Join(dir+command, "etcd")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s created data although it cannot listen", command)
		}
	}
}

func TestDataInUse(t *testing.T) {
	dir := t.TempDir()
	p, site := serveIn(t, dir)
	refused(t, 1, "--data: "+dir+" is in use", "serve", "--listen", "127.0.0.1:0", "--data", dir)
	if status, _ := ask(t, "GET", site+"/readyz", "", ""); status != http.StatusOK {
		t.Errorf("the first process no longer works: %d", status)
	}
	p.terminate()
}

// unfinished sends half of a request and returns when the server is reading its body.
func unfinished(t *testing.T, site, token string) (c net.Conn, rest string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(site, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	body := user("late")
	fmt.Fprintf(c, "POST %s/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/scim+json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		orgPath, token, len(body))
	line, err := bufio.NewReader(c).ReadString('\n') // sent when the handler reads the body
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := c.Write([]byte(body[:20])); err != nil {
		t.Fatal(err)
	}
	return c, body[20:]
}

// closed waits until nothing listens at the site any more.
func closed(t *testing.T, site string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(site, "http://"))
		if err != nil {
			return
		}
		c.Close()
	}
	t.Fatal("the address stays open")
}

const testToken = "operator-token-of-this-test"

func TestStopFinishesRequests(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_OPERATOR_TOKEN="+testToken)
	c, rest := unfinished(t, site, testToken)
	p.cmd.Process.Signal(syscall.SIGTERM)
	closed(t, site)
	if _, err := c.Write([]byte(rest)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for line := "\r\n"; ; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatalf("no answer: %v", err)
		} else if strings.Contains(line, "201 Created") {
			break
		} else if strings.HasPrefix(line, "HTTP/") {
			t.Fatal(line)
		}
	}
	if status, _ := p.exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestStopIsBounded(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_OPERATOR_TOKEN="+testToken, "--shutdown-timeout", "50ms")
	unfinished(t, site, testToken)
	p.cmd.Process.Signal(syscall.SIGTERM)
	if status, _ := p.exit(); status != 1 || !strings.Contains(p.err.String(), "cut off") {
		t.Errorf("exit status %d: %s", status, p.err.String())
	}
}

// TestNodeStopsWithItsParts: if the embedded etcd or the listener stops by itself, so does the program.
func TestNodeStopsWithItsParts(t *testing.T) {
	node := Node{Listen: "127.0.0.1:0", Data: t.TempDir(), ShutdownTimeout: patience}
	n, err := node.start(t.Context(), Logging{}.logger(t.Output(), 0))
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the embedded etcd stopped")
	n.failed <- cause
	if err := n.wait(t.Context()); !errors.Is(err, cause) {
		t.Errorf("wait: %v", err)
	}
	closed(t, n.public)
	again, err := openData(node.Data)
	if err != nil {
		t.Fatalf("the folder is still locked: %v", err)
	}
	again.Close()
}
