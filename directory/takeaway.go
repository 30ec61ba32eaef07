package directory

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// An etcd that has raised its NOSPACE alarm deletes keys and puts none. A change that only takes away is then carried
// out as far as deleting goes, under the conditions of the whole:
//
//   - Records, grants and sessions are deleted. The key of a deleted User's userName stays, and is its tombstone.
//   - What was to be put beside (the Event, the DeletedUser) is told to the log and put by this node when there is
//     room.
//   - A document that withdraws something cannot be put. The sessions end, this node holds to it from now on, and puts
//     it when there is room; the caller hears 507 and why. Other nodes do not hear of it. So the access tokens of a
//     User who is deactivated are deleted, which every node sees.

// takeAway carries out a change that only takes away and was refused for want of room. Errors: as Update; Full where
// something could not be written, whose text says what has happened and what has not.
func (d *Directory) takeAway(ctx context.Context, change func(*Tx) error) (*Snapshot, error) {
	if !d.store.node.Quota.Alarmed() { // the meter errs on the safe side until it has looked again
		if err := d.store.node.Quota.Look(ctx); err != nil {
			return nil, state.Unanswered(err)
		}
	}
	var unheard *Tx
	for a := (attempt{}); a.number < maxAttempts; {
		s, err := d.fresh(ctx)
		if err != nil {
			return nil, err
		}
		if unheard != nil && unheard.deletedIn(s) {
			return s, d.tookAway(unheard)
		}
		tx := newTx(ctx, d, s, a)
		tx.takesAway = true
		if err := change(tx); err != nil {
			return nil, err
		}
		if tx.empty() {
			return s, nil
		}
		if tx.defines() {
			return nil, errDefinesFull()
		}

		// As a whole, if there is room after all.
		p, err := tx.part()
		if err != nil {
			return nil, err
		}
		out, err := d.commit(ctx, p)
		if err == nil && out.Committed {
			return d.after(tx, out)
		}
		if err != nil && KindOf(err) != Full {
			return nil, err
		}

		// Else what can be deleted of it. Whether an answer that did not come was good, the next snapshot tells.
		if err != nil {
			out, err = d.commitDeletions(ctx, tx, p)
		}
		switch {
		case err != nil && a.number < maxUnheard && (KindOf(err) == Unavailable || KindOf(err) == Full):
			unheard = tx
		case err != nil:
			return nil, err
		case out.Committed:
			after, err := d.after(tx, out)
			if told := d.tookAway(tx); told != nil {
				err = told
			}
			return after, err
		}
		a = a.next(out)
	}
	return nil, errTooManyRaces()
}

// maxUnheard is how often deletions that were not answered are sent again: they happen once at most.
const maxUnheard = 2

// errDefinesFull is the error for the deletion of definitions: every writer must be told first, by a put.
func errDefinesFull() error {
	return errorf(Full, "", "the store is full: schemas and resource types can be deleted only when there is room, "+
		"because every writer has to be told first; delete other resources")
}

// commitDeletions deletes what the change deletes, and the sessions and tokens that it ends, under the conditions of
// the change.
func (d *Directory) commitDeletions(ctx context.Context, tx *Tx, p store.Part) (store.Outcome, error) {
	deletions := store.Part{Frees: true}
	for _, c := range p.Conditions {
		if c.Key != p.Fence {
			deletions.Conditions = append(deletions.Conditions, c)
		}
	}
	writes := newWriteSet()
	for _, w := range p.Writes {
		if w.Deleted {
			writes.write(w)
		}
	}
	for _, user := range tx.ended {
		for session := range tx.snap.scope.SessionsOf(user) {
			if len(writes.order) > MaxMemberships {
				break
			}
			writes.delete(tx.keys().Resource(schema.SessionType, session))
		}
	}
	for _, token := range tx.revoked() {
		writes.delete(tx.keys().Resource(schema.AccessTokenType, token.ID))
		writes.delete(tx.keys().Note(usedNote, token.ID))
	}
	if writes.empty() {
		return store.Outcome{Committed: true, Revision: tx.snap.Revision()}, nil
	}
	writes.delete(d.store.keys.Complete())
	deletions.Writes = writes.part().Writes
	return d.commit(ctx, deletions)
}

// revoked are the access tokens that end with the deactivation of their User, or of the User whose rights they depend
// on: while etcd's alarm is raised, other nodes would accept them until somebody makes room. Where only the meter
// refuses, that is a matter of seconds, and they are not revoked: it cannot be undone.
func (tx *Tx) revoked() (tokens []*state.Record) {
	if !tx.dir.store.node.Quota.Alarmed() {
		return nil
	}
	deactivated := map[ID]bool{}
	for id, r := range tx.staged {
		if r == nil || r.Type != schema.UserType || Active(r.JSON) {
			continue
		}
		was := tx.snap.record(r.Type, id)
		deactivated[id] = was != nil && Active(was.JSON)
	}
	if len(deactivated) == 0 {
		return nil
	}
	for t := range tx.snap.scope.All(schema.AccessTokenType) {
		user, _ := ParseID(gjson.GetBytes(t.JSON, "user.value").String())
		maker, _ := makerOf(t)
		if (deactivated[user] || deactivated[maker] && dependsOnMaker(t.JSON)) && len(tokens) < MaxMemberships {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// deletedIn reports whether the snapshot shows that what the change deletes is gone; false where it deletes no
// resource.
func (tx *Tx) deletedIn(s *Snapshot) bool {
	gone := 0
	for _, d := range tx.events.drafts {
		if r, staged := tx.staged[d.id]; !staged || r != nil || s.record(d.typ, d.id) != nil {
			continue
		}
		gone++
	}
	return gone > 0 && gone == len(tx.staged)
}

// tookAway tells of a change of which the deletions were carried out, and keeps what is to be put when there is room.
// Error: Full where it withdraws something by a document.
func (d *Directory) tookAway(tx *Tx) error {
	for _, e := range tx.events.shown() {
		d.store.log.Warn("the store is full: what a change deletes is deleted; the rest is written when there is room",
			"organization", d.name, "action", e.action, "type", e.typ, "id", e.id.String(), "actorType", d.actor.Type,
			"actor", d.actor.ID, "at", schema.FormatTime(tx.at))
	}
	withdrawn := tx.withdrawn()
	if len(withdrawn) == 0 {
		d.store.held.keep(tx.traces())
		return nil
	}

	// Say what is so from now on, and where.
	said := []string{"the store is full, so the change could not be written"}
	if d.store.held.decideAll(tx.snap, withdrawn) {
		said[0] += ". This node holds to it all the same and writes it when there is room"
	}
	if len(tx.ended) > 0 {
		said = append(said, "the sessions have ended")
	}
	revoked := tx.revoked()
	for _, t := range revoked {
		d.store.log.Warn("the store is full: an access token is deleted with the deactivation of its User",
			"organization", d.name, "id", t.ID.String(), "actorType", d.actor.Type, "actor", d.actor.ID)
	}
	if n := len(revoked); n > 0 {
		said = append(said, fmt.Sprintf("access tokens of the User were deleted: %d", n))
	}
	return errorf(Full, "", "%s: repeat it once there is room", strings.Join(said, "; "))
}

// withdrawn are the documents of the change that withdraw something, and could not be put.
func (tx *Tx) withdrawn() (list []decision) {
	for id, r := range tx.staged {
		if r == nil {
			continue
		}
		if was := tx.snap.record(r.Type, id); was != nil {
			list = append(list, decision{dir: tx.dir, typ: r.Type, id: id, on: was.Version, before: was.JSON, document: r.JSON})
		}
	}
	return list
}
