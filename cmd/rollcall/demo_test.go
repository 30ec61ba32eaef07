package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startDemo starts a demo on a free port and returns what it exports.
func startDemo(t *testing.T, args ...string) (*process, map[string]string) {
	t.Helper()
	p := spawn(t, append([]string{"demo", "--listen", "127.0.0.1:0"}, args...)...)
	exports := map[string]string{}
	for _, name := range []string{"ROLLCALL_URL", "SCIM", "TOKEN", "IDP", "EDITORS", "READERS"} {
		exports[name] = p.line("export " + name + "=")
	}
	return p, exports
}

func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p, env := startDemo(t)
	acs := env["ROLLCALL_URL"] + "/orgs/demo/saml/" + env["IDP"] + "/acs"
	for path, want := range map[string][]string{
		"/Users":                           {`"totalResults":2`, `"userName":"bob@example.com"`, `"userName":"admin@example.com"`},
		"/Groups":                          {`"totalResults":2`, `"Editors"`, `"Readers"`},
		"/Groups/" + env["READERS"]:        {`"Readers"`, `"members":[{`},
		"/IdentityProviders/" + env["IDP"]: {`"jit":{"enabled":false}`, acs},
		"/AccessTokens":                    {`"totalResults":1`, `"scopes":["admin"]`},
	} {
		status, body := ask(t, "GET", env["SCIM"]+path, env["TOKEN"], "")
		for _, w := range want {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("GET %s: %d %s\nwant %s", path, status, body, w)
			}
		}
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 1 {
		t.Errorf("temporary folder: %v, %v", entries, err)
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	if status, _ := p.exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
		t.Errorf("the demo left %v, %v", entries, err)
	}
}

// TestDemoAgain: a second run in the same folder finds what the first one created; its token and the identity
// provider's key are new.
func TestDemoAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	p, first := startDemo(t, "--data", dir)
	p.terminate()
	_, second := startDemo(t, "--data", dir)
	if first["EDITORS"] != second["EDITORS"] || first["IDP"] != second["IDP"] {
		t.Errorf("first %v, second %v", first, second)
	}
	for token, want := range map[string]int{first["TOKEN"]: 401, second["TOKEN"]: 200} {
		if status, _ := ask(t, "GET", second["SCIM"]+"/Users", token, ""); status != want {
			t.Errorf("token %s: %d, want %d", token, status, want)
		}
	}
	signIn := func(who string, args ...string) (int, string) {
		return spawn(t, append([]string{"demo", "sign-in", who, "--url", second["ROLLCALL_URL"]}, args...)...).exit()
	}
	jar := filepath.Join(t.TempDir(), "jar")
	if status, page := signIn("bob", "--cookie-jar", jar); status != 0 || !strings.Contains(page, "bob@example.com") {
		t.Errorf("bob: exit status %d\n%s", status, page)
	}
	if info, err := os.Stat(jar); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("cookie jar: %v, %v", info, err)
	}
	status, page := signIn("alice", "--cookie-jar", jar+"2")
	if status != 1 || page == "" || strings.Contains(page, "<") {
		t.Errorf("alice, who is not in the directory: exit status %d\n%s", status, page)
	}
	if _, err := os.Stat(jar + "2"); err == nil {
		t.Error("a refused sign-in left cookies")
	}
	if status, page := signIn("admin"); status != 0 || !strings.Contains(page, "Ada Admin") {
		t.Errorf("admin: exit status %d\n%s", status, page)
	}
	refused(t, 1, `"mallory"`, "demo", "sign-in", "mallory", "--url", second["ROLLCALL_URL"])
}
