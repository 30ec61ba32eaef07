package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/storage/wal"
)

// The disk counts as full while there is no room for two segments of the log and the growth of the file.
func TestRoom(t *testing.T) {
	var free atomic.Int64
	broken := errors.New("nobody knows")
	e := &Etcd{options: Options{free: func(string) (int64, error) {
		if free.Load() < 0 {
			return 0, broken
		}
		return free.Load(), nil
	}}}
	need := 2*wal.SegmentSizeBytes + 32<<20
	for _, c := range []struct {
		name       string
		free, more int64
		full       bool
	}{
		{"plenty", 1 << 40, 0, false},
		{"just enough", need, 0, false},
		{"a byte short", need - 1, 0, true},
		{"nothing", 0, 0, true},
		{"unknown", -1, 0, false},
		{"just enough for a copy", need + 1<<30, 1 << 30, false},
		{"too little for a copy", need + 1<<30 - 1, 1 << 30, true},
	} {
		free.Store(c.free)
		err := e.roomFor(c.more)
		if (err != nil) != c.full {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.full && !strings.Contains(err.Error(), fmt.Sprintf("%d MiB have to be", (need+c.more)>>20)) {
			t.Errorf("%s: does not say what is needed: %v", c.name, err)
		}
	}
	if free, err := freeBytes(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("on this disk: %d, %v", free, err)
	}
}

// safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor waits until the log says something.
func (s *safeBuffer) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(s.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q: %s", text, s.String())
		}
	}
}

// A disk that fills and has room again is told of, and is not defragmented onto.
func TestTellsOfRoom(t *testing.T) {
	var log safeBuffer
	var free atomic.Int64
	free.Store(1)
	e, err := Options{Unsafe: true, Log: slog.New(slog.NewTextHandler(&log, nil)), tend: time.Millisecond,
		free: func(string) (int64, error) { return free.Load(), nil }}.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	log.waitFor(t, "make room on the store's disk")
	if _, err := e.Client.Defragment(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "nearly full") {
		t.Errorf("defragmented without room for the copy: %v", err)
	}
	free.Store(1 << 40)
	log.waitFor(t, "has room again")
	if _, err := e.Client.Defragment(t.Context(), ""); err != nil {
		t.Error(err)
	}
}
