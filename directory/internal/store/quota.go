package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// limit is the share of etcd's quota that the data, and the file, may take for a change to be admitted.
type limit struct{ data, file float64 }

// Ordinary changes end where the store is full, those that take away where it is blocked; from there on no key is put.
// So etcd is never sent what it might refuse: it would raise an alarm that only defragmentation ends.
var (
	spare   = limit{0.6, 0.9} // for what is only useful
	full    = limit{0.8, 0.9}
	blocked = limit{0.95, 0.98}
)

// spread is how many bytes of the file are counted for a byte that was sent: pages of bolt are half full at worst.
const spread = 2

// The embedded etcd is defragmented when less than sparseAt of a file of at least sparseSize is in use; and where the
// file comes near the quota, when less than crampedAt is. It is at work for at most a part in defragmentRest of the
// time.
const (
	sparseAt       = 0.8
	sparseSize     = 64 << 20
	crampedAt      = 0.95
	defragmentRest = 20
)

// A look at etcd's size comes every quotaInterval, and hurryInterval after the last one where much was written since.
// Before it, flushDelay passes, because the size that a remote etcd tells does not count what bolt has not committed.
const (
	quotaInterval = 10 * time.Second
	hurryInterval = 250 * time.Millisecond
	flushDelay    = 150 * time.Millisecond
)

// usual is the size of a change, in bytes, that a store must have room for to be called writable.
const usual = 64 << 10

// Usage is how much of its quota a member of etcd uses, in bytes.
type Usage struct{ File, InUse, Quota int64 }

// fits reports whether the member has room below the limit for a change of a size, and for what may have been written
// since it told its own sizes: in its data, and in its file, which either stays small, too, or has so many free pages
// that it will hardly grow. What takes away may let the file grow further, by its own size: a large document takes
// pages of its own, which are full.
func (u Usage) fits(l limit, since, size int64) bool {
	more, free := since+spread*size, u.File-u.InUse
	switch {
	case u.Quota <= 0:
		return true
	case !u.below(u.InUse+more, l.data):
		return false
	case u.below(u.File+more, full.file):
		return true
	case l != blocked:
		return u.below(u.File+more, blocked.file) && 2*more < free
	}
	return u.below(u.File+since+size, blocked.file)
}

func (u Usage) below(n int64, share float64) bool { return float64(n) < share*float64(u.Quota) }

// Quota admits what etcd has room for. It knows the members' sizes from time to time, and meters what was sent since:
// by this node, what is under way included, and by others, as the replica applies it.
type Quota struct {
	client  *clientv3.Client
	alone   bool
	disk    Disk // nil for a cluster
	log     *slog.Logger
	applied func() int64 // bytes that the replica has applied

	mu       sync.Mutex
	members  []Usage
	mark     int64 // what was applied before the look that preceded the one at which the members told their sizes
	underWay int64 // sent and not answered
	alarmed  bool  // etcd refuses whatever puts a key
	full     bool  // as it was told last
	blocked  bool

	looking sync.Mutex
	looks   atomic.Int64 // begun so far
	rested  time.Time    // from when on the embedded etcd may be defragmented again
	hurry   chan struct{}
	used    prometheus.Gauge

	revision, compacted int64 // of the last look, before which the next one may forget history, and of the last compaction
	lastMark            int64 // of the last look
}

func newQuota(o Options, c *clientv3.Client, applied func() int64) *Quota {
	return &Quota{client: c, alone: o.Alone, disk: o.Disk, log: o.Log, applied: applied, hurry: make(chan struct{}, 1),
		used: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollcall_store_quota_ratio",
			Help: "Share of etcd's quota that its largest file takes. Above 0.8 only what takes away is accepted, unless " +
				"much of the file is free: delete what is not needed; on a cluster, then run rollcall etcd heal."})}
}

// ErrFull returns the error for a store that is nearly full: Full.
func ErrFull(cause error) error {
	const detail = "the store is nearly full (over 80 % of its quota): " +
		"only what takes away, such as deletion and active: false, is accepted"
	return &state.Error{Kind: state.Full, Detail: detail, Cause: cause}
}

// Admit returns nil if a change may be written now; frees says that it only takes away. Errors: Full; Unavailable where
// the disk has failed.
func (q *Quota) Admit(frees bool) error {
	if err := q.admitDisk(frees); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.admit(usual, frees)
}

// Blocked reports whether nothing can be put, so that only keys can be deleted.
func (q *Quota) Blocked() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.admit(0, true) != nil
}

// Alarmed reports whether etcd itself refuses whatever puts a key.
func (q *Quota) Alarmed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.alarmed
}

// Spares reports whether there is room for as many bytes of what is useful and may be left out: the data take less than
// 60 % of the quota with it.
func (q *Quota) Spares(size int64) bool {
	if q.admitDisk(false) != nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	since := q.since()
	return !q.alarmed && !slices.ContainsFunc(q.members, func(m Usage) bool { return !m.fits(spare, since, size) })
}

// reserve admits a part and counts it as under way until release is called. A part that only deletes keys is always
// admitted. Errors: as Admit.
func (q *Quota) reserve(p Part) (release func(), err error) {
	if err := q.admitDisk(p.Frees || p.deletesOnly()); err != nil {
		return nil, err
	}
	size := p.size()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !p.deletesOnly() {
		if err := q.admit(size, p.Frees); err != nil {
			return nil, err
		}
	}
	q.underWay += size
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.underWay -= size
	}, nil
}

// admit judges a change of a size. It must hold mu.
func (q *Quota) admit(size int64, frees bool) error {
	if q.alarmed {
		return ErrFull(nil)
	}
	l, since := full, q.since()
	if frees {
		l = blocked
	}
	for _, m := range q.members {
		if since+spread*size > m.Quota/64 {
			q.lookSoon()
		}
		if !m.fits(l, since, size) {
			return ErrFull(nil)
		}
	}
	return nil
}

