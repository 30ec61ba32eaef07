package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"

	"go.uber.org/zap/zapcore"
)

// ErrFailed is what every call of an etcd that has failed is answered with; nothing was sent.
var ErrFailed = errors.New("the embedded etcd has failed")

// failure is the end of an etcd whose disk failed it. Etcd would end the process then, or panic: it tells its logger so
// (Fatal, Panic). Ours remembers the first such record instead and stops the goroutine that wrote it, for good: the
// locks that it holds keep everybody from what it left half done. So the process goes on, without its etcd.
type failure struct {
	once   sync.Once
	failed chan struct{}
	err    error           // set before failed is closed
	alive  context.Context // ends with failed
	end    context.CancelFunc
}

func newFailure() *failure {
	f := &failure{failed: make(chan struct{})}
	f.alive, f.end = context.WithCancel(context.Background())
	return f
}

// OnWrite is called by zap behind a record of the level Fatal or Panic.
func (f *failure) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	f.fail(&fatal{entry.Entry, fields})
	select {}
}

func (f *failure) fail(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.failed)
		f.end()
	})
}

// fatal is a record that etcd would have ended with.
type fatal struct {
	entry  zapcore.Entry
	fields []zapcore.Field
}

func (f *fatal) Error() string {
	text := f.entry.Message
	for _, a := range attributes(f.fields) {
		text += fmt.Sprintf(", %s: %v", a.Key, a.Value)
	}
	return text
}

// Unwrap returns the error that the record tells of.
func (f *fatal) Unwrap() error {
	for _, field := range f.fields {
		if err, ok := field.Interface.(error); ok {
			return err
		}
	}
	return nil
}

// Failed returns why the etcd has ended although the process has not; nil while it works.
func (e *Etcd) Failed() error {
	select {
	case <-e.failure.failed:
		return fmt.Errorf("%w: %w", ErrFailed, e.failure.err)
	default:
		return nil
	}
}

// Failure is closed when the etcd has failed.
func (e *Etcd) Failure() <-chan struct{} { return e.failure.failed }

// noRoom reports whether an error tells of a disk, a quota or a file that may not grow.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// explain says of an error at the start what can be done about it.
func explain(dir string, err error) error {
	var known *damage
	var f *fatal
	switch {
	case errors.As(err, &known):
		return err
	case noRoom(err):
		return fmt.Errorf("no room on its disk: make room and start again; nothing is lost (%w)", err)
	case errors.As(err, &f):
		return damaged(fileOf(dir, f), err)
	case walName.MatchString(err.Error()):
		return damaged(walOf(dir, err), err)
	}
	return err
}

// damage is an error of a file that cannot be read.
type damage struct {
	file  string
	cause error
}

func damaged(file string, cause error) error { return &damage{file, cause} }

func (d *damage) Error() string {
	return fmt.Sprintf("%s cannot be read: %v. Nothing was deleted. Keep the folder as it is, "+
		"and put a backup into a new one with: rollcall snapshot restore", d.file, d.cause)
}

func (d *damage) Unwrap() error { return d.cause }

// fileOf is the file that a record is about, or the folder where etcd does not say which: the record has its path, or
// the log's errors name the file, or the name of the folder is all that is known.
func fileOf(dir string, f *fatal) string {
	for _, a := range attributes(f.fields) {
		if a.Key == "path" {
			return a.Value.String()
		}
	}
	if walName.MatchString(f.Error()) {
		return walOf(dir, f)
	}
	return filepath.Join(dir, "member")
}

// walOf is the file of the log that an error names.
func walOf(dir string, err error) string {
	return filepath.Join(dir, "member", "wal", walName.FindString(err.Error()))
}
