package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// An etcd that ran out of its quota accepts writes again, by itself, once enough has been deleted; while the data
// itself takes the quota, it is not defragmented in vain.
func TestHealsItself(t *testing.T) {
	var log safeBuffer
	e, err := Options{Unsafe: true, Quota: 16 << 20, Log: slog.New(slog.NewTextHandler(&log, nil)),
		tend: 10 * time.Millisecond}.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx := t.Context()
	for n := 0; !strings.Contains(log.String(), "quota is used up"); n++ {
		if n == 10_000 {
			t.Fatal("the quota is not used up")
		}
		if _, err = e.Client.Put(ctx, fmt.Sprintf("/filler/%03d", n), strings.Repeat("x", 100<<10)); err != nil {
			time.Sleep(time.Millisecond) // the healing may be under way
		}
	}
	before := log.String()
	if _, err := e.Client.Delete(ctx, "/filler/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); e.alarm(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not healed: %s", log.String())
		}
	}
	if after := strings.TrimPrefix(log.String(), before); strings.Count(after, "defragmented") != 1 {
		t.Errorf("not defragmented once when there was something to gain: %s", after)
	}
	if _, err := e.Client.Put(ctx, "k", strings.Repeat("x", 1<<20)); err != nil {
		t.Errorf("after the healing: %v", err)
	}
	if size := e.server.Server.Backend().Size(); size > 8<<20 {
		t.Errorf("the file still has %d bytes", size)
	}
}
