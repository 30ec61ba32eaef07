package bodies

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// What an owner may hold is as much as is left free, so nobody takes all, and what is given back is there again.
func TestShares(t *testing.T) {
	b := New(1200)
	for _, c := range []struct {
		owner string
		n     int64
		want  bool
	}{
		{"a", 700, false}, // more than half
		{"a", 600, true},
		{"a", 1, false},
		{"b", 301, false}, // more than half of the rest
		{"b", 300, true},
		{"a", 1, false},
		{"c", 150, true}, // there is always some left for another one
		{"d", 75, true},
	} {
		if got := b.take(c.owner, c.n); got != c.want {
			t.Errorf("%s takes %d: %t", c.owner, c.n, got)
		}
	}
	for owner, n := range map[string]int64{"a": 600, "b": 300, "c": 150, "d": 75} {
		b.give(owner, n)
	}
	if b.Held() != 0 || len(b.of) != 0 || !b.take("b", 600) {
		t.Errorf("%d held by %v", b.Held(), b.of)
	}
}

// The attack: bodies that are announced and do not come hold nothing but what came of them.
func TestHeldIsWhatCame(t *testing.T) {
	b := New(DefaultMost)
	var bodies []*Body
	for range 480 {
		r := httptest.NewRequest("POST", "/", strings.NewReader("{"))
		r.ContentLength = 8 << 20
		body := b.Within(httptest.NewRecorder(), r, "a")
		if n, err := body.Read(make([]byte, 512)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		bodies = append(bodies, body)
	}
	if b.Held() > 480*step {
		t.Errorf("480 bodies of one byte hold %d bytes", b.Held())
	}
	for _, body := range bodies {
		body.Release()
		body.Release()
	}
	if b.Held() != 0 {
		t.Errorf("%d bytes are held by nobody", b.Held())
	}
}

// Bodies that are too much together are refused while they come; another owner's still fit.
func TestFull(t *testing.T) {
	b := New(1 << 20)
	read := func(owner string, size int) error {
		r := httptest.NewRequest("POST", "/", iotest.OneByteReader(strings.NewReader(strings.Repeat("x", size))))
		_, err := io.ReadAll(b.Within(httptest.NewRecorder(), r, owner))
		return err
	}
	if err := read("a", 400<<10); err != nil {
		t.Fatal(err)
	}
	if err := read("a", 400<<10); !errors.Is(err, ErrFull) {
		t.Errorf("too much of one: %v", err)
	}
	if err := read("b", 100<<10); err != nil {
		t.Errorf("another one: %v", err)
	}
}

// A body that brings nothing ends at its deadline, and one that is complete leaves none behind.
func TestDeadline(t *testing.T) {
	b := New(DefaultMost)
	w := &conn{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 100*SlowestRate)))
	body := b.Within(w, r, "a")
	if _, err := body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	first := w.deadline
	if d := first.Sub(body.begun); d != Grace {
		t.Errorf("at first a body has %v", d)
	}
	if _, err := body.Read(make([]byte, 10*SlowestRate)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the deadline moves at the read that follows
		if _, err := body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if d := w.deadline.Sub(first); d < 9*time.Second || d > 10*time.Second {
		t.Errorf("%d bytes moved the deadline by %v", 10*SlowestRate, d)
	}
	if _, err := io.Copy(io.Discard, body); err != nil || !w.deadline.IsZero() {
		t.Errorf("at the end: %v, deadline %v", err, w.deadline)
	}

	// What the connection calls a timeout is ErrSlow.
	r = httptest.NewRequest("POST", "/", iotest.ErrReader(&net.OpError{Op: "read", Err: timeout{}}))
	if _, err := io.ReadAll(b.Within(w, r, "a")); !errors.Is(err, ErrSlow) {
		t.Errorf("a timeout is %v", err)
	}
}

type conn struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (c *conn) SetReadDeadline(at time.Time) error {
	c.deadline = at
	return nil
}

type timeout struct{}

func (timeout) Error() string { return "timeout" }
func (timeout) Timeout() bool { return true }

var _ http.ResponseWriter = (*conn)(nil)
