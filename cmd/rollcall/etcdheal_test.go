package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// TestEtcdHeal: three members whose quota is used up. Healing refuses while one is missing, says so while the data
// itself is too much, and makes room once it was deleted; then it changes nothing.
func TestEtcdHeal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three etcd")
	}
	etcd := startEtcd(t, 3, "http", "--quota-backend-bytes", "16777216")
	client, err := clientv3.New(clientv3.Config{Endpoints: etcd.endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := t.Context()

	puts := 0
	useUp := func() {
		t.Helper()
		for ; ; puts++ {
			if puts == 10_000 {
				t.Fatal("the quota is not used up")
			}
			_, err := client.Put(ctx, fmt.Sprintf("/filler/%d", puts), strings.Repeat("x", 100<<10))
			if err != nil && strings.Contains(err.Error(), "space exceeded") {
				return
			}
		}
	}
	run := func(args ...string) (status int, out, said string) {
		t.Helper()
		p := spawn(t, append([]string{"etcd", "heal", "--etcd-endpoints"}, args...)...)
		status, out = p.exit()
		return status, out, out + p.err.String()
	}
	heal := func(want int, says string, args ...string) string {
		t.Helper()
		status, out, said := run(args...)
		if status != want || !strings.Contains(said, says) {
			t.Errorf("exit status %d, want %d and %q: %s", status, want, says, said)
		}
		return out
	}
	all := strings.Join(etcd.endpoints, ",")
	useUp()

	// With one member gone: the alarm stays, and nothing is done unless it is told to go on.
	etcd.kill(2)
	heal(1, "of 3 members 1 do not answer, and nothing was done: m2 ", all)
	if alarms, err := client.AlarmList(ctx); err != nil || len(alarms.Alarms) == 0 {
		t.Errorf("no alarm any more: %v, %v", alarms, err)
	}
	for status, said := 0, ""; !strings.Contains(said, "the data itself takes too much"); useUp() {
		if status, _, said = run(all, "--partial"); !strings.Contains(said, "is left out: m2 ") {
			t.Fatalf("exit status %d: %s", status, said)
		}
	}
	etcd.start(2)
	until := time.Now().Add(patience)
	for {
		if _, err := client.Status(ctx, etcd.endpoints[2]); err == nil {
			break
		} else if time.Now().After(until) {
			t.Fatal(err)
		}
	}

	// Deleting is allowed under the alarm. One endpoint is enough: the cluster knows the others.
	if _, err := client.Delete(ctx, "/filler/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	out := heal(0, "disarmed", etcd.endpoints[0])
	for n := range 3 {
		if !strings.Contains(out, fmt.Sprintf("defragmented m%d: ", n)) {
			t.Errorf("m%d was left out: %s", n, out)
		}
		status, err := client.Status(ctx, etcd.endpoints[n])
		if err != nil || status.DbSize > 8<<20 {
			t.Errorf("m%d: %v, %v", n, status, err)
		}
	}
	if _, err := client.Put(ctx, "k", "v"); err != nil {
		t.Errorf("after the healing: %v", err)
	}
	heal(0, "no NOSPACE alarm is raised", all)
}
