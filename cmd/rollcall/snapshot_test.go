package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/internal/demoidp"
	"rollcall/scimapi"
)

// succeed runs a command that should succeed, and returns what it printed.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	p := spawn(t, args...)
	status, out := p.exit()
	if status != 0 {
		t.Fatalf("%s: exit status %d: %s", strings.Join(args, " "), status, p.err.String())
	}
	return out
}

// dumpSite is what a service answers about everything in it.
func dumpSite(t *testing.T, site string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, list := range []string{"/scim/v2/Organizations", "/Users", "/Groups", "/IdentityProviders", "/AccessTokens",
		"/Sessions", "/DeletedUsers", "/SignIns", "/Events", "/SchemaDefinitions"} {
		address := site + list + "?count=1000"
		if !strings.HasPrefix(list, "/scim") {
			address = site + "/orgs/demo/scim/v2" + list + "?count=1000"
		}
		status, body := ask(t, "GET", address, testToken, "")
		if status != http.StatusOK {
			t.Errorf("GET %s: %d %s", address, status, body)
		}
		all[list] = body
	}
	return all
}

// signIn signs a person in to the organization demo, as a browser does.
func signIn(t *testing.T, site, name string) (cookies []*http.Cookie) {
	t.Helper()
	browser := demoidp.NewBrowser(nil)
	page, err := browser.SignIn(t.Context(), site+"/orgs/demo/login", name)
	if err != nil {
		t.Fatal(err)
	}
	cookies = browser.Client.Jar.Cookies(page.URL)
	if page.Status != http.StatusOK || len(cookies) == 0 {
		t.Fatalf("%s is not signed in: %d %s", name, page.Status, pageText(page.Body))
	}
	return cookies
}

