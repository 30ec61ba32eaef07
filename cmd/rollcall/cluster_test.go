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
	out, err := exec.Command("go", "build", "-o", program, "go.etcd.io/etcd/server/v3").CombinedOutput()
	if err != nil {
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

// etcdCluster is a cluster whose members can be killed and started again.
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
		client := fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[i])
		peer := fmt.Sprintf("http://127.0.0.1:%d", ports[size+i])
		c.endpoints = append(c.endpoints, client)
		c.args = append(c.args, append([]string{
			"--name", fmt.Sprintf("m%d", i), "--data-dir", filepath.Join(t.TempDir(), "etcd"),
			"--listen-client-urls", client, "--advertise-client-urls", client,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--initial-cluster", strings.Join(all, ","), "--log-level", "error",
			"--heartbeat-interval", "50", "--election-timeout", "500",
		}, extra...))
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

// node starts a node on the cluster.
func (c *etcdCluster) node(args ...string) (*process, string) {
	c.t.Helper()
	p := spawn(c.t, append(c.serve(testSecretKey), args...)...)
	return p, p.line(servingLine)
}

// serve is the command line of a node on the cluster.
func (c *etcdCluster) serve(secretKey string) []string {
	return []string{"ROLLCALL_SECRET_KEY=" + secretKey, "ROLLCALL_OPERATOR_TOKEN=" + testToken,
		"serve", "--listen", "127.0.0.1:0", "--etcd-endpoints", strings.Join(c.endpoints, ",")}
}

// eventually repeats a request until the reply has the status: after a change of members, etcd needs a moment.
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
	filter := url.QueryEscape(fmt.Sprintf("userName eq %q", name))
	status, body := ask(t, "GET", site+orgPath+"/Users?filter="+filter, testToken, "")
	if status != http.StatusOK {
		return fmt.Sprintf("%d %s", status, body)
	}
	_, rest, _ := strings.Cut(body, `"totalResults":`)
	n, _, _ := strings.Cut(rest, ",")
	return n
}

// TestCluster runs what docker-compose.yml describes as plain processes: three etcd members over TLS and two nodes.
// Each node shows at once what the other has acknowledged. Losing one member goes unnoticed; losing two stops the
// service without losing data.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	ca := newAuthority(t)
	serverCert, serverKey := ca.issue("etcd.example.com")
	clientCert, clientKey := ca.issue("rollcall.example.com")
	etcd := startEtcd(t, 3, "https", "--cert-file", serverCert, "--key-file", serverKey,
		"--client-cert-auth", "--trusted-ca-file", ca.file)
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
	status, _ := ask(t, "POST", site1+orgPath+"/Users", testToken, user("three"))
	if status != http.StatusServiceUnavailable {
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

// TestClusterStarts: a node waits for an etcd that starts later, reports a wrong key, and signs in to etcd.
func TestClusterStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	etcd := startEtcd(t, 1, "http")

	// The health check of the etcd containers: a member that is starting is not ready.
	for status, end := -1, time.Now().Add(patience); status != 0; {
		if status, _ = spawn(t, "health", "--url", etcd.endpoints[0]).exit(); time.Now().After(end) {
			t.Fatalf("health of etcd: exit status %d", status)
		}
	}
	enableAuth(t, etcd.endpoints)
	signIn := func(password string) []string {
		return []string{"--etcd-user", "rollcall", "--etcd-password", password}
	}
	serve := etcd.serve(testSecretKey)

	// A wrong password, and the right one.
	refused(t, 1, "etcd", append(serve, signIn("wrong")...)...)
	p, site := etcd.node(signIn(etcdPassword)...)
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("one"))
	p.terminate()
	if strings.Contains(p.err.String(), "level=WARN") {
		t.Errorf("the node needs more than its prefix: %s", p.err.String())
	}

	// An etcd that starts after the node.
	etcd.kill(0)
	late := spawn(t, append(serve, signIn(etcdPassword)...)...)
	for end := time.Now().Add(patience); !strings.Contains(late.err.String(), "trying again"); {
		if time.Now().After(end) {
			t.Fatalf("the node does not say that it waits: %s", late.err.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
	etcd.start(0)
	site = late.line(servingLine)
	if n := count(t, site, "one"); n != "1" {
		t.Errorf("after the wait: %s", n)
	}
	late.terminate()

	// Another secret key than that of the data.
	other := etcd.serve(strings.Repeat("ab", 32))
	refused(t, 1, "fingerprint", append(other, signIn(etcdPassword)...)...)
}

const etcdPassword = "rollcall-password"

// enableAuth gives etcd a root user and the user rollcall, who may read and write nothing but the service's prefix.
func enableAuth(t *testing.T, endpoints []string) {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, prefix := t.Context(), "/rollcall/"
	_, err = client.RoleAdd(ctx, "rollcall")
	if err == nil {
		readWrite := clientv3.PermissionType(clientv3.PermReadWrite)
		_, err = client.RoleGrantPermission(ctx, "rollcall", prefix, clientv3.GetPrefixRangeEnd(prefix), readWrite)
	}
	for user, password := range map[string]string{"root": "root-password", "rollcall": etcdPassword} {
		if err == nil {
			_, err = client.UserAdd(ctx, user, password)
		}
		if err == nil {
			_, err = client.UserGrantRole(ctx, user, user)
		}
	}
	if err == nil {
		_, err = client.AuthEnable(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}
