package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"rollcall/directory/heal"
)

// faults does to the cluster what a bad day does, one thing after the other, until ctx ends.
type faults struct {
	*rand.Rand
	t      *testing.T
	ctx    context.Context
	etcd   *etcdCluster
	nodes  []*historyNode
	round  atomic.Pointer[round]
	rounds []*round
	count  map[string]int
}

// faultKinds are what may happen. Each is undone when it returns, but for the time that it takes to recover.
var faultKinds = []struct {
	name string
	do   func(f *faults)
}{
	{"a member is killed", func(f *faults) { f.withoutMembers(1, f.hold) }},
	{"a node is killed", func(f *faults) { f.withoutNodes(1, f.hold) }},
	{"a member hangs", func(f *faults) { f.hung(f.etcd.members[f.IntN(3)]) }},
	{"no quorum", func(f *faults) { f.withoutMembers(2, f.hold) }},
	{"a node hangs", func(f *faults) { f.hung(f.nodes[f.IntN(3)].process) }},
	{"full", func(f *faults) { f.full(f.hold) }},
	{"all nodes are killed", func(f *faults) { f.withoutNodes(3, f.hold) }},
	{"a node is killed without quorum", func(f *faults) {
		n := f.nodes[f.IntN(3)]
		f.withoutMembers(2, func() { n.kill(); n.start(f.t); f.hold() })
		n.serves()
	}},
	{"a node is killed while the store is full", func(f *faults) {
		f.full(func() { f.withoutNodes(1, f.hold) })
	}},
}

func (f *faults) run() {
	f.count = map[string]int{}
	for n := 0; f.ctx.Err() == nil; n++ {
		kind := faultKinds[n%len(faultKinds)]
		began := time.Now()
		kind.do(f)
		held := time.Since(began).Round(10 * time.Millisecond)
		f.t.Logf("%s for %v; %s", kind.name, held, f.recovered())
		f.count[kind.name]++
		f.nextRound()
		f.pause(2 * time.Second)
	}
}

// recovered waits until etcd answers and all nodes are ready, and says how long each of them took; of a node that took
// long also what it said last.
func (f *faults) recovered() string {
	since := time.Now()
	var all sync.WaitGroup
	etcd, nodes := make(chan time.Duration, 1), make([]string, len(f.nodes))
	go func() { etcd <- f.etcd.answers(f.t.Context(), since) }()
	for i, n := range f.nodes {
		all.Go(func() { nodes[i] = readyAfter(f.t, n.site, since) })
	}
	all.Wait()
	return fmt.Sprintf("etcd answers after %v, nodes are ready after %s", <-etcd, strings.Join(nodes, ", "))
}

// readyAfter waits until a node is ready.
func readyAfter(t *testing.T, site string, since time.Time) string {
	last := ""
	for end := since.Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		answer, err := http.Get(site + "/readyz")
		if err != nil {
			last = err.Error()
			continue
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			last = strings.TrimSpace(string(text))
			continue
		}
		took := time.Since(since).Round(10 * time.Millisecond)
		if took > 3*time.Second {
			return fmt.Sprintf("%v (%s)", took, last)
		}
		return took.String()
	}
	t.Errorf("%s is not ready: %s", site, last)
	return "never"
}

// pause waits, but not after the end.
func (f *faults) pause(d time.Duration) {
	select {
	case <-f.ctx.Done():
	case <-time.After(d):
	}
}

// hold is how long a fault lasts.
func (f *faults) hold() { f.pause(time.Second + time.Duration(f.Int64N(int64(4*time.Second)))) }

// nextRound gives the clients an organization to work on, and deletes one that they left two rounds ago.
func (f *faults) nextRound() {
	site := f.nodes[f.IntN(len(f.nodes))].site
	name := fmt.Sprint("round-", len(f.rounds))
	r := &round{scim: "/orgs/" + name + "/scim/v2"}
	r.organization = gjson.Get(eventually(f.t, http.StatusCreated, "POST", site+"/scim/v2/Organizations",
		fmt.Sprintf(`{"schemas":[%q],"name":%q}`, organizationSchema, name)), "id").String()
	for n := range historyUsers {
		body := eventually(f.t, http.StatusCreated, "POST", site+r.scim+"/Users", user(fmt.Sprint("user", n)))
		r.users = append(r.users, gjson.Get(body, "id").String())
	}
	f.rounds = append(f.rounds, r)
	f.round.Store(r)
	if n := len(f.rounds) - 4; n >= 0 {
		eventually(f.t, http.StatusNoContent, "DELETE", site+"/scim/v2/Organizations/"+f.rounds[n].organization, "")
	}
}

// withoutMembers kills so many members of etcd for as long as meanwhile takes.
func (f *faults) withoutMembers(n int, meanwhile func()) {
	gone := f.Perm(len(f.etcd.members))[:n]
	for _, i := range gone {
		f.etcd.kill(i)
	}
	meanwhile()
	for _, i := range gone {
		f.etcd.start(i)
	}
}

// withoutNodes kills so many nodes for as long as meanwhile takes, and waits until they serve again.
func (f *faults) withoutNodes(n int, meanwhile func()) {
	gone := f.Perm(len(f.nodes))[:n]
	for _, i := range gone {
		f.nodes[i].kill()
	}
	meanwhile()
	for _, i := range gone {
		f.nodes[i].start(f.t)
	}
	for _, i := range gone {
		f.nodes[i].serves()
	}
}

// hung stops a process for a while.
func (f *faults) hung(p *process) {
	p.cmd.Process.Signal(syscall.SIGSTOP)
	f.hold()
	p.cmd.Process.Signal(syscall.SIGCONT)
}

// full raises etcd's alarm, past the nodes, for as long as meanwhile takes, and heals etcd.
func (f *faults) full(meanwhile func()) {
	c, err := clientv3.New(clientv3.Config{Endpoints: f.etcd.endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second})
	if err != nil {
		f.t.Error(err)
		return
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := 0; !errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace) && ctx.Err() == nil; n++ {
		_, err = c.Put(ctx, fmt.Sprint("/filler/", n), strings.Repeat("x", 1<<20))
	}
	if ctx.Err() != nil {
		f.t.Errorf("etcd is not full within a minute: %v", err)
	}
	meanwhile()
	f.heal(c)
}

// heal takes away what made etcd full.
func (f *faults) heal(c *clientv3.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		_, err := c.Delete(ctx, "/filler/", clientv3.WithPrefix())
		if err == nil {
			err = heal.Etcd(ctx, c, heal.Options{})
		}
		if err == nil {
			return
		}
		if time.Now().After(end) {
			f.t.Errorf("etcd is not healed: %v", err)
			return
		}
	}
}
