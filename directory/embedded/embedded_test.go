package embedded

import (
	"testing"
	"time"
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
