package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"google.golang.org/protobuf/proto"

	"rollcall/directory"
)

// lockTimeout is how long another process may hold a snapshot's file.
const lockTimeout = 5 * time.Second

// Info is what a snapshot holds.
type Info struct {
	Bytes    int64  // of the file
	SHA256   string // of etcd's data in it, hexadecimal
	Keys     int    // that are there at its revision
	Revision int64  // the last one that changed a key

	// SecretKey is the fingerprint of the key that secrets are sealed under; "" if there is no directory in the
	// snapshot.
	SecretKey string
}

// Verify reads a snapshot from beginning to end: its checksum, its pages and its keys. Errors: the file cannot be read,
// is no snapshot, was cut off, or was changed since it was taken. A directory of a newer format is no error.
func Verify(file string) (Info, error) {
	i := Info{}
	if err := i.checksum(file); err != nil {
		return Info{}, fmt.Errorf("%s: %w", file, err)
	}
	if err := i.read(file); err != nil {
		return Info{}, fmt.Errorf("%s: %w", file, err)
	}
	return i, nil
}

// checksum compares the data with the hash behind it. Etcd's file consists of pages, so that a hash can be told by the
// size.
func (i *Info) checksum(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	i.Bytes = info.Size()
	if i.Bytes%512 != sha256.Size {
		return errors.New("it is no snapshot of etcd, or was cut off: its checksum is missing")
	}
	h := sha256.New()
	if _, err := io.CopyN(h, f, i.Bytes-sha256.Size); err != nil {
		return err
	}
	behind, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if sum := h.Sum(nil); !bytes.Equal(sum, behind) {
		return fmt.Errorf("it was changed or cut off since it was taken: its SHA-256 is %x, and %x is in it", sum,
			behind)
	}
	i.SHA256 = hex.EncodeToString(behind)
	return nil
}

// read walks over all changes of keys, in the order of their revisions.
func (i *Info) read(file string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil { // bolt's way of saying that a page is damaged
			err = fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	db, err := bolt.Open(file, 0, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return err
	}
	defer db.Close()
	var format []byte
	live := map[[sha256.Size]byte]struct{}{}
	err = db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("key"))
		if b == nil {
			return errors.New("it holds no keys of etcd")
		}
		return b.ForEach(func(k, v []byte) error {
			i.Revision = mvcc.BytesToRev(k).Main
			var kv mvccpb.KeyValue
			if err := proto.Unmarshal(v, &kv); err != nil {
				return fmt.Errorf("revision %d: %w", i.Revision, err)
			}
			if len(kv.Key) == 0 {
				return nil // what a restore raised the revision by
			}
			if mvcc.IsTombstone(k) {
				delete(live, sha256.Sum256(kv.Key))
				return nil
			}
			live[sha256.Sum256(kv.Key)] = struct{}{}
			if string(kv.Key) == directory.FormatKey {
				format = kv.Value
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	i.Keys = len(live)
	if format != nil {
		i.SecretKey, err = directory.SecretKeyOf(format)
	}
	return err
}
