package directory

import (
	"context"
	"encoding/base64"
	"encoding/binary"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Followed is a page of Events in the order of their commits: by revision, those of one revision by their ids.
type Followed struct {
	Resources []*Resource
	Next      string // the token to go on from: the last Event that was looked at
	Snapshot  *Snapshot
}

// ErrFollowGone is the cause of NotFound where a token cannot be gone on from.
var ErrFollowGone = errorf(NotFound, "", "Events behind this place have been removed, or the store is another one now")

// ErrNoToken is the cause of Invalid for a text that is no token of this scope.
var ErrNoToken = errorf(Invalid, "after", "is not a token of this scope")

// Follow returns the Events behind the place of a token that match the query's filter: at most Limit, which must be
// positive, and none only where there is no other behind the place; "" stands for the place before the oldest that is
// kept. Nothing is left out and nothing comes twice, whichever nodes are asked and whoever writes meanwhile. The actor
// is judged again, so that one who follows for long learns nothing once it was revoked. Errors: ErrFollowGone,
// ErrNoToken, Unauthenticated, and those of Query.
func (d *Directory) Follow(ctx context.Context, q Query, after string) (Followed, error) {
	q.Type, q.Types = schema.EventType, nil
	s, err := d.Snapshot(ctx)
	if err != nil {
		return Followed{}, err
	}
	work := d.Work()
	defer work.End()
	for range maxAttempts {
		work.End()
		if err := d.store.node.KeepEvents(ctx, s.id); err != nil {
			return Followed{}, err
		}
		if s, err = d.again(); err != nil {
			return Followed{}, err
		}
		f := follower{search: search{ctx: ctx, snap: s, Query: q, work: work}}
		switch ok, err := f.run(after); {
		case err != nil:
			return Followed{}, err
		case ok:
			return Followed{f.found, s.sealPlace(f.since, f.at), s}, nil
		}

		// Events were removed before they could be read: on a state that knows of it, the token has expired.
		if _, err := d.fresh(ctx); err != nil {
			return Followed{}, err
		}
	}
	return Followed{}, errTooManyRaces()
}

// again returns the latest state, on which the actor may still do what it could at first. Errors: Unauthenticated,
// Forbidden, Unavailable.
func (d *Directory) again() (*Snapshot, error) {
	f, err := d.store.node.Latest()
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if err != nil || d.actor.judge == nil {
		return s, err
	}
	if !d.actor.System && !s.Active() {
		return nil, errUnauthenticated()
	}
	_, err = d.actor.judge(s)
	return s, err
}

// NextEvent returns a channel that is closed when the scope gets an Event after the call. It may be closed without one,
// too: whoever waits looks again.
func (s *Snapshot) NextEvent() <-chan struct{} { return s.store.node.Told(s.id) }

// FollowFrom returns the token to follow the Events from this snapshot on.
func (s *Snapshot) FollowFrom() string {
	return s.sealPlace(s.Revision(), state.EndOfRevision(s.Revision()))
}

// follower is one page of Follow.
type follower struct {
	search
	since int64            // the revision of the state with which the token's walk began
	at    state.EventPlace // of the last Event that was looked at
	found []*Resource
}

// followChunk is how many Events are read from etcd at once.
const followChunk = 100

// run fills the page; ok is false where an Event was removed before it could be read.
func (f *follower) run(after string) (ok bool, err error) {
	types, err := f.types()
	if err != nil {
		return false, err
	}
	compiled, err := f.compile(types[0])
	if err != nil {
		return false, err
	}
	if err := f.begin(after); err != nil {
		return false, err
	}
	for each := weight(compiled); len(f.found) < f.Limit; {
		// The next ones in order; no more are read than fit on the page, so that none is read twice.
		places, keys := f.next(min(followChunk, f.Limit-len(f.found)))
		if len(keys) == 0 {
			break
		}
		if err := reserve(f.work, len(keys), each); err != nil {
			return false, err
		}
		f.work.End() // others work while etcd answers
		list, err := f.snap.store.node.GetAll(f.ctx, keys)
		if err != nil {
			return false, err
		}
		for i, l := range list {
			if l.Value == nil {
				return false, nil
			}
			if !f.spend(each) {
				return false, f.err
			}
			r, err := decodeLogged(schema.EventType, places[i].ID, l)
			if err != nil {
				return false, err
			}
			if r != nil && f.match(compiled, r) {
				f.found = append(f.found, &r.Resource)
			}
			f.at = places[i]
		}
	}
	return true, nil
}

// begin goes to the place of the token. Errors: ErrNoToken, ErrFollowGone.
func (f *follower) begin(after string) error {
	if after == "" {
		f.since = f.snap.Revision()
		return nil
	}
	cluster, ok := uint64(0), false
	if cluster, f.since, f.at, ok = f.snap.openPlace(after); !ok {
		return ErrNoToken
	}
	if known := f.snap.Revision(); cluster != f.snap.frozen.Cluster() || f.since > known || f.at.Revision > known {
		if f.snap.store.Stale(f.ctx) {
			return errorf(Unavailable, "", "this node does not know of the place yet, and there is no quorum to ask")
		}
		return ErrFollowGone
	}
	for _, c := range state.EventClasses {
		// What had been removed when the walk began is not missed.
		if t := f.snap.scope.Trimmed(c); t.Revision > f.since && f.at.Compare(t.Place) < 0 {
			return ErrFollowGone
		}
	}
	return nil
}

// next are the places and keys of the Events behind the last one, n at most.
func (f *follower) next(n int) (places []state.EventPlace, keys []string) {
	for p, class := range f.snap.scope.EventsAfter(f.at) {
		if len(keys) == n {
			break
		}
		places, keys = append(places, p), append(keys, f.snap.keys().Events(class)+p.ID.Raw())
	}
	return places, keys
}

// sealPlace makes a token, which any credential of the scope may use: who gets another access token goes on with it.
func (s *Snapshot) sealPlace(since int64, at state.EventPlace) string {
	b := binary.BigEndian.AppendUint64(nil, s.frozen.Cluster())
	b = binary.BigEndian.AppendUint64(b, uint64(since))
	return base64.RawURLEncoding.EncodeToString(s.store.sealer.seal(s.followContext(), append(b, at.Encode()...)))
}

// openPlace opens what sealPlace made.
func (s *Snapshot) openPlace(token string) (cluster uint64, since int64, at state.EventPlace, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return 0, 0, at, false
	}
	b, _, err := s.store.sealer.open(s.followContext(), sealed)
	if err != nil || len(b) < 16 {
		return 0, 0, at, false
	}
	at, ok = state.DecodeEventPlace(b[16:])
	return binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), at, ok
}

func (s *Snapshot) followContext() string { return "follow\x00" + s.id.Path() }
