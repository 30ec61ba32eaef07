package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// dataDir is the data folder of a node with an embedded etcd. It is locked while it is open: two processes that wrote
// to the same etcd files would destroy them.
type dataDir struct {
	path string
	lock *fileutil.LockedFile
}

// openData opens and locks the folder, and creates it if it is missing.
func openData(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	lock, err := fileutil.TryLockFile(filepath.Join(path, "lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("--data: %s is in use by another process; two processes cannot share a folder", path)
	}
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return &dataDir{path, lock}, nil
}

// Close releases the lock on the folder.
func (d *dataDir) Close() error { return d.lock.Close() }

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// etcd is where the embedded etcd keeps its files.
func (d *dataDir) etcd() string { return d.file("etcd") }

// used reports whether the folder already holds data.
func (d *dataDir) used() bool {
	_, err := os.Stat(filepath.Join(d.etcd(), "member"))
	return !errors.Is(err, fs.ErrNotExist)
}

// writeSecret writes a secret to a file that only its owner can read. Either the whole file is written or nothing.
func writeSecret(path, secret string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // creates it with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(secret + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
