package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files are the contents of the files below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// overwrite puts text into a file at an offset.
func overwrite(t *testing.T, file string, offset int64, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte(text), offset)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// filled is a folder with the data of an etcd that has ended, its file and its log.
func filled(t *testing.T) (dir, db, log string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "etcd")
	e, err := StartUnsafe(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		if _, err := e.Client.Put(t.Context(), fmt.Sprint("key", n), strings.Repeat("x", 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	e.Close()
	logs, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log: %v, %v", logs, err)
	}
	return dir, filepath.Join(dir, "member", "snap", "db"), logs[0]
}

// A damaged file is named, with what to do, and is still there as it was; no other file is gone.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, db, log string) (file string){
		"the file's head": func(t *testing.T, db, _ string) string {
			overwrite(t, db, 0, strings.Repeat("?", 20_000))
			return db
		},
		"the file's middle": func(t *testing.T, db, _ string) string {
			info, err := os.Stat(db)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, db, 4*4096, strings.Repeat("\xff", int(info.Size())-4*4096))
			return db
		},
		"the file's end is missing": func(t *testing.T, db, _ string) string {
			if err := os.Truncate(db, 16*4096); err != nil {
				t.Fatal(err)
			}
			return db
		},
		"the log": func(t *testing.T, _, log string) string {
			overwrite(t, log, 100_000, "damaged")
			return log
		},
		"the log's files": func(t *testing.T, _, log string) string {
			if err := os.Rename(log, log+".gone"); err != nil {
				t.Fatal(err)
			}
			return filepath.Dir(log)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, db, log := filled(t)
			file := damage(t, db, log)
			before := files(t, dir)
			e, err := StartUnsafe(t.Context(), dir)
			if err == nil {
				e.Close()
				t.Fatal("started")
			}
			t.Log(err)
			for _, want := range []string{file + " cannot be read", "Nothing was deleted", "snapshot restore"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("does not say %q", want)
				}
			}
			after := files(t, dir)
			for path := range before {
				if _, ok := after[path]; !ok {
					t.Errorf("%s is gone", path)
				}
			}
			if after[file] != before[file] {
				t.Error("the damaged file was changed")
			}
		})
	}
}

// Etcd's start and end are nothing that anybody has to read about.
func TestQuietLog(t *testing.T) {
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "etcd")
	for range 2 {
		e, err := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}.Start(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Client.Put(t.Context(), "k", "v"); err != nil {
			t.Fatal(err)
		}
		e.Close()
	}
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "took too long") && !strings.Contains(line, "slow") { // this machine is
			t.Error(line)
		}
	}
}
