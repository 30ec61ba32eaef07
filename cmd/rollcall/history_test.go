package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"rollcall/directory/heal"
)

// historyEnv is how long TestHistory runs, such as 1h; two minutes unless set.
const historyEnv = "ROLLCALL_TEST_HISTORY"

const (
	historyUsers   = 24
	historyClients = 12
)

// call is what a client asked for, about one User: its title, read, written, or written if it is as it was read; or,
// about one userName, the creation of a User.
type call struct {
	kind    string // "read", "write", "swap" or "create"
	key     string
	expect  string // of a swap: the title as it was
	written string
}

// reply is what the service said; unknown means that the call may happen, or have happened, or not.
type reply struct {
	unknown bool
	status  int
	title   string
}

// userModel is a User's title, or of a userName whether a User has it: by what it may change from one call to the next.
var userModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		was, in, out := state.(string), input.(call), output.(reply)
		switch in.kind {
		case "read":
			return out.title == was, was
		case "write":
			return true, in.written
		case "swap":
			if out.unknown {
				if was == in.expect {
					return true, in.written
				}
				return true, was
			}
			if out.status == http.StatusPreconditionFailed {
				return was != in.expect, was
			}
			return was == in.expect, in.written
		default: // create
			if out.unknown {
				return true, "exists"
			}
			return (out.status == http.StatusCreated) == (was == ""), "exists"
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// recorder keeps the calls of all clients by what they are about.
type recorder struct {
	mu    sync.Mutex
	began time.Time
	ops   map[string][]porcupine.Operation
	count map[string]int // by kind and status
}

func (r *recorder) now() int64 { return int64(time.Since(r.began)) }

// add takes a call in that began at a time. What is known to have changed nothing (507) has no place in a history.
func (r *recorder) add(client int, c call, began int64, out reply) {
	op := porcupine.Operation{ClientId: client, Input: c, Call: began, Output: out, Return: r.now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[fmt.Sprintf("%s %d", c.kind, out.status)]++
	switch {
	case out.status == http.StatusInsufficientStorage, out.unknown && c.kind == "read":
		return
	case out.unknown: // it may still happen after the last call
		op.Return = 1 << 62
		op.ClientId = -1 - len(r.ops[c.key]) // a client goes on after a call whose end is not known
	}
	r.ops[c.key] = append(r.ops[c.key], op)
}

// historyClient sends calls to any of the nodes.
type historyClient struct {
	*rand.Rand
	number int
	sites  []string
	users  []string // ids
	rec    *recorder
	values *atomic.Int64
	seen   map[string][2]string // by User: the title and the ETag that were read last
}

// run sends calls until ctx ends.
func (c *historyClient) run(ctx context.Context) {
	for ctx.Err() == nil {
		n := c.values.Add(1)
		key := c.users[c.IntN(len(c.users))]
		value := fmt.Sprint("v", n)
		switch c.IntN(8) {
		case 0, 1, 2:
			c.read(ctx, key)
		case 3, 4:
			c.write(ctx, call{kind: "write", key: key, written: value}, "")
		case 5, 6:
			if seen, ok := c.seen[key]; ok {
				c.write(ctx, call{kind: "swap", key: key, expect: seen[0], written: value}, seen[1])
			}
		default:
			c.create(ctx, fmt.Sprint("name", n/16)) // several clients want the same one
		}
		time.Sleep(time.Duration(c.IntN(20)) * time.Millisecond)
	}
}

func (c *historyClient) read(ctx context.Context, key string) {
	began := c.rec.now()
	status, tag, body := c.send(ctx, "GET", "/Users/"+key, "", "")
	out := reply{unknown: status != http.StatusOK, status: status}
	var doc struct{ Title string }
	if !out.unknown && json.Unmarshal(body, &doc) != nil {
		out.unknown = true
	}
	out.title = doc.Title
	c.rec.add(c.number, call{kind: "read", key: key}, began, out)
	if !out.unknown {
		c.seen[key] = [2]string{out.title, tag}
	}
}

func (c *historyClient) write(ctx context.Context, in call, tag string) {
	body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"replace","path":"title","value":%q}]}`, in.written)
	began := c.rec.now()
	status, _, _ := c.send(ctx, "PATCH", "/Users/"+in.key, tag, body)
	c.rec.add(c.number, in, began, reply{status: status, unknown: unknownStatus(status)})
}

func (c *historyClient) create(ctx context.Context, name string) {
	began := c.rec.now()
	status, _, _ := c.send(ctx, "POST", "/Users", "", user(name))
	c.rec.add(c.number, call{kind: "create", key: name}, began, reply{status: status, unknown: unknownStatus(status)})
}

// unknownStatus reports whether an answer leaves open what became of a change; 0 is none.
func unknownStatus(status int) bool {
	return status == 0 || status >= 500 && status != http.StatusInsufficientStorage
}

// send asks any node; the status is 0 where there is no answer.
func (c *historyClient) send(ctx context.Context, method, path, ifMatch, body string) (int, string, []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	site := c.sites[c.IntN(len(c.sites))]
	r, err := http.NewRequestWithContext(ctx, method, site+orgPath+path, strings.NewReader(body))
	if err != nil {
		return 0, "", nil
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/scim+json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", nil
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", nil
	}
	return answer.StatusCode, answer.Header.Get("ETag"), b
}

// faults does to the cluster what a bad day does, one thing after the other.
type faults struct {
	t    *testing.T
	etcd *etcdCluster
	*rand.Rand
}

func (f *faults) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		i, j := f.IntN(3), 0
		for j = f.IntN(3); j == i; j = f.IntN(3) {
		}
		hold := time.Duration(1+f.IntN(5)) * time.Second
		kinds := []string{"a member is killed", "a member hangs", "no quorum", "full"}
		f.t.Logf("%s for %v", kinds[n%4], hold)
		switch n % 4 {
		case 0:
			f.etcd.kill(i)
			time.Sleep(hold)
			f.etcd.start(i)
		case 1:
			f.etcd.members[i].cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(hold)
			f.etcd.members[i].cmd.Process.Signal(syscall.SIGCONT)
		case 2:
			f.etcd.kill(i)
			f.etcd.kill(j)
			time.Sleep(hold)
			f.etcd.start(i)
			f.etcd.start(j)
		case 3:
			f.fill(hold)
		}
		time.Sleep(3 * time.Second)
	}
}

// fill raises etcd's alarm, past the nodes, for a while, and heals etcd.
func (f *faults) fill(hold time.Duration) {
	c, err := clientv3.New(clientv3.Config{Endpoints: f.etcd.endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second})
	if err != nil {
		f.t.Error(err)
		return
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := 0; err == nil && n < 1000; n++ {
		_, err = c.Put(ctx, fmt.Sprint("/filler/", n), strings.Repeat("x", 1<<20))
	}
	time.Sleep(hold)
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

// TestHistory: while members of etcd are killed and hang, lose their quorum and run full, everything that clients see
// at three nodes is linearizable: titles that are read, written and written by If-Match, and userNames that many want.
func TestHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for two minutes")
	}
	length := 2 * time.Minute
	if s := os.Getenv(historyEnv); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatalf("%s: %v", historyEnv, err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	etcd := startEtcd(t, 3, "http", "--quota-backend-bytes", fmt.Sprint(96<<20))
	var sites []string
	for range 3 {
		_, site := etcd.node("--rate-limit", "0")
		sites = append(sites, site)
	}
	var users []string
	for n := range historyUsers {
		body := eventually(t, http.StatusCreated, "POST", sites[0]+orgPath+"/Users", user(fmt.Sprint("user", n)))
		var doc struct{ ID string }
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			t.Fatal(err)
		}
		users = append(users, doc.ID)
	}

	// Clients and faults, for as long as it takes.
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	rec := &recorder{began: time.Now(), ops: map[string][]porcupine.Operation{}, count: map[string]int{}}
	var values atomic.Int64
	var all sync.WaitGroup
	for n := range historyClients {
		c := &historyClient{Rand: rand.New(rand.NewPCG(seed, uint64(n))), number: n, sites: sites, users: users, rec: rec,
			values: &values, seen: map[string][2]string{}}
		all.Go(func() { c.run(ctx) })
	}
	(&faults{t, etcd, rand.New(rand.NewPCG(seed, 1<<32))}).run(ctx)
	all.Wait()

	// At the end everybody agrees, and the history holds together.
	for _, site := range sites {
		eventually(t, http.StatusOK, "GET", site+"/readyz", "")
	}
	total := 0
	for key, ops := range rec.ops {
		total += len(ops)
		if result := porcupine.CheckOperationsTimeout(userModel, ops, time.Minute); result != porcupine.Ok {
			t.Errorf("%s: the history of %d calls: %v", key, len(ops), result)
		}
	}
	t.Logf("%d calls: %v", total, rec.count)
	if rec.count["write 200"]+rec.count["write 204"] == 0 || rec.count["create 409"] == 0 || rec.count["swap 412"] == 0 {
		t.Error("the history lacks what it is about")
	}
}

// TestHistoryModel: the model finds what is not linearizable.
func TestHistoryModel(t *testing.T) {
	write := func(v string, from, to int64) porcupine.Operation {
		return porcupine.Operation{Input: call{kind: "write", written: v}, Output: reply{status: 204}, Call: from, Return: to}
	}
	read := func(v string, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: 1, Input: call{kind: "read"}, Output: reply{status: 200, title: v}, Call: from, Return: to}
	}
	swap := func(expect, v string, status int, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: 2, Input: call{kind: "swap", expect: expect, written: v},
			Output: reply{status: status, unknown: status == 503}, Call: from, Return: to}
	}
	create := func(client, status int, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: call{kind: "create"}, Output: reply{status: status}, Call: from, Return: to}
	}
	for name, c := range map[string]struct {
		ops  []porcupine.Operation
		want bool
	}{
		"read after write":            {[]porcupine.Operation{write("a", 0, 1), read("a", 2, 3)}, true},
		"stale read":                  {[]porcupine.Operation{write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)}, false},
		"read during write":           {[]porcupine.Operation{write("a", 0, 9), read("", 1, 2), read("a", 3, 4)}, true},
		"read back and forth":         {[]porcupine.Operation{write("a", 0, 9), read("a", 1, 2), read("", 3, 4)}, false},
		"swapped":                     {[]porcupine.Operation{write("a", 0, 1), swap("a", "b", 200, 2, 3), read("b", 4, 5)}, true},
		"swapped what was not there":  {[]porcupine.Operation{write("a", 0, 1), swap("x", "b", 200, 2, 3)}, false},
		"refused what was there":      {[]porcupine.Operation{write("a", 0, 1), swap("a", "b", 412, 2, 3)}, false},
		"unknown and applied":         {[]porcupine.Operation{swap("", "b", 503, 0, 99), read("b", 4, 5)}, true},
		"unknown and not applied":     {[]porcupine.Operation{swap("", "b", 503, 0, 99), read("", 4, 5)}, true},
		"created twice":               {[]porcupine.Operation{create(1, 201, 0, 9), create(2, 201, 1, 8)}, false},
		"refused, created by another": {[]porcupine.Operation{create(1, 201, 0, 9), create(2, 409, 1, 8)}, true},
		"refused and created by none": {[]porcupine.Operation{create(1, 409, 0, 9)}, false},
	} {
		if got := porcupine.CheckOperations(userModel, c.ops); got != c.want {
			t.Errorf("%s: linearizable %v, want %v", name, got, c.want)
		}
	}
}
