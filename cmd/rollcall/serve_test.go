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

// TestFirstStart: the operator's token is shown once, kept for its owner alone, and good for every scope.
func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p, site := serveIn(t, dir)
	token := func() string { p.line("Operator token, shown this once"); return p.line("  ") }()
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
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "rollcall_store_quota_ratio", "/": site + "/scim/v2"} {
		if status, body := ask(t, "GET", site+path, "", ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	if status, body := ask(t, "GET", site+"/orgs/default", "", ""); status != http.StatusNotFound || !strings.Contains(body, site+"/orgs/{organization}/login") {
		t.Errorf("an address where nothing is: %d %s", status, body)
	}
	if _, body := ask(t, "GET", site+"/metrics", "", ""); !strings.Contains(body, `rollcall_http_request_duration_seconds_count{code="200",method="get"}`) {
		t.Error("requests are not measured")
	}
	status, body := ask(t, "POST", site+orgPath+"/Users", token, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`)
	if status != http.StatusCreated || !strings.Contains(body, site+orgPath+"/Users/") {
		t.Fatalf("create: %d %s", status, body)
	}
	p.terminate()

	p, site = serveIn(t, dir)
	if status, body := ask(t, "GET", site+orgPath+"/Users?filter="+url.QueryEscape(`userName eq "ada"`), token, ""); !strings.Contains(body, `"totalResults":1`) {
		t.Errorf("after a restart: %d %s", status, body)
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	if status, out := p.exit(); status != 0 || strings.Contains(out, "Operator token") {
		t.Errorf("second start: exit status %d, printed %q", status, out)
	}
}

// TestOperatorTokenChanges: by restart with a variable, and by removing the file.
func TestOperatorTokenChanges(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveIn(t, dir)
	p.line("Operator token")
	first := p.line("  ")
	p.terminate()
	const given = "given-by-the-operator-1"
	p, site := serveIn(t, dir, "ROLLCALL_OPERATOR_TOKEN="+given)
	for token, want := range map[string]int{first: 401, given: 200} {
		if status, _ := ask(t, "GET", site+orgPath+"/Users", token, ""); status != want {
			t.Errorf("token %q: %d, want %d", token, status, want)
		}
	}
	p.terminate()
	if err := os.Remove(filepath.Join(dir, "operator.token")); err != nil {
		t.Fatal(err)
	}
	p, _ = serveIn(t, dir)
	p.line("Operator token")
	if second := p.line("  "); second == first || len(second) < minOperatorToken {
		t.Errorf("tokens: %q, %q", first, second)
	}
}

// refused runs a command that should fail, and returns what it said.
func refused(t *testing.T, status int, args ...string) string {
	t.Helper()
	p := spawn(t, args...)
	got, _ := p.exit()
	if got != status {
		t.Errorf("%s: exit status %d, want %d", strings.Join(args, " "), got, status)
	}
	return p.err.String()
}

func TestSecretKey(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveIn(t, dir)
	p.terminate()
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--data", dir}
	other := strings.Repeat("ab", 32)
	if said := refused(t, 1, append(serve, "--secret-key", other)...); !strings.Contains(said, "secret key is not the one") {
		t.Errorf("another key: %s", said)
	}
	text, err := os.ReadFile(filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	if said := refused(t, 1, serve...); !strings.Contains(said, "secret.key is missing") {
		t.Errorf("the key is lost: %s", said)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret.key")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a start that failed made a new key")
	}
	p, _ = serveIn(t, dir, "ROLLCALL_PREVIOUS_SECRET_KEY="+strings.TrimSpace(string(text)), "--secret-key", other)
	p.terminate()
	p, _ = serveIn(t, dir, "--secret-key", other)
	p.terminate()
	if said := refused(t, 1, append(serve, "--secret-key", strings.TrimSpace(string(text)))...); !strings.Contains(said, "secret key is not the one") {
		t.Errorf("the key before the rotation: %s", said)
	}
}

func TestListenTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range []string{"serve", "demo"} {
		said := refused(t, 1, command, "--listen", l.Addr().String(), "--data", dir+command)
		if !strings.Contains(said, "--listen") || !strings.Contains(said, l.Addr().String()) {
			t.Errorf("%s: %s", command, said)
		}
		if _, err := os.Stat(filepath.Join(dir+command, "etcd")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s made data before it knew that it cannot listen", command)
		}
	}
}

func TestDataInUse(t *testing.T) {
	dir := t.TempDir()
	p, site := serveIn(t, dir)
	if said := refused(t, 1, "serve", "--listen", "127.0.0.1:0", "--data", dir); !strings.Contains(said, "--data: "+dir+" is in use") {
		t.Errorf("two processes, one folder: %s", said)
	}
	if status, _ := ask(t, "GET", site+"/readyz", "", ""); status != http.StatusOK {
		t.Errorf("the first process was hurt: %d", status)
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
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"late"}`
	fmt.Fprintf(c, "POST %s/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", orgPath, token, len(body))
	line, err := bufio.NewReader(c).ReadString('\n') // sent when the handler reads the body
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := c.Write([]byte(body[:20])); err != nil {
		t.Fatal(err)
	}
	return c, body[20:]
}

// closed waits until nobody listens at the site any more.
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

// TestNodeEndsWithItsParts: when the embedded etcd or the listener ends by itself, so does the program.
func TestNodeEndsWithItsParts(t *testing.T) {
	node := Node{Listen: "127.0.0.1:0", Data: t.TempDir(), ShutdownTimeout: patience}
	n, err := node.start(t.Context(), Logging{}.logger(t.Output(), 0))
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the embedded etcd ended by itself")
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