// since is by how much etcd's data may have grown since its members told their sizes. It must hold mu.
func (q *Quota) since() int64 { return spread * (q.applied() - q.mark + q.underWay) }

func (q *Quota) lookSoon() {
	select {
	case q.hurry <- struct{}{}:
	default:
	}
}

// unanswered takes in why etcd did not say what became of a transaction.
func (q *Quota) unanswered(err error) {
	if noSpace(err) {
		q.lookSoon()
	}
}

// run looks at etcd's size until ctx ends.
func (q *Quota) run(ctx context.Context) {
	for {
		if err := q.Look(ctx); err != nil && ctx.Err() == nil {
			q.log.Warn("the size of the store is not known; it will be asked for again", "error", err)
		}
		sleep(ctx, hurryInterval)
		select {
		case <-ctx.Done():
			return
		case <-q.hurry:
		case <-time.After(quotaInterval - hurryInterval):
		}
	}
}

// Look asks every member for its size, which is what etcd itself counts, and does what makes room: it forgets history,
// and defragments the embedded etcd. Who asks while another looks shares the next look. It fails only if no member
// answers.
func (q *Quota) Look(ctx context.Context) error {
	begun := q.looks.Load()
	q.looking.Lock()
	defer q.looking.Unlock()
	if q.looks.Load() > begun { // one that began after the call has ended
		return nil
	}
	if q.looks.Add(1) > 1 { // at the first, this node has sent nothing
		sleep(ctx, flushDelay)
	}
	return q.look(ctx)
}

// look is Look without its delay. What was applied between the last look and this one counts as not yet in the sizes: a
// slow disk may keep bolt from committing it for longer than flushDelay.
func (q *Quota) look(ctx context.Context) error {
	mark := q.lastMark
	q.lastMark = q.applied()
	members, revision, alarmed, err := q.ask(ctx)
	if len(members) == 0 {
		return err
	}
	q.observe(members, mark, alarmed)
	return q.compact(ctx, revision)
}

// ask asks all members at once, so that one that does not answer hides no other.
func (q *Quota) ask(ctx context.Context) (members []Usage, revision int64, alarmed bool, failed error) {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	endpoints := q.client.Endpoints()
	if len(endpoints) == 0 {
		endpoints = []string{""} // in-process
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, e := range endpoints {
		all.Go(func() {
			st, err := q.client.Status(ctx, e)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = errors.Join(failed, err)
				return
			}
			members = append(members, Usage{st.DbSize, st.DbSizeInUse, st.DbSizeQuota})
			revision, alarmed = max(revision, st.Header.Revision), alarmed || alarmIn(st)
		})
	}
	all.Wait()
	if q.alone && len(members) == 1 {
		q.defragment(ctx, endpoints[0], members[0])
	}
	return members, revision, alarmed, failed
}

// alarmIn reports whether the member tells of a NOSPACE alarm.
func alarmIn(st *clientv3.StatusResponse) bool {
	for _, e := range st.Errors {
		if strings.Contains(e, etcdserverpb.AlarmType_NOSPACE.String()) {
			return true
		}
	}
	return false
}

// defragment shrinks the file of the embedded etcd where much of it is free.
func (q *Quota) defragment(ctx context.Context, endpoint string, u Usage) {
	sparse := u.File >= sparseSize && float64(u.InUse) < sparseAt*float64(u.File)
	cramped := !u.below(u.File, full.file) && float64(u.InUse) < crampedAt*float64(u.File)
	if !sparse && !cramped || time.Now().Before(q.rested) {
		return
	}
	began := time.Now()
	defer func() { q.rested = time.Now().Add(defragmentRest * time.Since(began)) }()
	if _, err := q.client.Defragment(ctx, endpoint); err != nil {
		q.log.Warn("the store could not be defragmented", "error", err)
	}
	q.lookSoon()
}

// compact forgets history when the store is full: etcd frees no page of what it remembers. What was written since the
// last look stays, for those who follow.
func (q *Quota) compact(ctx context.Context, revision int64) error {
	before := q.revision
	q.revision = revision
	if before <= q.compacted || q.Admit(false) == nil {
		return nil
	}
	_, err := q.client.Compact(ctx, before)
	if err != nil && !errors.Is(rpctypes.Error(err), rpctypes.ErrCompacted) { // which another node did
		return err
	}
	q.compacted = before
	q.lookSoon()
	return nil
}

// observe takes in the members' sizes when mark bytes had been applied, and whether etcd's alarm is raised.
func (q *Quota) observe(members []Usage, mark int64, alarmed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.members, q.mark, q.alarmed = members, mark, alarmed
	most := 0.0
	for _, m := range members {
		if m.Quota > 0 {
			most = max(most, float64(m.File)/float64(m.Quota))
		}
	}
	q.used.Set(most)

	// Tell when it changes.
	was, wasBlocked := q.full, q.blocked
	q.full, q.blocked = q.admit(usual, false) != nil, q.admit(0, true) != nil
	if q.full == was && q.blocked == wasBlocked {
		return
	}
	todo := "delete what is not needed"
	if !q.alone {
		todo += ", then run rollcall etcd heal"
	}
	switch {
	case q.blocked:
		q.log.Warn("the store is full and nothing can be written but deletions: "+todo, "used", most, "alarm", alarmed)
	case q.full:
		q.log.Warn("the store is nearly full and only what takes away is accepted: "+todo, "used", most)
	default:
		q.log.Info("the store has room again", "used", most)
	}
}
