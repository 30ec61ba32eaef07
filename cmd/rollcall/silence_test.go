package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// slowest notes how long the slowest of many requests took.
type slowest struct {
	mu   sync.Mutex
	took time.Duration
	last atomic.Int64 // when one succeeded last
}

func (s *slowest) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = 0
}

func (s *slowest) most() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

// until sends requests one after the other until stop is closed, and counts a refused one as still under way.
func (s *slowest) until(stop chan struct{}, send func(n int) bool) {
	for n, began := 0, time.Now(); ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		good := send(n)
		s.mu.Lock()
		s.took = max(s.took, time.Since(began))
		s.mu.Unlock()
		if good {
			s.last.Store(time.Now().UnixNano())
			began = time.Now()
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestSilence: whichever member of etcd hangs, reads and writes go on while it hangs; and when a quorum returns, so do
// they. How long the slowest took is in the log: at most 3 s for a read, 5 s for a write and 3 s for the quorum are what
// an idle machine shows.
func TestSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("stops processes for seconds")
	}
	etcd := startEtcd(t, 3, "http")
	_, site := etcd.node("--rate-limit", "0")
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("first"))

	// Somebody reads and somebody writes all the time.
	var reads, writes slowest
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		reads.until(stop, func(int) bool { return count(t, site, "first") == "1" })
	})
	all.Go(func() {
		writes.until(stop, func(n int) bool {
			status, _ := ask(t, "POST", site+orgPath+"/Users", testToken, user(fmt.Sprint("user", n, time.Now().UnixNano())))
			return status == http.StatusCreated
		})
	})
	defer all.Wait()
	defer close(stop)

	// A member hangs until what had begun before it did, and what began after, has succeeded.
	for i := range 3 {
		reads.reset()
		writes.reset()
		etcd.members[i].cmd.Process.Signal(syscall.SIGSTOP)
		for range 10 {
			now := time.Now()
			reads.next(t, now)
			writes.next(t, now)
		}
		t.Logf("member %d hung: the slowest read took %v, the slowest write %v", i, reads.most(), writes.most())
		etcd.members[i].cmd.Process.Signal(syscall.SIGCONT)
		back := time.Now()
		reads.next(t, back)
		writes.next(t, back)
	}
	var most time.Duration
	for round := range quorumRounds {
		lost := []int{round % 3, (round + 1) % 3}
		for _, i := range lost {
			etcd.kill(i)
		}
		away := time.Duration(1+round/2) * time.Second // whatever is backed off by then
		time.Sleep(away)
		back := time.Now()
		for _, i := range lost {
			etcd.start(i)
		}
		elected := etcd.answers(t.Context(), back)
		read, write := reads.next(t, back), writes.next(t, back)
		most = max(most, read, write)
		t.Logf("the quorum returned after %v: etcd answers after %v, read after %v, written after %v",
			away, elected, read, write)
	}
	t.Logf("after the quorum's return, at most %v", most)
}

// quorumRounds is how often the quorum is lost.
const quorumRounds = 10

// answers waits for etcd's first answer that needs a quorum, and says how long after a moment it came. Each question has
// a client of its own, which waits for nothing.
func (c *etcdCluster) answers(ctx context.Context, after time.Time) time.Duration {
	for end := after.Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		client, err := clientv3.New(clientv3.Config{Endpoints: c.endpoints, Logger: zap.NewNop()})
		if err != nil {
			c.t.Error(err)
			break
		}
		asking, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		_, err = client.Get(asking, "quorum")
		cancel()
		client.Close()
		if err == nil {
			return time.Since(after).Round(10 * time.Millisecond)
		}
	}
	c.t.Error("etcd does not answer")
	return -1
}

// next waits for the first success after a moment and says how long it took.
func (s *slowest) next(t *testing.T, after time.Time) time.Duration {
	t.Helper()
	for end := after.Add(2 * time.Minute); s.last.Load() < after.UnixNano(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no success within two minutes")
		}
	}
	return time.Unix(0, s.last.Load()).Sub(after)
}
