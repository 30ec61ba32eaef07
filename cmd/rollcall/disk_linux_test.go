package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/sys/unix"
)

// limitFiles bounds how large the files of a running process may grow: at 0 its disk fails it as a full one does.
func limitFiles(t *testing.T, p *process, size uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// until asks until the answer has the status and holds the text.
func until(t *testing.T, want int, text, method, address, body string) string {
	t.Helper()
	var status int
	var answer string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if status, answer = ask(t, method, address, testToken, body); status == want && strings.Contains(answer, text) {
			return answer
		}
	}
	t.Fatalf("%s %s: still %d, want %d and %q: %s", method, address, status, want, text, answer)
	return ""
}

// wantReadOnly checks what a node answers whose disk has failed: resources, from memory, and nothing else.
func wantReadOnly(t *testing.T, site, known string) {
	t.Helper()
	until(t, http.StatusOK, "disk has failed", "GET", site+"/readyz", "")
	if n := count(t, site, known); n != "1" {
		t.Errorf("a User that is there: %s", n)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", orgPath + "/Users", "", 200},
		{"GET", orgPath + "/Groups", "", 200},
		{"GET", orgPath + "/Events", "", 503},
		{"GET", orgPath + "/SignIns", "", 503},
		{"POST", orgPath + "/Users", user("refused"), 503},
	} {
		begun := time.Now()
		status, answer := ask(t, c.method, site+c.path, testToken, c.body)
		if status != c.status {
			t.Errorf("%s %s: %d after %v, want %d: %s", c.method, c.path, status, time.Since(begun), c.status, answer)
		}
	}
	_, metrics := ask(t, "GET", site+"/metrics", "", "")
	for _, want := range []string{"\nrollcall_store_disk_failed 1\n", "\nrollcall_store_writable 0\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %q: %s", want, metrics)
		}
	}
}

// When the disk fails, the node goes on answering from memory; when it has room again, the program starts over in the
// same process, and what was acknowledged is there.
func TestDiskFails(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	p := spawn(t, "ROLLCALL_OPERATOR_TOKEN="+testToken, "serve", "--listen", listen, "--data", t.TempDir())
	site := p.line(servingLine)
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("kept"))

	limitFiles(t, p, 0)
	begun := time.Now()
	status, answer := ask(t, "POST", site+orgPath+"/Users", testToken, user("unknown"))
	if status != http.StatusServiceUnavailable || !strings.Contains(answer, "disk has failed; outcome unknown") {
		t.Errorf("what was under way: %d %s", status, answer)
	}
	t.Logf("what was under way was answered after %v", time.Since(begun))
	wantReadOnly(t, site, "kept")

	limitFiles(t, p, unix.RLIM_INFINITY)
	if again := p.line(servingLine); again != site {
		t.Errorf("now at %s, was %s", again, site)
	}
	if n := count(t, site, "kept"); n != "1" {
		t.Errorf("a User that was acknowledged: %s", n)
	}
	if n := count(t, site, "refused"); n != "0" {
		t.Errorf("a User that was refused: %s", n)
	}
	eventually(t, http.StatusCreated, "POST", site+orgPath+"/Users", user("after"))
	until(t, http.StatusOK, "ready\n", "GET", site+"/readyz", "")
	log := p.err.String()
	if !strings.Contains(log, "level=ERROR msg=\"etcd: ") || !strings.Contains(log, "file too large") {
		t.Errorf("the log does not say what failed: %s", log)
	}
	p.terminate()
}

// smallDisk starts rollcall in a mount namespace of its own, with its data on a file system of so many MiB, and returns
// the folder as this process sees it. Where mounting is not allowed, the test is skipped.
func smallDisk(t *testing.T, mib int, args ...string) (p *process, folder string) {
	t.Helper()
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = []string{"unshare", "--user", "--map-root-user", "--mount"}
	}
	disk := t.TempDir()
	script := fmt.Sprintf(`mount -t tmpfs -o size=%dm tmpfs "$0" && exec "$@"`, mib)
	in := func(command ...string) []string { return append(append(unshare, "sh", "-c", script, disk), command...) }
	if try := in("true"); exec.Command(try[0], try[1:]...).Run() != nil {
		t.Skip("a file system cannot be mounted here; TestDiskFails goes another way")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := in(append([]string{self, "serve", "--data", filepath.Join(disk, "data")}, args...)...)
	p = spawnProgram(t, cleanEnv("ROLLCALL_OPERATOR_TOKEN="+testToken), all[0], all[1:]...)
	return p, filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "root", disk)
}

