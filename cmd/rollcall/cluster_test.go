package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const testSecretKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// etcdProgram builds etcd from the module that the embedded one comes from.
func etcdProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "etcd")
	if out, err := exec.Command("go", "build", "-o", program, "go.etcd.io/etcd/server/v3").CombinedOutput(); err != nil {
		t.Fatalf("build etcd: %v\n%s", err, out)
	}
	return program
}

// freePorts are ports that were free a moment ago.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// etcdCluster is three members that can be ended and started again.
type etcdCluster struct {
	t         *testing.T
	program   string
	args      [][]string
	members   []*process
	endpoints []string
}

func startEtcd(t *testing.T, size int, scheme string, extra ...string) *etcdCluster {
	t.Helper()
	c := &etcdCluster{t: t, program: etcdProgram(t), members: make([]*process, size)}
	ports := freePorts(t, 2*size)
	var all []string
	for i := range size {
		all = append(all, fmt.Sprintf("m%d=http://127.0.0.1:%d", i, ports[size+i]))
	}
	for i := range size {
		client, peer := fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[i]), fmt.Sprintf("http://127.0.0.1:%d", ports[size+i])
		c.endpoints = append(c.endpoints, client)
		c.args = append(c.args, append([]string{"--name", fmt.Sprintf("m%d", i), "--data-dir", filepath.Join(t.TempDir(), "etcd"),
			"--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
			"--initial-advertise-peer-urls", peer, "--initial-cluster", strings.Join(all, ","), "--log-level", "error",
			"--heartbeat-interval", "50", "--election-timeout", "500"}, extra...))
		c.start(i)
	}
	return c
}

func (c *etcdCluster) start(i int) {
	c.members[i] = spawnProgram(c.t, os.Environ(), c.program, c.args[i]...)
}

func (c *etcdCluster) kill(i int) {
	c.members[i].cmd.Process.Signal(syscall.SIGKILL)
	<-c.members[i].done
}

// node starts a rollcall that works on the cluster.
func (c *etcdCluster) node(args ...string) (*process, string) {
	c.t.Helper()
	all := append([]string{"ROLLCALL_SECRET_KEY=" + testSecretKey, "ROLLCALL_OPERATOR_TOKEN=" + testToken, "serve", "--listen", "127.0.0.1:0",
		"--etcd-endpoints", strings.Join(c.endpoints, ",")}, args...)
	p := spawn(c.t, all...)
	return p, p.line("Rollcall serves ")
}

// eventually asks again until the answer has the status: what etcd does after a change of members takes a moment.
func eventually(t *testing.T, want int, method, address, body string) string {
	t.Helper()
	var status int
	var answer string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, answer = ask(t, method, address, testToken, body); status == want {
			return answer
		}
	}
	t.Fatalf("%s %s: still %d, want %d: %s", method, address, status, want, answer)
	return ""
}

