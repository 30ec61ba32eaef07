package backup_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/backup"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

var secretKey = []byte("rollcall-secret-key-for-tests-32")

func start(t *testing.T, dir string) *embedded.Etcd {
	t.Helper()
	e, err := embedded.StartUnsafe(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t *testing.T, c *clientv3.Client) *directory.Store {
	t.Helper()
	s, err := directory.Open(t.Context(), c, directory.Options{Alone: true, SecretKey: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func createUser(t *testing.T, s *directory.Store, name string) *directory.Resource {
	t.Helper()
	var r *directory.Resource
	_, err := s.Organization("default").Update(t.Context(), func(tx *directory.Tx) (err error) {
		r, err = tx.Create("User", schema.Document{"userName": name})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// save takes a snapshot of an etcd.
func save(t *testing.T, c *clientv3.Client) (file string) {
	t.Helper()
	r, err := c.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dump is every key with its value and its revisions.
func dump(t *testing.T, c *clientv3.Client) (all map[string]string, revision int64) {
	t.Helper()
	resp, err := c.Get(t.Context(), "\x01", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]string{}
	for _, kv := range resp.Kvs {
		all[string(kv.Key)] = fmt.Sprintf("%x %d %d %d %d", kv.Value, kv.CreateRevision, kv.ModRevision, kv.Version,
			kv.Lease)
	}
	return all, resp.Header.Revision
}

// A restored store holds every key as it was, and is ahead of whatever came after the snapshot.
func TestRestore(t *testing.T) {
	e := start(t, filepath.Join(t.TempDir(), "etcd"))
	defer e.Close()
	s := open(t, e.Client)
	for n := range 50 {
		createUser(t, s, fmt.Sprint("user-", n))
	}
	deleted := createUser(t, s, "deleted")
	if _, err := s.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
		r, err := tx.Get("User", deleted.ID)
		if err != nil {
			return err
		}
		return tx.Delete(r)
	}); err != nil {
		t.Fatal(err)
	}
	file := save(t, e.Client)
	before, revision := dump(t, e.Client)
	lost := createUser(t, s, "lost")
	follow := func(s *directory.Store, token string) (next string, err error) {
		f, err := s.Organization("default").Follow(t.Context(), directory.Query{Limit: 1000}, token)
		return f.Next, err
	}
	token, err := follow(s, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	info, err := backup.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Keys != len(before) || info.Revision != revision || info.SecretKey != directory.Fingerprint(secretKey) {
		t.Errorf("%+v; the store has %d keys at revision %d", info, len(before), revision)
	}
	dir := filepath.Join(t.TempDir(), "restored", "etcd")
	if restored, err := backup.Restore(file, dir, backup.Embedded()); err != nil || restored != info {
		t.Fatalf("%+v, %v", restored, err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("beside the folder: %v, %v", left, err)
	}

	other := start(t, dir)
	defer other.Close()
	after, bumped := dump(t, other.Client)
	for key, value := range before {
		if after[key] != value {
			t.Errorf("%q: %q, was %q", key, after[key], value)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d keys, were %d", len(after), len(before))
	}
	if bumped < revision+backup.Bump {
		t.Errorf("at revision %d, was %d", bumped, revision)
	}
	again := open(t, other.Client)
	defer again.Close()
	if u := createUser(t, again, "lost"); u.Version <= lost.Version || u.ID == lost.ID {
		t.Errorf("version %d, which was given to another document", u.Version)
	}

	// Who followed the Events of the store before is told that it is not this one.
	if _, err := follow(again, token); !errors.Is(err, directory.ErrFollowGone) {
		t.Errorf("following goes on: %v", err)
	}
	if _, err := follow(again, ""); err != nil {
		t.Error(err)
	}

	// A snapshot of what was restored is as good as the first.
	second := save(t, other.Client)
	if info, err := backup.Verify(second); err != nil || info.Keys < len(before) {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := backup.Restore(second, filepath.Join(t.TempDir(), "etcd"), backup.Embedded()); err != nil {
		t.Error(err)
	}
}

// What is no whole snapshot is refused, and nothing is made of it.
func TestRefused(t *testing.T) {
	e := start(t, filepath.Join(t.TempDir(), "etcd"))
	defer e.Close()
	open(t, e.Client).Close()
	whole, err := os.ReadFile(save(t, e.Client))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	raw := whole[:len(whole)-32]
	forged := append(bytes.Repeat([]byte("x"), 4096), bytes.Repeat([]byte("y"), 32)...)
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"empty":               {nil, "no snapshot"},
		"another file":        {[]byte("{}"), "no snapshot"},
		"of the right size":   {forged, "was changed or cut off"},
		"cut off":             {whole[:len(whole)-100], "cut off"},
		"cut off at a page":   {whole[:4096*2+32], "cut off"},
		"a copy of the file":  {raw, "no snapshot"},
		"a bit is not itself": {flipped, "was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file, dir := filepath.Join(folder, "snapshot"), filepath.Join(folder, "etcd")
			if err := os.WriteFile(file, c.text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := backup.Verify(file)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("verify: %v", err)
			}
			_, err = backup.Restore(file, dir, backup.Embedded())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("restore: %v", err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}

	file, dir := filepath.Join(t.TempDir(), "snapshot"), t.TempDir()
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kept"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = backup.Restore(file, dir, backup.Embedded())
	if err == nil || !strings.Contains(err.Error(), "holds data already") {
		t.Errorf("into a folder with data: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "kept")); err != nil || string(text) != "kept" {
		t.Errorf("the folder's data: %q, %v", text, err)
	}
	stranger := backup.Member{Name: "m4", Cluster: "m1=http://h1:1,m2=http://h2:1"}
	if _, err := backup.Restore(file, filepath.Join(dir, "etcd"), stranger); err == nil ||
		!strings.Contains(err.Error(), `"m4" is not among the members`) {
		t.Errorf("for a member that is none: %v", err)
	}
	if _, err := backup.Verify(filepath.Join(dir, "absent")); err == nil {
		t.Error("verified a file that does not exist")
	}
}

// Each member of a cluster is restored by itself, from the same snapshot.
func TestRestoreMember(t *testing.T) {
	e := start(t, filepath.Join(t.TempDir(), "etcd"))
	defer e.Close()
	open(t, e.Client).Close()
	file := save(t, e.Client)
	for _, name := range []string{"m1", "m2"} {
		dir := filepath.Join(t.TempDir(), name)
		m := backup.Member{Name: name, Cluster: "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2", Token: "restored"}
		if _, err := backup.Restore(file, dir, m); err != nil {
			t.Fatal(err)
		}
		if logs, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal")); err != nil || len(logs) != 1 {
			t.Errorf("%s: %v, %v", name, logs, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	e, err := embedded.StartUnsafe(context.Background(), filepath.Join(dir, "etcd"))
	if err != nil {
		f.Fatal(err)
	}
	r, err := e.Client.Snapshot(context.Background())
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		f.Fatal(err)
	}
	r.Close()
	e.Close()
	f.Add(text)
	f.Add([]byte{})
	f.Add([]byte(hex.EncodeToString(text[:272])))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "snapshot")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := backup.Verify(file)
		if err == nil && info.Bytes != int64(len(text)) {
			t.Errorf("%+v of %d bytes", info, len(text))
		}
	})
}
