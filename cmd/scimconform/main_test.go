package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/conformance"
	"rollcall/conformance/refserver"
)

// start runs a reference server on the loopback interface.
func start(t *testing.T) (*refserver.Server, string) {
	srv := refserver.New(refserver.Options{})
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	return srv, ts.URL + refserver.Base
}

func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitStatus(t *testing.T) {
	_, url := start(t)
	down := httptest.NewServer(nil)
	down.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"clean", []string{"--url", url, "--token", refserver.Token, "--run", "^delete$"}, 0, "delete"},
		{"bad token", []string{"--url", url, "--token", "wrong", "--run", "^delete$"}, 2,
			"the credentials are not accepted"},
		{"server down", []string{"--url", down.URL, "--token", "x"}, 2, "refused"},
		{"no scim", []string{"--url", url + "/nothing/here", "--token", refserver.Token}, 2, "no SCIM service"},
		{"no url", nil, 2, "--url is missing"},
		{"bad url", []string{"--url", "host/scim"}, 2, "absolute"},
		{"bad regexp", []string{"--url", url, "--run", "("}, 2, "--run"},
		{"unknown flag", []string{"--nonsense"}, 2, "unknown flag"},
		{"two credentials", []string{"--url", url, "--token", "a", "--user", "b:c"}, 2, "only one of"},
		{"missing ca", []string{"--url", url, "--ca", "/nonexistent.pem"}, 2, "--ca"},
		{"help", []string{"--help"}, 0, "--read-only"},
		{"list", []string{"--list"}, 0, "R7644-3.5.2-11"},
		{"explain", []string{"--explain", "r7644-3.5.2-11"}, 0, "Atomic"},
		{"explain unknown", []string{"--explain", "R1"}, 2, "no requirement"},
		{"diff of one", []string{"--diff", "a.json"}, 2, "two reports"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := command(t, c.args...)
			if code != c.code || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit status %d, expected %d; output should say %q:\n%s%s", code, c.code, c.says, out, errs)
			}
		})
	}
}

func TestReportsAndDiff(t *testing.T) {
	srv, url := start(t)
	before := srv.Len()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	code, out, errs := command(t, "--url", url, "--token", refserver.Token, "--run", "^(delete|auth|me)$",
		"--json", file("a.json"), "--junit", file("a.xml"), "--html", file("a.html"))
	if code != 0 {
		t.Fatalf("exit status %d\n%s%s", code, out, errs)
	}
	if srv.Len() != before {
		t.Errorf("%d resources left of %d", srv.Len(), before)
	}
	for _, name := range []string{"a.json", "a.xml", "a.html"} {
		data, err := os.ReadFile(file(name))
		if err != nil || !bytes.Contains(data, []byte("R7644-3.6-01")) {
			t.Errorf("%s: no R7644-3.6-01 in it (%v)", name, err)
		}
		if bytes.Contains(data, []byte(refserver.Token)) {
			t.Errorf("%s holds the token", name)
		}
	}
	data, _ := os.ReadFile(file("a.json"))
	worse := bytes.Replace(data, []byte(`"status": "passed"`), []byte(`"status": "failed"`), 1)
	if err := os.WriteFile(file("b.json"), worse, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		older, newer string
		code         int
		says         string
	}{{"a.json", "a.json", 0, "no difference"}, {"a.json", "b.json", 1, "worse"}, {"b.json", "a.json", 0, "better"},
		{"a.json", "a.html", 2, "report"}} {
		code, out, errs := command(t, "--diff", file(c.older), file(c.newer))
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("diff %s %s: exit status %d, expected %d and %q:\n%s%s", c.older, c.newer, code, c.code, c.says,
				out, errs)
		}
	}
}

func TestInterruptedRunCleansUp(t *testing.T) {
	srv, url := start(t)
	before := srv.Len()
	ctx, cancel := context.WithCancel(t.Context())
	o := options{URL: url, Token: refserver.Token, Profile: "rfc", Prefix: "scimconform", Concurrency: 2}
	target, err := o.target()
	if err != nil {
		t.Fatal(err)
	}
	target.Progress = func(at conformance.Progress) {
		if at.Done == 30 {
			cancel()
		}
	}
	code, err := o.judge(ctx, target, os.Stderr, &bytes.Buffer{})
	if code != exitError || err == nil {
		t.Errorf("exit status %d, error %v; an interrupted run is an error", code, err)
	}
	if srv.Len() != before {
		t.Errorf("%d resources left of %d", srv.Len(), before)
	}
}
