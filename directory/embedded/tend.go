package embedded

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"rollcall/directory/heal"
)

// tendInterval is how often the disk and the quota are looked at.
const tendInterval = 10 * time.Second

// tend tells of a disk that fills, and heals the etcd of a NOSPACE alarm, until ctx ends.
func (e *Etcd) tend(ctx context.Context) {
	e.removeProbes()
	ticker := time.NewTicker(e.options.tend)
	defer ticker.Stop()
	full, alarmed := false, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.failure.failed:
			return
		case <-ticker.C:
		}
		err := e.Room()
		if was := full; (err != nil) != was {
			full = !was
			e.tellRoom(err)
		}
		if !e.alarm() {
			alarmed = false
			continue
		}
		err = e.heal(ctx)
		if err != nil && ctx.Err() == nil && !alarmed {
			const text = "the store's quota is used up: only deletion is accepted"
			e.options.Log.Warn(text, "quota", e.options.Quota, "error", err)
		}
		alarmed = true
	}
}

func (e *Etcd) tellRoom(err error) {
	if err == nil {
		e.options.Log.Info("the store's disk has room again")
		return
	}
	const text = "make room on the store's disk: only what takes away is accepted until then"
	e.options.Log.Warn(text, "folder", e.dir, "error", err)
}

// alarm reports whether etcd accepts no more puts.
func (e *Etcd) alarm() bool {
	for _, a := range e.server.Server.Alarms() {
		if a.Alarm == etcdserverpb.AlarmType_NOSPACE {
			return true
		}
	}
	return false
}

// heal compacts, and where that frees enough, defragments and disarms. Defragmenting before would stall everybody and
// end nothing.
func (e *Etcd) heal(ctx context.Context) error {
	if _, err := heal.Compact(ctx, e.Client); err != nil {
		return err
	}
	if float64(e.server.Server.Backend().SizeInUse()) >= heal.Below*float64(e.options.Quota) {
		return heal.ErrStillFull
	}
	tell := func(step string) { e.options.Log.Info("healing the store: " + step) }
	return heal.Etcd(ctx, e.Client, heal.Options{Tell: tell})
}
