package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rollcall/directory/backup"
)

// SnapshotRestore is `rollcall snapshot restore`. Its flags for a cluster are those of etcdutl.
type SnapshotRestore struct {
	File string `arg:"" help:"Snapshot."`

	Data      string `default:"./rollcall-data" help:"Data folder to restore into; it must hold no data yet."`
	SecretKey string `placeholder:"KEY" help:"Secret key of the snapshot, to check it; by default {data}/secret.key."`

	DataDir             string `env:"-" placeholder:"DIR" help:"Restore a member of an etcd cluster into this folder."`
	Name                string `env:"-" placeholder:"NAME" help:"Name of the member."`
	InitialCluster      string `env:"-" placeholder:"NAME=URL,…" help:"Peer URLs of all members."`
	InitialClusterToken string `env:"-" default:"rollcall-restored" help:"Token of the cluster, the same for all."`
}

// Run makes a data folder, whole or not at all, in which the revision is ahead of whatever came after the snapshot.
func (c *SnapshotRestore) Run(_ context.Context, s Streams) error {
	if c.DataDir != "" {
		return c.member(s)
	}
	if c.Name+c.InitialCluster != "" {
		return errors.New("--name and --initial-cluster need --data-dir")
	}
	data, err := openData(c.Data)
	if err != nil {
		return err
	}
	defer data.Close()
	info, err := backup.Verify(c.File)
	if err != nil {
		return err
	}
	known, err := c.checkKey(data, info)
	if err != nil {
		return err
	}
	if _, err := backup.Restore(c.File, data.etcd(), backup.Embedded()); err != nil {
		return err
	}
	if err := describe(s, c.File, info); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "Restored into %s\n", data.etcd())
	if !known {
		fmt.Fprintf(s.Out, "Before you start the service, put its secret key into %s\n", data.file("secret.key"))
	}
	return nil
}

// checkKey compares the secret key, if it is given or in the folder, with that of the snapshot; known is false if there
// is none.
func (c *SnapshotRestore) checkKey(d *dataDir, info backup.Info) (known bool, err error) {
	text, from := c.SecretKey, "--secret-key"
	if text == "" {
		from = d.file("secret.key")
		content, err := os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		text = string(content)
	}
	key, err := parseSecretKey(text)
	if err == nil {
		err = checkSnapshotKey(c.File, info, key)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", from, err)
	}
	return true, nil
}

// member restores the folder of one member of an etcd cluster.
func (c *SnapshotRestore) member(s Streams) error {
	if c.Name == "" || c.InitialCluster == "" {
		return errors.New("--data-dir needs --name and --initial-cluster")
	}
	m := backup.Member{Name: c.Name, Cluster: c.InitialCluster, Token: c.InitialClusterToken}
	info, err := backup.Restore(c.File, c.DataDir, m)
	if err != nil {
		return err
	}
	if err := describe(s, c.File, info); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "Restored the member %s into %s\n", c.Name, c.DataDir)
	return err
}
