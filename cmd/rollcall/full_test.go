package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// fullCluster is an etcd of a small quota that a credential with the scope write has filled with what it likes.
type fullCluster struct {
	*etcdCluster
	node  *process
	site  string
	token string   // with the scope write
	ids   []string // of the Users
}

// fillCluster fills an etcd, also while the node looks at what is left.
func fillCluster(t *testing.T) *fullCluster {
	t.Helper()
	c := &fullCluster{etcdCluster: startEtcd(t, 1, "http", "--quota-backend-bytes", fmt.Sprint(32<<20))}
	c.node, c.site = c.etcdCluster.node("--rate-limit", "0")
	answer := eventually(t, http.StatusCreated, "POST", c.site+orgPath+"/AccessTokens",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:AccessToken"],"displayName":"writer","scopes":["write"]}`)
	if c.token = gjson.Get(answer, "token").String(); c.token == "" {
		t.Fatal(answer)
	}
	full := func() bool {
		status, answer := ask(t, "GET", c.site+"/readyz", "", "")
		return status == http.StatusOK && strings.Contains(answer, "full")
	}
	for n, refused := 0, 0; refused < 10 || !full(); n++ {
		if n == 1000 {
			_, metrics := ask(t, "GET", c.site+"/metrics", "", "")
			_, metrics, _ = strings.Cut(metrics, "\nrollcall_store_quota_ratio ")
			t.Fatalf("not full after %d Users and %d refusals: %.60s", len(c.ids), refused, metrics)
		}
		title := strings.Repeat("x", []int{1 << 10, 100 << 10, 400 << 10}[n%3])
		body := fmt.Sprintf(`{"schemas":[%q],"userName":"user%d","title":%q}`, userSchema, n, title)
		status, answer := ask(t, "POST", c.site+orgPath+"/Users", c.token, body)
		switch status {
		case http.StatusCreated:
			c.ids = append(c.ids, gjson.Get(answer, "id").String())
		case http.StatusInsufficientStorage:
			if n%3 == 0 { // a small one, too
				refused++
			}
			time.Sleep(20 * time.Millisecond)
		default:
			t.Fatalf("%d: %.200s", status, answer)
		}
	}
	t.Logf("full with %d Users", len(c.ids))
	return c
}

// restart kills the node and starts another one.
func (c *fullCluster) restart() {
	c.node.cmd.Process.Signal(syscall.SIGKILL)
	<-c.node.done
	c.node, c.site = c.etcdCluster.node("--rate-limit", "0")
}

// heal runs the command that the node's log asks for.
func (c *fullCluster) heal(t *testing.T) {
	t.Helper()
	status, out := spawn(t, "etcd", "heal", "--etcd-endpoints", strings.Join(c.endpoints, ",")).exit()
	t.Logf("healed: %d %s", status, out)
}

// wantNoAlarm checks that etcd was never sent what it refused for want of space.
func (c *fullCluster) wantNoAlarm(t *testing.T) {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: c.endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if alarms, err := client.AlarmList(t.Context()); err != nil || len(alarms.Alarms) > 0 {
		t.Errorf("alarms: %v, %v", alarms, err)
	}
}

// TestFullCluster: a credential with the scope write fills an etcd of a small quota. Etcd raises no alarm, everything
// can be deleted, with a restart of the node in the middle, and then there is room again.
func TestFullCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("fills an etcd")
	}
	c := fillCluster(t)
	for n, id := range c.ids {
		if n == len(c.ids)/2 {
			c.restart()
		}
		status, answer := ask(t, "DELETE", c.site+orgPath+"/Users/"+id, c.token, "")
		if status != http.StatusNoContent {
			t.Fatalf("deletion %d: %d %s", n, status, answer)
		}
	}
	c.wantNoAlarm(t)
	eventually(t, http.StatusCreated, "POST", c.site+orgPath+"/Users", user("afterwards"))
}

// TestFullClusterDeactivates: the same by deactivation, which writes each document once more and frees it only when
// history is forgotten. Each is done within a while.
func TestFullClusterDeactivates(t *testing.T) {
	if testing.Short() {
		t.Skip("fills an etcd")
	}
	c := fillCluster(t)
	const deactivate = `{"schemas":["` + patchSchema + `"],"Operations":[{"op":"replace","path":"active","value":false}]}`
	refused := 0
	for n, id := range c.ids {
		if n == len(c.ids)/2 {
			c.restart()
		}
		for end := time.Now().Add(2 * patience); ; time.Sleep(20 * time.Millisecond) {
			status, answer := ask(t, "PATCH", c.site+orgPath+"/Users/"+id, c.token, deactivate)
			if status == http.StatusOK || status == http.StatusNoContent {
				break
			}
			if refused++; status != http.StatusInsufficientStorage || time.Now().After(end) {
				t.Fatalf("deactivation %d: %d %s", n, status, answer)
			}
			if refused%50 == 0 { // the file has grown, which only defragmentation ends: as the log says
				c.heal(t)
			}
		}
	}
	t.Logf("%d refusals", refused)
	c.wantNoAlarm(t)

	// It is stored: a node that starts now knows it.
	c.restart()
	for filter, want := range map[string]int{"active eq true": 0, "active eq false": len(c.ids)} {
		_, answer := ask(t, "GET", c.site+orgPath+"/Users?count=0&filter="+url.QueryEscape(filter), testToken, "")
		if got := gjson.Get(answer, "totalResults").Int(); got != int64(want) {
			t.Errorf("%s: %d Users, want %d", filter, got, want)
		}
	}
}
