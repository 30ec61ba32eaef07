package main

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// member is a server that knows no service and says so, until it hangs: then it takes requests and answers none.
type member struct {
	net.Listener
	hangs   chan struct{} // closed when it is to hang
	over    chan struct{} // closed at the end
	answers atomic.Int64
}

func newMember(t *testing.T) *member {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &member{Listener: l, hangs: make(chan struct{}), over: make(chan struct{})}
	s := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		select {
		case <-m.hangs:
			<-m.over
		default:
			m.answers.Add(1)
		}
		return status.Error(codes.Unimplemented, "not here")
	}))
	go s.Serve(l)
	t.Cleanup(s.Stop)
	t.Cleanup(func() { close(m.over) })
	return m
}

// mute is a listener that accepts connections and says nothing on any of them.
func mute(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l
}

// watched is a connection to each of the listeners under one watchdog, opened as a client of etcd does it.
func watched(t *testing.T, listeners ...net.Listener) (*watchdog, []net.Conn) {
	t.Helper()
	var endpoints []string
	for _, l := range listeners {
		endpoints = append(endpoints, "http://"+l.Addr().String())
	}
	w := newWatchdog(endpoints, nil)
	t.Cleanup(w.close)
	var conns []net.Conn
	for _, l := range listeners {
		c, err := w.dial(t.Context(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	return w, conns
}

// wantDropped waits until the connection is closed under whoever reads from it.
func wantDropped(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * time.Minute))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("the connection to a silent endpoint is not closed: %v", err)
	}
}

// open is how many connections to an address the watchdog knows.
func (w *watchdog) open(address string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns[address])
}

// An endpoint that accepts connections and says nothing has them closed, and one that hangs later on, too. Whoever
// answers keeps them, whatever it answers.
func TestWatchdogDropsTheSilent(t *testing.T) {
	good, late, silent := newMember(t), newMember(t), mute(t)
	w, conns := watched(t, good, late, silent)
	wantDropped(t, conns[2])
	for end := time.Now().Add(2 * time.Minute); late.answers.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody asks")
		}
	}
	if n := w.open(late.Addr().String()); n != 1 {
		t.Errorf("%d connections to the member that has not hung yet, want 1", n)
	}
	close(late.hangs)
	wantDropped(t, conns[1])

	// Meanwhile the good one was asked, and answered, as often as the others were left time.
	before := good.answers.Load()
	for end := time.Now().Add(2 * time.Minute); good.answers.Load() < before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody asks the good member any more")
		}
	}
	if n := w.open(good.Addr().String()); n != 1 {
		t.Errorf("%d connections to the good member, want 1", n)
	}
	if _, err := conns[0].Write([]byte("PRI * HTTP/2.0\r\n")); err != nil {
		t.Errorf("the connection to the good member: %v", err)
	}
}

// A connection is forgotten when it is closed; an endpoint that cannot be dialled leaves none.
func TestWatchdogForgets(t *testing.T) {
	good := newMember(t)
	w, conns := watched(t, good)
	address := good.Addr().String()
	second, err := w.dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.open(address); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	conns[0].Close()
	if n := w.open(address); n != 1 {
		t.Errorf("%d connections after one was closed, want 1", n)
	}
	second.Close()
	if n := w.open(address); n != 0 {
		t.Errorf("%d connections after both were closed, want 0", n)
	}
	good.Close()
	if c, err := w.dial(t.Context(), address); err == nil {
		c.Close()
		t.Error("dialled an endpoint that does not listen")
	}
	if n := w.open(address); n != 0 {
		t.Errorf("%d connections to an endpoint that does not listen", n)
	}
}

// What operators are told: a silent endpoint is dropped within two seconds of its last answer.
func TestWatchdogIsSoonEnough(t *testing.T) {
	if probeInterval+silence > 2*time.Second {
		t.Errorf("a silent endpoint is dropped after up to %v", probeInterval+silence)
	}
}
