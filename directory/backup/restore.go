package backup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"rollcall/directory/embedded"
)

// Bump is what a restore adds to the revision: more than etcd can have come to since the snapshot was taken.
const Bump = 1_000_000_000

// Member is the member of a cluster that a folder is restored for. Every member is restored by itself, from the same
// snapshot and with the same Cluster and Token.
type Member struct {
	Name    string
	Cluster string // name=peer URL of every member, separated by commas
	Token   string // of the cluster; one of its own for every restore keeps members of the old one away
}

// Embedded is the member that an embedded etcd is. Each time it is another cluster: who followed the Events of the one
// before is told so.
func Embedded() Member {
	return Member{Name: embedded.Name, Cluster: embedded.Name + "=" + embedded.Peer, Token: rand.Text()}
}

// peers are the member's own peer URLs.
func (m Member) peers() ([]string, error) {
	var urls []string
	for part := range strings.SplitSeq(m.Cluster, ",") {
		if name, url, ok := strings.Cut(strings.TrimSpace(part), "="); ok && name == m.Name {
			urls = append(urls, url)
		}
	}
	if len(urls) == 0 {
		return nil, fmt.Errorf("%q is not among the members of the cluster, %q", m.Name, m.Cluster)
	}
	return urls, nil
}

// Restore verifies a snapshot and makes a data folder of it, for an etcd that has not been started yet. The folder must
// not exist or be empty; it is made whole or not at all.
func Restore(file, dir string, m Member) (Info, error) {
	peers, err := m.peers()
	if err != nil {
		return Info{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Info{}, err
	}
	if len(entries) > 0 {
		return Info{}, fmt.Errorf("%s holds data already: restore into a new folder, or move this one away", dir)
	}
	info, err := Verify(file)
	if err != nil {
		return Info{}, err
	}

	// Beside the folder, so that it can be renamed.
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return Info{}, err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(dir), ".restoring-*")
	if err != nil {
		return Info{}, err
	}
	defer os.RemoveAll(unfinished)
	err = restore(snapshot.RestoreConfig{SnapshotPath: file, Name: m.Name, OutputDataDir: unfinished, PeerURLs: peers,
		InitialCluster: m.Cluster, InitialClusterToken: m.Token, RevisionBump: Bump, MarkCompacted: true})
	if err != nil {
		return Info{}, fmt.Errorf("restore %s: %w", file, err)
	}
	if len(entries) == 0 {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Info{}, err
		}
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return Info{}, err
	}
	parent, err := fileutil.OpenDir(filepath.Dir(dir))
	if err != nil {
		return Info{}, err
	}
	return info, errors.Join(parent.Sync(), parent.Close())
}

// restore returns what etcd's code would end the process with: it tells its logger.
func restore(c snapshot.RestoreConfig) (err error) {
	log := zap.New(zapcore.NewNopCore(), zap.WithFatalHook(panics{}), zap.WithPanicHook(panics{}))
	defer func() {
		if p := recover(); p != nil {
			said, ok := p.(fatal)
			if !ok {
				panic(p)
			}
			err = errors.New(string(said))
		}
	}()
	return snapshot.NewV3(log).Restore(c)
}

// fatal is a record of the level Fatal or Panic.
type fatal string

// panics turns such a record into a panic of our own.
type panics struct{}

func (panics) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	text := entry.Message
	if i := slices.IndexFunc(fields, func(f zapcore.Field) bool { return f.Type == zapcore.ErrorType }); i >= 0 {
		text += fmt.Sprint(": ", fields[i].Interface)
	}
	panic(fatal(text))
}
