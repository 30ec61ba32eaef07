package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long another process may hold etcd's file.
const lockTimeout = 5 * time.Second

// check reads all of etcd's file, where there is one. Bolt panics about a damaged page, or reads behind the file's end;
// etcd opens and reads the file on goroutines of its own, where nobody could catch that. It adds about a third to what
// etcd reads at its start. A log without files is found, too: etcd would begin another and wait forever for what the
// file says it has seen.
func check(dir string) (err error) {
	file := filepath.Join(dir, "member", "snap", "db")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	log := filepath.Join(dir, "member", "wal")
	if files, err := filepath.Glob(filepath.Join(log, "*.wal")); err != nil || len(files) == 0 {
		return damaged(log, errors.New("its files are missing"))
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged(file, fmt.Errorf("%v", p))
		}
	}()
	db, err := bolt.Open(file, 0, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("another process has %s open", file)
	case errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return damaged(file, err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(_, _ []byte) error { return nil })
		})
	})
	if err != nil {
		return damaged(file, err)
	}
	return nil
}