func user(name string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q}`, name)
}

// count asks a node how many users have the name.
func count(t *testing.T, site, name string) string {
	t.Helper()
	status, body := ask(t, "GET", site+orgPath+"/Users?filter="+url.QueryEscape(fmt.Sprintf("userName eq %q", name)), testToken, "")
	if status != http.StatusOK {
		return fmt.Sprintf("%d %s", status, body)
	}
	_, rest, _ := strings.Cut(body, `"totalResults":`)
	n, _, _ := strings.Cut(rest, ",")
	return n
}

// TestCluster is what docker-compose.yml wires, with plain processes: three etcd over TLS and two nodes. What one node has
// acknowledged the other one shows at once; the loss of one etcd is not noticed; of two, nothing is answered and nothing lost.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	ca := newAuthority(t)
	serverCert, serverKey := ca.issue("etcd.example.com")
	clientCert, clientKey := ca.issue("rollcall.example.com")
	etcd := startEtcd(t, 3, "https", "--cert-file", serverCert, "--key-file", serverKey, "--client-cert-auth", "--trusted-ca-file", ca.file)
	secure := []string{"--etcd-ca", ca.file, "--etcd-cert", clientCert, "--etcd-key", clientKey}
	p1, site1 := etcd.node(secure...)
	p2, site2 := etcd.node(secure...)

	eventually(t, http.StatusCreated, "POST", site1+orgPath+"/Users", user("one"))
	if n := count(t, site2, "one"); n != "1" {
		t.Errorf("the other node: %s", n)
	}
	if status, body := ask(t, "POST", site2+orgPath+"/Users", testToken, user("ONE")); status != http.StatusConflict {
		t.Errorf("the same userName at the other node: %d %s", status, body)
	}

	etcd.kill(0)
	eventually(t, http.StatusCreated, "POST", site2+orgPath+"/Users", user("two"))
	if n := count(t, site1, "two"); n != "1" {
		t.Errorf("with two etcd left: %s", n)
	}

	etcd.kill(1)
	eventually(t, http.StatusServiceUnavailable, "GET", site1+orgPath+"/Users", "")
	eventually(t, http.StatusServiceUnavailable, "GET", site2+"/readyz", "")
	if status, _ := ask(t, "POST", site1+orgPath+"/Users", testToken, user("three")); status != http.StatusServiceUnavailable {
		t.Errorf("a write without a majority: %d", status)
	}
	if status, _ := ask(t, "GET", site1+"/healthz", "", ""); status != http.StatusOK {
		t.Errorf("/healthz without a majority: %d; a restart would not help", status)
	}

	etcd.start(0)
	etcd.start(1)
	eventually(t, http.StatusOK, "GET", site1+"/readyz", "")
	eventually(t, http.StatusOK, "GET", site2+"/readyz", "")
	eventually(t, http.StatusCreated, "POST", site1+orgPath+"/Users", user("four"))
	for _, site := range []string{site1, site2} {
		for _, name := range []string{"one", "two", "four"} {
			if n := count(t, site, name); n != "1" {
				t.Errorf("%s at %s after recovery: %s", name, site, n)
			}
		}
	}
	if one, two := count(t, site1, "three"), count(t, site2, "three"); one != two {
		t.Errorf("the write of unknown outcome: %s at one node, %s at the other", one, two)
	}
	p1.terminate()
	p2.terminate()
}

// TestClusterStarts: a node waits for an etcd that starts later, tells a key that does not fit, and signs in to etcd.
func TestClusterStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	etcd := startEtcd(t, 1, "http")
	client, err := clientv3.New(clientv3.Config{Endpoints: etcd.endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The health check of the etcd containers; a member that is starting is not ready.
	for status, end := -1, time.Now().Add(patience); status != 0; {
		if status, _ = spawn(t, "health", "--url", etcd.endpoints[0]).exit(); time.Now().After(end) {
			t.Fatalf("health of etcd: exit status %d", status)
		}
	}
	_, err = client.RoleAdd(t.Context(), "rollcall")
	if err == nil {
		_, err = client.RoleGrantPermission(t.Context(), "rollcall", "/rollcall/", clientv3.GetPrefixRangeEnd("/rollcall/"), clientv3.PermissionType(clientv3.PermReadWrite))
	}
	for _, u := range []string{"root", "rollcall"} {
		if err == nil {
			_, err = client.UserAdd(t.Context(), u, u+"-password")
		}
		if err == nil {
			_, err = client.UserGrantRole(t.Context(), u, u)
		}
	}
	if err == nil {
		_, err = client.AuthEnable(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"ROLLCALL_SECRET_KEY=" + testSecretKey, "ROLLCALL_OPERATOR_TOKEN=" + testToken}
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--etcd-endpoints", etcd.endpoints[0], "--etcd-user", "rollcall", "--etcd-password"}
	if said := refused(t, 1, append(append(secrets, serve...), "wrong")...); !strings.Contains(said, "etcd") {
		t.Errorf("a wrong password: %s", said)
	}
	p, site := etcd.node("--etcd-user", "rollcall", "--etcd-password", "rollcall-password")
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("one"))
	p.terminate()
	if strings.Contains(p.err.String(), "level=WARN") {
		t.Errorf("the prefix is not all that a node needs: %s", p.err.String())
	}

	etcd.kill(0)
	late := spawn(t, append(append(secrets, serve...), "rollcall-password")...)
	for end := time.Now().Add(patience); !strings.Contains(late.err.String(), "trying again"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the node does not say that it waits: %s", late.err.String())
		}
	}
	etcd.start(0)
	site = late.line("Rollcall serves ")
	if n := count(t, site, "one"); n != "1" {
		t.Errorf("after the wait: %s", n)
	}
	late.terminate()

	other := "ROLLCALL_SECRET_KEY=" + strings.Repeat("ab", 32)
	args := append([]string{other, "ROLLCALL_OPERATOR_TOKEN=" + testToken}, serve...)
	if said := refused(t, 1, append(args, "rollcall-password")...); !strings.Contains(said, "secret key is not the one") {
		t.Errorf("another secret key: %s", said)
	}
}
