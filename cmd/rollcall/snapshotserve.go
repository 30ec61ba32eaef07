package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
)

// snapshotPath is where a node gives the operator a snapshot of its etcd, embedded or not.
const snapshotPath = "/operator/snapshot"

const (
	// snapshotChunk is how much of a snapshot is sent at once, chunkTimeout how long that may take: the whole may take
	// longer than writeTimeout.
	snapshotChunk = 1 << 20
	chunkTimeout  = time.Minute
)

// snapshots serves snapshotPath, one snapshot at a time: while one is read, etcd's file cannot reuse what is deleted.
type snapshots struct {
	site   *site
	failed func(*http.Request) (retryAfter string) // counts a refused credential
	busy   sync.Mutex
}

func (h *snapshots) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		plain(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here; allowed: GET")
		return
	}
	if status, err := h.authorize(r); err != nil {
		h.refuse(w, r, status, err)
		return
	}
	if !h.busy.TryLock() {
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusServiceUnavailable, "this node is sending a snapshot already; try again when that is over")
		return
	}
	defer h.busy.Unlock()
	if err := h.send(w, r); err != nil {
		h.site.log.Warn("a snapshot was not sent whole", "remote", r.RemoteAddr, "error", err)
		panic(http.ErrAbortHandler) // so that the client sees that it is not whole
	}
}

// authorize lets the operator in and nobody else: a snapshot holds all organizations, and hashes of their secrets.
func (h *snapshots) authorize(r *http.Request) (status int, err error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return http.StatusUnauthorized, errors.New("the operator token is required")
	}
	d, err := h.site.store.System().Authenticate(r.Context(), directory.Credential{Bearer: strings.TrimSpace(token)})
	switch {
	case directory.KindOf(err) == directory.Unauthenticated:
		return http.StatusUnauthorized, errors.New("this is not the operator token")
	case err != nil:
		return http.StatusServiceUnavailable, errors.New("the store does not answer; try again")
	case !d.Actor().Operator():
		return http.StatusForbidden, errors.New("only the operator token gives access to snapshots")
	}
	return http.StatusOK, nil
}

// refuse answers a request that is not let in. Who sends too many of them, here and over SCIM, is told to wait.
func (h *snapshots) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		if wait := h.failed(r); wait != "" {
			w.Header().Set("Retry-After", wait)
			plain(w, http.StatusTooManyRequests, "too many requests with an invalid credential from this address")
			return
		}
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	plain(w, status, err.Error())
}

// send streams a snapshot. It returns an error only when something has been sent; before, it answers with the error.
func (h *snapshots) send(w http.ResponseWriter, r *http.Request) error {
	begun := time.Now()
	snapshot, err := h.open(r.Context())
	if err != nil {
		h.site.log.Warn("etcd gives no snapshot", "error", err)
		text := "etcd gives no snapshot: " + err.Error()
		if errors.Is(rpctypes.Error(err), rpctypes.ErrPermissionDenied) {
			text = "etcd refuses a snapshot to the user of --etcd-user, which needs the role root for it"
		}
		plain(w, http.StatusServiceUnavailable, text)
		return nil
	}
	defer snapshot.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	for sent := int64(0); ; {
		if err := control.SetWriteDeadline(time.Now().Add(chunkTimeout)); err != nil {
			return err
		}
		n, err := io.CopyN(w, snapshot, snapshotChunk)
		sent += n
		if errors.Is(err, io.EOF) {
			h.site.log.Info("sent a snapshot", "remote", r.RemoteAddr, "bytes", sent, "duration", time.Since(begun))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// open begins a snapshot and waits for its first bytes: what etcd refuses it refuses then.
func (h *snapshots) open(ctx context.Context) (*begunSnapshot, error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := h.site.etcd.SnapshotWithVersion(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &begunSnapshot{resp, cancel}, nil
}

// begunSnapshot ends a snapshot when it is closed, however much of it was read.
type begunSnapshot struct {
	resp *clientv3.SnapshotResponse
	end  context.CancelFunc
}

func (s *begunSnapshot) Read(p []byte) (int, error) { return s.resp.Snapshot.Read(p) }

func (s *begunSnapshot) Close() error {
	s.end()
	return s.resp.Snapshot.Close()
}
