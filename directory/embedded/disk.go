package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// growth is what etcd's file may take between a look at the disk and the next one: it grows with each of bolt's
// commits, a tenth of a second apart.
const growth = 32 << 20

// reserve is what has to stay free on the disk: two segments of etcd's log, which are allocated ahead and of which
// another is begun while the last one is written, and the growth of its file.
func reserve() int64 { return 2*wal.SegmentSizeBytes + growth }

// Room returns an error when the disk is so full that nothing more should be written that takes room: early, while
// deleting and ending sessions still work. What it says is safe to show. It costs a system call.
func (e *Etcd) Room() error { return e.roomFor(0) }

// roomFor is Room with so many bytes more.
func (e *Etcd) roomFor(more int64) error {
	free, err := e.options.free(e.dir)
	if err != nil {
		return nil // nobody knows; etcd will find out
	}
	if need := reserve() + more; free < need {
		return fmt.Errorf("the store's disk is nearly full: %d MiB are free and %d MiB have to be", free>>20, need>>20)
	}
	return nil
}

// Free is how many bytes are free on the disk, and how many have to be; unknown where free is negative.
func (e *Etcd) Free() (free, need int64) {
	free, err := e.options.free(e.dir)
	if err != nil {
		free = -1
	}
	return free, reserve()
}

// Recovered returns nil when a process that starts now can be expected to go on where the failed etcd ended: the disk
// has room, and a segment of a log can be made there and forced to it.
func (e *Etcd) Recovered() error {
	if err := e.Room(); err != nil {
		return err
	}
	f, err := os.CreateTemp(e.dir, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = fileutil.Preallocate(f, wal.SegmentSizeBytes, true)
	return errors.Join(err, f.Sync(), f.Close())
}

// removeProbes removes what a Recovered left that did not live to its end.
func (e *Etcd) removeProbes() {
	left, _ := filepath.Glob(filepath.Join(e.dir, ".probe-*"))
	for _, f := range left {
		os.Remove(f)
	}
}