// occupy takes so many bytes of a disk, or all that is left.
func occupy(t *testing.T, file string, size int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for n := int64(0); n < size; n += int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			if size < 1<<40 {
				t.Fatal(err)
			}
			return
		}
	}
}

// A real disk that fills: first only what takes away is accepted, then, when nothing fits any more, only reading; with
// room again, everything.
func TestDiskFills(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	p, folder := smallDisk(t, 400, "--listen", listen)
	site := p.line(servingLine)
	users := site + orgPath + "/Users"
	large := strings.Repeat("x", 500_000)
	var ids []string
	for n := range 40 {
		answer := eventually(t, http.StatusCreated, "POST", users, fmt.Sprintf(
			`{"schemas":[%q],"userName":"user-%d","displayName":%q}`, userSchema, n, large))
		_, rest, _ := strings.Cut(answer, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids = append(ids, id)
	}

	// Nearly full: deletion is accepted, and so is nothing else.
	filler := filepath.Join(folder, "filler")
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		t.Fatal(err)
	}
	occupy(t, filler, int64(s.Bavail)*s.Bsize-100<<20)
	if status, answer := ask(t, "POST", users, testToken, user("refused")); status != http.StatusInsufficientStorage ||
		!strings.Contains(answer, "MiB have to be") {
		t.Errorf("on a disk that is nearly full: %d %s", status, answer)
	}
	until(t, http.StatusOK, "disk is nearly full", "GET", site+"/readyz", "")
	eventually(t, http.StatusNoContent, "DELETE", users+"/"+ids[0], "")

	// Full: sooner or later etcd cannot write. Deactivation is accepted as deletion is, and writes more.
	occupy(t, filepath.Join(folder, "rest"), 1<<62)
	const deactivate = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"replace","path":"active","value":false}]}`
	inactive := 1
	for ; inactive < len(ids)-1; inactive++ {
		if status, _ := ask(t, "PATCH", users+"/"+ids[inactive], testToken, deactivate); status != http.StatusOK {
			break
		}
	}
	if inactive == len(ids)-1 {
		t.Fatal("the disk does not fail")
	}
	t.Logf("failed after %d deactivations", inactive-1)
	wantReadOnly(t, site, fmt.Sprintf("user-%d", len(ids)-1))

	// Room again.
	for _, name := range []string{"filler", "rest"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.line(servingLine)
	for n := range ids {
		want := "1"
		switch {
		case n == 0: // deleted
			want = "0"
		case n == inactive:
			continue // unknown
		}
		filter := url.QueryEscape(fmt.Sprintf(`userName eq "user-%d" and active eq %t`, n, n > inactive))
		_, found := ask(t, "GET", users+"?count=0&filter="+filter, testToken, "")
		if got := gjson.Get(found, "totalResults").String(); got != want {
			t.Errorf("user-%d: %s, want %s", n, got, want)
		}
	}
	eventually(t, http.StatusCreated, "POST", users, user("after"))
	if log := p.err.String(); !strings.Contains(log, "no space left on device") {
		t.Errorf("the log does not say what failed: %s", log)
	}
	p.terminate()
}

// A damaged file is an error of the start that says what to do, not a panic.
func TestDamagedData(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveIn(t, dir)
	p.terminate()
	db := filepath.Join(dir, "etcd", "member", "snap", "db")
	if err := os.WriteFile(db, []byte(strings.Repeat("damaged", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := spawn(t, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	status, _ := damaged.exit()
	said := damaged.err.String()
	for _, want := range []string{db + " cannot be read", "Nothing was deleted", "rollcall snapshot restore"} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q: %s", want, said)
		}
	}
	if status != 1 || strings.Contains(said, "goroutine") {
		t.Errorf("exit status %d: %s", status, said)
	}
}
