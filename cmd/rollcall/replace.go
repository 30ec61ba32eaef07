package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"rollcall/directory/embedded"
)

// recoverInterval is how often a node whose disk has failed looks whether it can go on. It is also the least time
// between two replacements, so that a disk that fails at every start does not make the program spin.
const recoverInterval = 5 * time.Second

// closeTimeout limits how long a node that is about to be replaced may take to close what it has open.
const closeTimeout = 5 * time.Second

// errReplace is the error of a command that wants the program to start over in this process's place: an embedded etcd
// whose disk has failed cannot be restarted inside the process.
var errReplace = errors.New("the store's disk has room again: starting over")

// awaitRecovery waits until a failed etcd could go on in another process, then stops the node for that.
func (n *running) awaitRecovery(ctx context.Context, etcd *embedded.Etcd) {
	select {
	case <-ctx.Done():
		return
	case <-etcd.Failure():
	}
	n.log.Error("the store's disk has failed; until it has room again, resources are read from memory "+
		"and nothing else is possible", "error", etcd.Failed())
	ticker := time.NewTicker(recoverInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := etcd.Recovered()
		if err == nil {
			n.failed <- errReplace
			return
		}
		n.log.Warn("make room on the store's disk; then the service starts over by itself", "error", err)
	}
}

// replaceProcess runs the program again in this process's place, with the same arguments and environment. It returns
// only if that fails. The sockets are closed by it: until the new program listens, connections are refused.
func replaceProcess() error {
	program, err := os.Executable()
	if err == nil {
		err = syscall.Exec(program, os.Args, os.Environ())
	}
	return fmt.Errorf("start the program over: %w", err)
}

// closeWithin closes the node, but for no longer than closeTimeout: what hangs on a failed disk ends with the program.
func (n *running) closeWithin() {
	closed := make(chan struct{})
	go func() {
		n.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
		n.log.Warn("not everything could be closed", "timeout", closeTimeout)
	}
}
