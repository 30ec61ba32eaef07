package main

import (
	"context"
	"fmt"

	"rollcall/directory"
	"rollcall/directory/backup"
)

// SnapshotVerify is `rollcall snapshot verify`.
type SnapshotVerify struct {
	File      string `arg:"" help:"Snapshot."`
	SecretKey string `placeholder:"KEY" help:"Also check that this is the snapshot's secret key."`
}

// Run reads the snapshot from beginning to end and prints what it holds.
func (c *SnapshotVerify) Run(_ context.Context, s Streams) error {
	info, err := backup.Verify(c.File)
	if err != nil {
		return err
	}
	if c.SecretKey != "" {
		key, err := parseSecretKey(c.SecretKey)
		if err != nil {
			return fmt.Errorf("--secret-key: %w", err)
		}
		if err := checkSnapshotKey(c.File, info, key); err != nil {
			return fmt.Errorf("--secret-key: %w", err)
		}
	}
	return describe(s, c.File, info)
}

// checkSnapshotKey compares a secret key with that of a snapshot.
func checkSnapshotKey(file string, info backup.Info, key []byte) error {
	if given := directory.Fingerprint(key); given != info.SecretKey {
		return fmt.Errorf("this is not the secret key of %s (fingerprint %q, given %q)", file, info.SecretKey, given)
	}
	return nil
}

// describe prints what a snapshot holds.
func describe(s Streams, file string, info backup.Info) error {
	_, err := fmt.Fprintf(s.Out, "%s: %d keys at revision %d, %d bytes\n"+
		"SHA-256 of its data: %s\n"+
		"Fingerprint of its secret key: %s\n",
		file, info.Keys, info.Revision, info.Bytes, info.SHA256, info.SecretKey)
	return err
}
