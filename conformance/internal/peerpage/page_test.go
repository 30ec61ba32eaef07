package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/conformance"
	"rollcall/conformance/internal/elimity"
)

const root = "../../../"

// TestPage holds that the page is made from what is kept.
func TestPage(t *testing.T) {
	peers, err := read(root + kept)
	if err != nil || len(peers) < 2 {
		t.Fatalf("%d peers, %v", len(peers), err)
	}
	var b bytes.Buffer
	if err := write(&b, peers); err != nil {
		t.Fatal(err)
	}
	if have, err := os.ReadFile(root + page); err != nil || string(have) != b.String() {
		t.Errorf("%s is not what %s has (%v); go run ./conformance/internal/peerpage writes it", page, kept, err)
	}
	for _, p := range peers {
		for status, ids := range p.Verdicts {
			for _, id := range ids {
				if row := "| " + id + " |"; broken(status) && !strings.Contains(b.String(), row) {
					t.Errorf("%s of %s is not on the page", id, p.Name)
				}
			}
		}
	}
}

// TestElimityIsAsKept judges elimity's server again and compares.
func TestElimityIsAsKept(t *testing.T) {
	h, err := elimity.Handler()
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "elimity", conformance.Target{URL: "http://elimity.test/v2", Transport: conformance.Handler(h)})
}

// TestSCIMMYIsAsKept does so with SCIMMY, where make conformance-peers has installed it.
func TestSCIMMYIsAsKept(t *testing.T) {
	dir, err := filepath.Abs(root + "bin/peers/scimmy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "scimmy")); err != nil {
		t.Skip("SCIMMY is not installed; make conformance-peers does that")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, "node", "server.mjs", port)
	server.Dir = dir
	in, err := server.StdinPipe() // it runs until this is closed
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cancel(); _ = server.Wait() })
	url := "http://127.0.0.1:" + port + "/scim"
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(url + "/Schemas")
		if err == nil {
			r.Body.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	compare(t, "scimmy", conformance.Target{URL: url})
}

// compare runs the suite as make conformance-peers does.
func compare(t *testing.T, name string, target conformance.Target) {
	if testing.Short() {
		t.Skip("runs the whole conformance suite")
	}
	peers, err := read(root + kept)
	if err != nil {
		t.Fatal(err)
	}
	target.Name, target.Profile, target.MaxWait = name, conformance.ProfileAll, -1
	target.Auth = conformance.Credentials{Bearer: "corpus-token"}
	rep, err := conformance.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if !strings.Contains(strings.ToLower(p.Name), name) {
			continue
		}
		now := peerOf(rep)
		for _, r := range rep.Results {
			if was := p.of(r.ID); now.of(r.ID) != was {
				t.Errorf("%s was %q and is %q; make conformance-peers judges anew", r.ID, was, r.Status)
			}
		}
		return
	}
	t.Errorf("%s is not kept", name)
}
