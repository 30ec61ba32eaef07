package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// historyEnv is how long clients and faults of TestHistory go on, such as 1h; historyLength unless set, so that the
// whole takes less than two minutes.
const (
	historyEnv    = "ROLLCALL_TEST_HISTORY"
	historyLength = 90 * time.Second
)

const (
	historyUsers    = 24 // of a round
	historyClients  = 12
	historyPatience = 6 * time.Second // of a client
)

// round is what clients work on between one fault and the next: an organization of its own, so that no history is long,
// and so that what a long run leaves behind can be deleted.
type round struct {
	organization string   // id
	scim         string   // path
	users        []string // ids
}

// call is what a client asked for, about one User: its title, read, written, or written if it is as it was read; or,
// about one userName, the creation of a User.
type call struct {
	kind    string // "read", "write", "swap" or "create"
	key     string
	expect  string // of a swap: the title as it was
	written string
}

// notSent is the status of a call that reached nobody: its node was not running.
const notSent = -1

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

// add takes a call in that began at a time. What is known to have changed nothing has no place in a history.
func (r *recorder) add(client int, c call, began int64, out reply) {
	op := porcupine.Operation{ClientId: client, Input: c, Call: began, Output: out, Return: r.now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[fmt.Sprintf("%s %d", c.kind, out.status)]++
	switch {
	case out.status == http.StatusInsufficientStorage, out.status == notSent, out.unknown && c.kind == "read":
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
	http   *http.Client
	number int
	sites  []string
	round  *atomic.Pointer[round]
	rec    *recorder
	values *atomic.Int64
	seen   map[string][2]string // by User: the title and the ETag that were read last
	silent map[string]time.Time // by node: since when it is left alone
}

// run sends calls until ctx ends.
func (c *historyClient) run(ctx context.Context) {
	for ctx.Err() == nil {
		n, r := c.values.Add(1), c.round.Load()
		key := r.scim + "/Users/" + r.users[c.IntN(len(r.users))]
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
			c.create(ctx, r.scim+"/Users", fmt.Sprint("name", n/16)) // several clients want the same one
		}
		time.Sleep(time.Duration(c.IntN(20)) * time.Millisecond)
	}
}

func (c *historyClient) read(ctx context.Context, key string) {
	began := c.rec.now()
	status, tag, body := c.send(ctx, "GET", key, "", "")
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
	status, _, _ := c.send(ctx, "PATCH", in.key, tag, body)
	c.rec.add(c.number, in, began, reply{status: status, unknown: unknownStatus(status)})
}

func (c *historyClient) create(ctx context.Context, users, name string) {
	began := c.rec.now()
	status, _, _ := c.send(ctx, "POST", users, "", user(name))
	in := call{kind: "create", key: users + " " + name}
	c.rec.add(c.number, in, began, reply{status: status, unknown: unknownStatus(status)})
}

// unknownStatus reports whether an answer leaves open what became of a change; 0 is none.
func unknownStatus(status int) bool {
	return status == 0 || status >= 500 && status != http.StatusInsufficientStorage
}

// send asks any node that was not silent just now; the status is 0 where there is no answer.
func (c *historyClient) send(ctx context.Context, method, path, ifMatch, body string) (int, string, []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), historyPatience)
	defer cancel()
	site := c.sites[c.IntN(len(c.sites))]
	for range 10 * len(c.sites) {
		if time.Since(c.silent[site]) > time.Second {
			break
		}
		site = c.sites[c.IntN(len(c.sites))]
	}
	r, err := http.NewRequestWithContext(ctx, method, site+path, strings.NewReader(body))
	if err != nil {
		return 0, "", nil
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/scim+json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.silent[site] = time.Now()
		if failed := (*net.OpError)(nil); errors.As(err, &failed) && failed.Op == "dial" {
			return notSent, "", nil
		}
		return 0, "", nil
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", nil
	}
	return answer.StatusCode, answer.Header.Get("ETag"), b
}

// historyNode is a node that can be killed and started again at its address.
type historyNode struct {
	*process
	site string
	args []string
}

// start starts the node again, at its address.
func (n *historyNode) start(t *testing.T) { n.process = spawn(t, n.args...) }

// serves waits until the node serves.
func (n *historyNode) serves() { n.site = n.line(servingLine) }

func (n *historyNode) kill() {
	n.cmd.Process.Signal(syscall.SIGKILL)
	<-n.done
}

// TestHistory: while members of etcd and nodes are killed and hang, and etcd loses its quorum and runs full, everything
// that clients see at three nodes is linearizable: titles that are read, written and written by If-Match, and userNames
// that many want.
func TestHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for two minutes")
	}
	length := historyLength
	if s := os.Getenv(historyEnv); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatalf("%s: %v", historyEnv, err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	etcd := startEtcd(t, 3, "http", "--quota-backend-bytes", fmt.Sprint(96<<20))
	var nodes []*historyNode
	var sites []string
	for _, port := range freePorts(t, 3) {
		n := &historyNode{args: append(etcd.serve(testSecretKey), "--rate-limit", "0", "--log-level", "warn")}
		n.args[slices.Index(n.args, "127.0.0.1:0")] = fmt.Sprintf("127.0.0.1:%d", port)
		n.start(t)
		n.serves()
		nodes, sites = append(nodes, n), append(sites, n.site)
	}

	// Clients and faults, for as long as it takes.
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	f := &faults{t: t, ctx: ctx, etcd: etcd, nodes: nodes, Rand: rand.New(rand.NewPCG(seed, 1<<32))}
	f.nextRound()
	rec := &recorder{began: time.Now(), ops: map[string][]porcupine.Operation{}, count: map[string]int{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: historyClients}}
	var values atomic.Int64
	var all sync.WaitGroup
	for n := range historyClients {
		c := &historyClient{Rand: rand.New(rand.NewPCG(seed, uint64(n))), http: client, number: n, sites: sites,
			round: &f.round, rec: rec, values: &values, seen: map[string][2]string{}, silent: map[string]time.Time{}}
		all.Go(func() { c.run(ctx) })
	}
	f.run()
	all.Wait()

	// The history holds together, and has what it is about.
	total := 0
	for key, ops := range rec.ops {
		total += len(ops)
		if result := porcupine.CheckOperationsTimeout(userModel, ops, time.Minute); result != porcupine.Ok {
			t.Errorf("%s: the history of %d calls: %v", key, len(ops), result)
		}
	}
	t.Logf("%d calls in %d rounds: %v", total, len(f.rounds), rec.count)
	t.Logf("faults: %v", f.count)
	if rec.count["write 200"]+rec.count["write 204"] == 0 || rec.count["create 409"] == 0 || rec.count["swap 412"] == 0 {
		t.Error("the history lacks what it is about")
	}
	for _, answer := range slices.Sorted(maps.Keys(rec.count)) {
		if !slices.Contains(expectedAnswers, answer) {
			t.Errorf("%d times %s", rec.count[answer], answer)
		}
	}
}

// expectedAnswers are those that a history may hold; 0 is none.
var expectedAnswers = []string{
	"read 200", "read 503", "read 0", "read -1",
	"write 200", "write 204", "write 503", "write 507", "write 0", "write -1",
	"swap 200", "swap 204", "swap 412", "swap 503", "swap 507", "swap 0", "swap -1",
	"create 201", "create 409", "create 503", "create 507", "create 0", "create -1",
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
