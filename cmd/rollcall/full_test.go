package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// TestFullCluster: a credential with the scope write fills an etcd of a small quota with what it likes. Etcd raises no
// alarm, everything can be deleted, with a restart of the node in the middle, and then there is room again.
func TestFullCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("fills an etcd")
	}
	etcd := startEtcd(t, 1, "http", "--quota-backend-bytes", fmt.Sprint(32<<20))
	node, site := etcd.node("--rate-limit", "0")
	answer := eventually(t, http.StatusCreated, "POST", site+orgPath+"/AccessTokens",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:AccessToken"],"displayName":"writer","scopes":["write"]}`)
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Token == "" {
		t.Fatalf("%v: %s", err, answer)
	}

	// Fill it, also while the node looks at what is left.
	var ids []string
	full := func() bool {
		status, answer := ask(t, "GET", site+"/readyz", "", "")
		return status == http.StatusOK && strings.Contains(answer, "full")
	}
	for n, refused := 0, 0; refused < 10 || !full(); n++ {
		if n == 1000 {
			_, metrics := ask(t, "GET", site+"/metrics", "", "")
			_, metrics, _ = strings.Cut(metrics, "\nrollcall_store_quota_ratio ")
			t.Fatalf("not full after %d Users and %d refusals: %.60s", len(ids), refused, metrics)
		}
		title := strings.Repeat("x", []int{1 << 10, 100 << 10, 900 << 10}[n%3])
		body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user%d","title":%q}`, n, title)
		status, answer := ask(t, "POST", site+orgPath+"/Users", made.Token, body)
		switch status {
		case http.StatusCreated:
			var doc struct{ ID string }
			if err := json.Unmarshal([]byte(answer), &doc); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, doc.ID)
		case http.StatusInsufficientStorage:
			if n%3 == 0 { // a small one, too
				refused++
			}
			time.Sleep(20 * time.Millisecond)
		default:
			t.Fatalf("%d: %.200s", status, answer)
		}
	}
	t.Logf("full with %d Users", len(ids))

	// Delete it all.
	for n, id := range ids {
		if n == len(ids)/2 {
			node.cmd.Process.Signal(syscall.SIGKILL)
			<-node.done
			_, site = etcd.node("--rate-limit", "0")
		}
		if status, answer := ask(t, "DELETE", site+orgPath+"/Users/"+id, made.Token, ""); status != http.StatusNoContent {
			t.Fatalf("deletion %d: %d %s", n, status, answer)
		}
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: etcd.endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if alarms, err := client.AlarmList(t.Context()); err != nil || len(alarms.Alarms) > 0 {
		t.Errorf("alarms: %v, %v", alarms, err)
	}
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("afterwards"))
}
