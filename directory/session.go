package directory

import (
	"context"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// endedAtOnce is how many sessions of a User are deleted with the change that ends them; the sweeper deletes the rest.
const endedAtOnce = 100

// Bounds of sessions. Whoever begins one more ends the User's oldest; an organization that is at its bound, which takes
// very many Users at once, begins no more until some have ended.
const (
	MaxSessionsOfUser  = 50
	DefaultMaxSessions = 100_000 // of an organization
)

// SessionEpoch counts how often the User's sessions were ended as a whole; a session counts only under the epoch in
// which it began. Who hands a sign-in over to a later request keeps the epoch, so that no session begins after all were
// ended.
func (s *Snapshot) SessionEpoch(user ID) int64 {
	epoch, _ := s.epoch(user)
	return epoch
}

func (s *Snapshot) epoch(user ID) (epoch, revision int64) {
	n := s.scope.Note(epochNote, user)
	epoch, _ = strconv.ParseInt(string(n.Value), 10, 64)
	return epoch, n.Revision
}

// SessionValid reports whether the session may be used now: its end is ahead, its User exists, is active and had its
// sessions not ended since, and its connection is enabled.
func (s *Snapshot) SessionValid(r *Resource) bool {
	session := s.scope.Of(schema.SessionType, r.ID)
	if session == nil {
		return false
	}
	v := gjson.GetManyBytes(session.JSON, "expiresAt", "connection.value")
	if end, err := time.Parse(time.RFC3339, v[0].String()); err != nil || !s.store.now().Before(end) {
		return false
	}
	user := s.scope.Of(schema.UserType, state.SessionUser(session))
	if user == nil || !Active(s.store.held.document(s.id, user)) || s.SessionEpoch(user.ID) != session.Epoch {
		return false
	}
	id, _ := ParseID(v[1].String())
	connection := s.scope.Of(schema.IdentityProviderType, id)
	return connection != nil && Enabled(s.store.held.document(s.id, connection))
}

// CreateSession starts a session of the User through the connection and returns its secret, which is stored nowhere.
// The change depends on the User as it is and on its session epoch. Beyond MaxSessionsOfUser it ends the oldest of the
// User's; two that begin at once may together leave a few more. Error: Full where the organization has
// Options.MaxSessions.
func (tx *Tx) CreateSession(user, connection ID, expires time.Time) (secret string, err error) {
	if _, err := tx.Get(schema.UserType, user); err != nil {
		return "", err
	}
	epoch, revision := tx.snap.epoch(user)
	tx.require(store.Unchanged(tx.keys().Note(epochNote, user), revision))
	if most := tx.dir.store.sessions; tx.snap.scope.Count(schema.SessionType) >= most {
		return "", errorf(Full, "", "the organization has %d sessions, which is the limit", most)
	}
	tx.endOldest(user)
	secret = newSecret()
	doc := schema.Document{
		"user":       map[string]any{"value": user.String()},
		"connection": map[string]any{"value": connection.String()},
		"createdAt":  schema.FormatTime(tx.at),
		"expiresAt":  schema.FormatTime(expires),
	}
	_, err = tx.create(NewID(), schema.SessionType, doc, func(r *state.Record) {
		r.Hash, r.Epoch = secretHash(secret), epoch
	})
	return secret, err
}

// endOldest ends the User's oldest sessions, so that there is room for one more.
func (tx *Tx) endOldest(user ID) {
	var sessions []*state.Record
	for id := range tx.snap.scope.SessionsOf(user) {
		if r := tx.snap.scope.Of(schema.SessionType, id); r != nil {
			sessions = append(sessions, r)
		}
	}
	over := len(sessions) - (MaxSessionsOfUser - 1)
	if over <= 0 {
		return
	}
	for _, r := range state.InOrder(sessions, nil)[:min(over, endedAtOnce)] {
		tx.delete(tx.keys().Resource(schema.SessionType, r.ID))
	}
}

// EndSessions ends all sessions of the User, also those that are being made at this moment.
func (tx *Tx) EndSessions(user ID) error {
	if err := tx.snap.MayWrite(schema.SessionType); err != nil {
		return err
	}
	tx.about("endSessions", schema.UserType, user)
	tx.endSessions(user)
	return nil
}

// SignOut ends the session that acts, whatever its rights, and nothing else. Errors: Forbidden where no session acts;
// NotFound if it has ended; those of Update.
func (d *Directory) SignOut(ctx context.Context) error {
	id, ok := ParseID(d.actor.ID)
	if !ok || d.actor.Type != schema.SessionType {
		return errorf(Forbidden, "", "only a session can sign out")
	}
	_, err := d.Update(ctx, func(tx *Tx) error {
		session := tx.record(schema.SessionType, id)
		if session == nil {
			return notFound(schema.SessionType, id)
		}
		return tx.remove(session)
	})
	return err
}

// endSessions raises the epoch, which ends the sessions, and deletes some of them.
func (tx *Tx) endSessions(user ID) {
	epoch, revision := tx.snap.epoch(user)
	key := tx.keys().Note(epochNote, user)
	tx.require(store.Unchanged(key, revision))
	tx.mark(key, strconv.AppendInt(nil, epoch+1, 10))
	tx.ended = append(tx.ended, user)
	n := 0
	for session := range tx.snap.scope.SessionsOf(user) {
		if n++; n <= endedAtOnce {
			tx.delete(tx.keys().Resource(schema.SessionType, session))
		}
	}
	tx.about("update", schema.UserType, user).ended = n
}