// conditional changes a User under If-Match and returns the status.
func conditional(t *testing.T, address, etag string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", address, strings.NewReader(
		`{"schemas":["`+patchSchema+`"],"Operations":[{"op":"replace","path":"title","value":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("If-Match", etag)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// TestSnapshot saves a running service, loses what came after, and restores it: everything is as it was, people sign
// in, and who holds something from after the snapshot gets a clean answer.
func TestSnapshot(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	dir, folder := filepath.Join(t.TempDir(), "data"), t.TempDir()
	serve := func(dir string) (*process, string) {
		p := spawn(t, "ROLLCALL_OPERATOR_TOKEN="+testToken, "serve", "--listen", listen, "--data", dir)
		return p, p.line(servingLine)
	}
	p, site := serve(dir)
	people := httptest.NewUnstartedServer(nil)
	idp, err := demoidp.New("http://"+people.Listener.Addr().String(), demoidp.People())
	if err != nil {
		t.Fatal(err)
	}
	people.Config.Handler = idp.Handler()
	people.Start()
	defer people.Close()
	if _, err := createSample(t.Context(), &running{public: site, token: testToken}, idp); err != nil {
		t.Fatal(err)
	}
	scim := site + "/orgs/demo/scim/v2"
	for n := range 3 {
		eventually(t, http.StatusCreated, "POST", scim+"/Users", user(fmt.Sprint("user-", n)))
	}
	gone := gjson.Get(eventually(t, http.StatusCreated, "POST", scim+"/Users", user("gone")), "id").String()
	eventually(t, http.StatusNoContent, "DELETE", scim+"/Users/"+gone, "")
	signIn(t, site, "bob")
	search := scim + "/Users?filter=" + url.QueryEscape(`userName eq "bob@example.com"`)
	bob := gjson.Get(eventually(t, http.StatusOK, "GET", search, ""), "Resources.0")
	address, etag := scim+"/Users/"+bob.Get("id").String(), bob.Get("meta.version").String()
	cursor := gjson.Get(eventually(t, http.StatusOK, "GET", scim+"/Users?cursor&count=1", ""), "nextCursor").String()
	if etag == "" || cursor == "" {
		t.Fatalf("ETag %q, cursor %q", etag, cursor)
	}

	// Save.
	before := dumpSite(t, site)
	file := filepath.Join(folder, "snapshot")
	said := succeed(t, "ROLLCALL_OPERATOR_TOKEN="+testToken, "snapshot", "save", "--listen", listen, file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	verified := succeed(t, "snapshot", "verify", file)
	if verified != said || !strings.Contains(said, "Fingerprint of its secret key: ") {
		t.Errorf("saved %q, verified %q", said, verified)
	}
	refused(t, 1, "exists already", "ROLLCALL_OPERATOR_TOKEN="+testToken, "snapshot", "save", "--listen", listen, file)
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left beside the snapshot: %v, %v", left, err)
	}

	// What comes after is lost.
	if status := conditional(t, address, etag); status != http.StatusOK {
		t.Fatalf("change: %d", status)
	}
	later := gjson.Get(eventually(t, http.StatusOK, "GET", address, ""), "meta.version").String()
	eventually(t, http.StatusCreated, "POST", scim+"/Users", user("lost"))
	p.terminate()

	// Restore.
	key, err := os.ReadFile(filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, 1, "holds data already", "snapshot", "restore", file, "--data", dir)
	restored := filepath.Join(t.TempDir(), "restored")
	restore := []string{"snapshot", "restore", file, "--data", restored}
	refused(t, 1, "not the secret key", append(restore, "--secret-key", strings.Repeat("ab", 32))...)
	if _, err := os.Stat(filepath.Join(restored, "etcd")); err == nil {
		t.Error("restored under another key")
	}
	if out := succeed(t, restore...); !strings.Contains(out, "put its secret key into") {
		t.Errorf("does not ask for the secret key: %s", out)
	}
	if err := os.WriteFile(filepath.Join(restored, "secret.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ = serve(restored)
	after := dumpSite(t, site)
	for list, was := range before {
		if after[list] != was {
			t.Errorf("%s:\n%s\nwas:\n%s", list, after[list], was)
		}
	}

	// Who holds something from before gets a clean answer.
	status, body := ask(t, "GET", scim+"/Users?count=1&cursor="+url.QueryEscape(cursor), testToken, "")
	if status != http.StatusBadRequest || !strings.Contains(body, "Cursor") {
		t.Errorf("a walk that began before: %d %s", status, body)
	}
	if status := conditional(t, address, later); status != http.StatusPreconditionFailed {
		t.Errorf("under an ETag of what is lost: %d", status)
	}
	if status := conditional(t, address, etag); status != http.StatusOK {
		t.Errorf("under the ETag of what was restored: %d", status)
	}
	if now := gjson.Get(eventually(t, http.StatusOK, "GET", address, ""), "meta.version").String(); now == later {
		t.Errorf("%s was given out for another document", now)
	}
	signIn(t, site, "bob")
	p.terminate()
}

// TestSnapshotIsTheOperators: nobody else gets a snapshot.
func TestSnapshotIsTheOperators(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_OPERATOR_TOKEN="+testToken)
	admin := gjson.Get(eventually(t, http.StatusCreated, "POST", site+"/scim/v2/AccessTokens",
		`{"schemas":["`+tokenSchema+`"],"displayName":"a","scopes":["admin"]}`), "token").String()
	for _, c := range []struct {
		method, token string
		status        int
	}{
		{"GET", "", 401},
		{"GET", "guessed-operator-token", 401},
		{"GET", admin, 403},
		{"POST", testToken, 405},
		{"GET", testToken, 200},
	} {
		if status, body := ask(t, c.method, site+snapshotPath, c.token, ""); status != c.status {
			t.Errorf("%s with %q: %d, want %d: %s", c.method, c.token, status, c.status, body[:min(len(body), 200)])
		}
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	refused(t, 1, "401", "ROLLCALL_OPERATOR_TOKEN=guessed-operator-token", "snapshot", "save", "--url", site, file)
	refused(t, 1, "ROLLCALL_OPERATOR_TOKEN is not set", "snapshot", "save", "--url", site, "--data", t.TempDir(), file)
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	p.terminate()
}

// TestSnapshotGuesses: who guesses the operator token has the bound that guessing over SCIM has, and the same one; who
// has the token does not feel it.
func TestSnapshotGuesses(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_OPERATOR_TOKEN="+testToken)
	guess := func(path string) int {
		status, _ := ask(t, "GET", site+path, "guessed-operator-token", "")
		if status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
			t.Fatalf("%s: %d", path, status)
		}
		return status
	}
	exhaust := func(path string) (guesses int) {
		for guess(path) != http.StatusTooManyRequests {
			if guesses++; guesses == 2000 {
				t.Fatalf("%s: no bound", path)
			}
		}
		return guesses
	}
	exhaust(snapshotPath)
	if status, _ := ask(t, "GET", site+snapshotPath, testToken, ""); status != http.StatusOK {
		t.Errorf("with the operator token: %d", status)
	}

	// A guess comes free every 200 ms, so the other path may get it; a bound of its own would have let all through.
	for n := 0; guess(orgPath+"/Users") != http.StatusTooManyRequests; n++ {
		if n == scimapi.DefaultFailures().Burst/2 {
			t.Fatal("SCIM counts for itself")
		}
		exhaust(snapshotPath)
	}
	p.terminate()
}

// TestSnapshotCutOff: what does not arrive whole is not saved.
func TestSnapshotCutOff(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_OPERATOR_TOKEN="+testToken)
	_, whole := ask(t, "GET", site+snapshotPath, testToken, "")
	p.terminate()
	for name, h := range map[string]http.HandlerFunc{
		"the connection breaks": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, whole[:len(whole)/2])
			panic(http.ErrAbortHandler)
		},
		"the stream ends early": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, whole[:len(whole)-4096])
		},
		"the checksum is absent": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, whole[:len(whole)-32])
		},
	} {
		s := httptest.NewServer(h)
		defer s.Close()
		file := filepath.Join(t.TempDir(), "snapshot")
		refused(t, 1, "did not arrive whole",
			"ROLLCALL_OPERATOR_TOKEN="+testToken, "snapshot", "save", "--url", s.URL, file)
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
}

// flag is the value of a flag of a member's command line, to be read or replaced.
func (c *etcdCluster) flag(member int, name string) *string {
	c.t.Helper()
	i := slices.Index(c.args[member], name)
	if i < 0 {
		c.t.Fatalf("member %d has no flag %s", member, name)
	}
	return &c.args[member][i+1]
}

// TestSnapshotOfCluster goes the steps of docs/operations.md: it saves an etcd cluster of three members through a node
// and restores it below two running nodes.
func TestSnapshotOfCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three etcd")
	}
	etcd := startEtcd(t, 3, "http")
	p1, site1 := etcd.node()
	p2, site2 := etcd.node()
	eventually(t, http.StatusCreated, "POST", site1+orgPath+"/Users", user("kept"))
	file := filepath.Join(t.TempDir(), "snapshot")
	succeed(t, "ROLLCALL_OPERATOR_TOKEN="+testToken, "snapshot", "save", "--url", site1, file)
	eventually(t, http.StatusCreated, "POST", site1+orgPath+"/Users", user("lost"))

	// The file is what was saved, under the key that the nodes have.
	succeed(t, "snapshot", "verify", file, "--secret-key", testSecretKey)
	refused(t, 1, "not the secret key", "snapshot", "verify", file, "--secret-key", strings.Repeat("ab", 32))

	// Every member is stopped, and restored into a new folder.
	for i := range 3 {
		etcd.kill(i)
	}
	for i := range 3 {
		name, restored := *etcd.flag(i, "--name"), filepath.Join(t.TempDir(), "etcd")
		restore := []string{"snapshot", "restore", file, "--data-dir", restored}
		refused(t, 1, "--name and --initial-cluster", restore...)
		succeed(t, append(restore, "--name", name, "--initial-cluster", *etcd.flag(i, "--initial-cluster"))...)
		*etcd.flag(i, "--data-dir") = restored
	}

	// They are started as before, and form one cluster; the nodes find it, and discard what they had.
	for i := range 3 {
		etcd.start(i)
	}
	for _, site := range []string{site1, site2} {
		until(t, http.StatusOK, "ready", "GET", site+"/readyz", "")
		if kept, lost := count(t, site, "kept"), count(t, site, "lost"); kept != "1" || lost != "0" {
			t.Errorf("what the snapshot holds: %s; what came after: %s", kept, lost)
		}
	}
	eventually(t, http.StatusCreated, "POST", site1+orgPath+"/Users", user("after"))
	etcd.kill(0) // the other two are a majority
	eventually(t, http.StatusCreated, "POST", site2+orgPath+"/Users", user("later"))
	if n := count(t, site1, "after"); n != "1" {
		t.Errorf("what was written since: %s", n)
	}
	p1.terminate()
	p2.terminate()
}
