package embedded

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestDataSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := Timeout(t.Context())
	defer cancel()
	begun := time.Now()
	e, err := Start(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(begun))
	if _, err := e.Client.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e, err = Start(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	resp, err := e.Client.Get(ctx, "k")
	if err != nil || len(resp.Kvs) != 1 || string(resp.Kvs[0].Value) != "v" {
		t.Fatalf("after the restart: %v, %v", resp, err)
	}
}

// Every call of maintenance answers that makes sense on one member: v3client leaves out a part of etcd's maintenance
// server.
func TestMaintenance(t *testing.T) {
	ctx, cancel := Timeout(t.Context())
	defer cancel()
	e, err := StartUnsafe(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Client.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*clientv3.Client{e.Client, e.NewClient()} {
		for name, call := range map[string]func() error{
			"Status":     func() error { _, err := c.Status(ctx, ""); return err },
			"AlarmList":  func() error { _, err := c.AlarmList(ctx); return err },
			"Disarm":     func() error { _, err := c.AlarmDisarm(ctx, &clientv3.AlarmMember{}); return err },
			"HashKV":     func() error { _, err := c.HashKV(ctx, "", 0); return err },
			"Defragment": func() error { _, err := c.Defragment(ctx, ""); return err },
			"Snapshot": func() error {
				r, err := c.Snapshot(ctx)
				if err != nil {
					return err
				}
				defer r.Close()
				_, err = io.Copy(io.Discard, r)
				return err
			},
		} {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if resp, err := c.Get(ctx, "k"); err != nil || len(resp.Kvs) != 1 {
			t.Errorf("afterwards: %v, %v", resp, err)
		}
	}
	over, stop := context.WithCancel(ctx)
	stop()
	if _, err := e.Client.Defragment(over, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("defragmented for a caller that is gone: %v", err)
	}
}
