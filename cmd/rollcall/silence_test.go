package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
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

// Limits of what a member that hangs, and a quorum that returns, may cost.
const (
	readLimit, writeLimit = 3 * time.Second, 5 * time.Second
	returnLimit           = 3 * time.Second
)

// TestSilence: whichever member of etcd hangs, no read and no write takes long; and when a quorum returns, the nodes
// are there at once.
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

	for i := range 3 {
		time.Sleep(time.Second)
		reads.reset()
		writes.reset()
		etcd.members[i].cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(8 * time.Second)
		etcd.members[i].cmd.Process.Signal(syscall.SIGCONT)
		time.Sleep(2 * time.Second)
		t.Logf("member %d hung: the slowest read took %v, the slowest write %v", i, reads.most(), writes.most())
		if reads.most() > readLimit || writes.most() > writeLimit {
			t.Errorf("member %d hung: more than %v for a read or %v for a write", i, readLimit, writeLimit)
		}
	}
	for round := range 3 {
		etcd.kill(0)
		etcd.kill(1 + round%2)
		time.Sleep(time.Duration(3+3*round) * time.Second)
		back := time.Now()
		etcd.start(0)
		etcd.start(1 + round%2)
		read, write := reads.next(t, back), writes.next(t, back)
		t.Logf("the quorum returned: read after %v, written after %v", read, write)
		if read > returnLimit+time.Second || write > returnLimit+time.Second { // etcd itself starts within the second
			t.Errorf("later than %v", returnLimit)
		}
	}
}

// next waits for the first success after a moment and says how long it took.
func (s *slowest) next(t *testing.T, after time.Time) time.Duration {
	t.Helper()
	for end := after.Add(30 * time.Second); s.last.Load() < after.UnixNano(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no success within 30 s")
		}
	}
	return time.Unix(0, s.last.Load()).Sub(after)
}
