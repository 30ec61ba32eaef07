package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// writable is how large a file may become under limitWrites: enough for what the test binary itself writes.
const writable = 1 << 20

// limitWrites keeps this process from writing large files, as a disk without room does, until allow is called.
func limitWrites(t *testing.T) (allow func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: writable, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	allow = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(allow)
	return allow
}

// When the disk fails, the process goes on: every call is answered at once, the log says why, and what was acknowledged
// is there for the next process.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	e, err := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client.Put(t.Context(), "k", "kept"); err != nil {
		t.Fatal(err)
	}
	if err := e.Failed(); err != nil {
		t.Fatal(err)
	}
	if err := e.Recovered(); err != nil {
		t.Errorf("on a sound disk: %v", err)
	}

	allow := limitWrites(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; err == nil; n++ {
		if n > 10 {
			t.Fatal("the disk does not fail")
		}
		_, err = e.Client.Put(ctx, "large", strings.Repeat("x", writable/4))
	}
	if !errors.Is(err, ErrFailed) {
		t.Errorf("what was under way: %v", err)
	}
	<-e.Failure()
	if err := e.Failed(); !errors.Is(err, ErrFailed) || !noRoom(err) {
		t.Errorf("the reason: %v", err)
	}
	if err := e.Recovered(); err == nil {
		t.Error("recovered while nothing can be written")
	}
	for name, call := range map[string]func() error{
		"Get":    func() error { _, err := e.Client.Get(ctx, "k"); return err },
		"Put":    func() error { _, err := e.Client.Put(ctx, "k", ""); return err },
		"Delete": func() error { _, err := e.Client.Delete(ctx, "k"); return err },
		"Txn": func() error {
			_, err := e.Client.Txn(ctx).If().Then(clientv3.OpGet("k")).Else().Commit()
			return err
		},
		"Do":         func() error { _, err := e.Client.Do(ctx, clientv3.OpGet("k")); return err },
		"Compact":    func() error { _, err := e.Client.Compact(ctx, 1); return err },
		"Status":     func() error { _, err := e.Client.Status(ctx, ""); return err },
		"Defragment": func() error { _, err := e.Client.Defragment(ctx, ""); return err },
		"Snapshot":   func() error { _, err := e.Client.Snapshot(ctx); return err },
	} {
		if err := call(); !errors.Is(err, ErrFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "file too large") {
		t.Errorf("the log does not say why: %s", log.String())
	}
	e.Close() // returns

	allow()
	if err := e.Recovered(); err != nil {
		t.Errorf("the disk is sound again: %v", err)
	}
	// Another process would find what this one left; here that is a copy, because the locks are still held.
	again := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	next, err := Start(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	resp, err := next.Client.Get(t.Context(), "k")
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatalf("after the restart: %v, %v", resp, err)
	}
	if v := string(resp.Kvs[0].Value); v != "kept" {
		t.Errorf("after the restart: %q", v)
	}
}

// A start without room says so; it is not taken for damage.
func TestStartWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	allow := limitWrites(t)
	e, err := Start(t.Context(), dir)
	allow()
	if err == nil {
		e.Close()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "no room on its disk") || strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
}
