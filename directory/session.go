package directory

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// epochNote counts how often a User's sessions were ended as a whole; a session counts only under the epoch it began in.
const epochNote = "epoch"

func sessionUser(r *record) ID {
	id, _ := ParseID(gjson.GetBytes(r.JSON, "user.value").String())
	return id
}

func (s *Snapshot) epoch(user ID) (epoch, revision int64) {
	n, _ := s.scope.notes.Get(epochNote + "/" + user.raw())
	epoch, _ = strconv.ParseInt(string(n.value), 10, 64)
	return epoch, n.revision
}

// SessionValid reports whether the session may be used now: its end is ahead, its User exists, is active and had its
// sessions not ended since, and its connection is enabled.
func (s *Snapshot) SessionValid(r *Resource) bool {
	rec := s.scope.get(r.ID)
	if rec == nil || rec.Type != sessionType {
		return false
	}
	v := gjson.GetManyBytes(rec.JSON, "expiresAt", "connection.value")
	if end, err := time.Parse(time.RFC3339, v[0].String()); err != nil || !s.store.now().Before(end) {
		return false
	}
	user := s.scope.get(sessionUser(rec))
	if user == nil || user.Type != userType || !Active(user.JSON) {
		return false
	}
	if epoch, _ := s.epoch(user.ID); epoch != rec.epoch {
		return false
	}
	id, _ := ParseID(v[1].String())
	connection := s.scope.get(id)
	return connection != nil && connection.Type == identityProviderType && Enabled(connection.JSON)
}

// Enabled reports whether a connection may be used: absent counts as enabled.
func Enabled(doc []byte) bool { return gjson.GetBytes(doc, "enabled").Type != gjson.False }

// CreateSession starts a session of the User through the connection and returns its secret, which is stored nowhere. It rests
// on the User as it is and on its session epoch.
func (tx *Tx) CreateSession(user, connection ID, expires time.Time) (secret string, err error) {
	if _, err := tx.Get(userType, user); err != nil {
		return "", err
	}
	epoch, revision := tx.snap.epoch(user)
	tx.require(unchanged(tx.keys().note(epochNote, user), revision))
	secret = newSecret()
	doc := schema.Document{
		"user":       map[string]any{"value": user.String()},
		"connection": map[string]any{"value": connection.String()},
		"createdAt":  schema.FormatTime(tx.at),
		"expiresAt":  schema.FormatTime(expires),
	}
	_, err = tx.create(NewID(), sessionType, doc, func(r *record) { r.hash, r.epoch = secretHash(secret), epoch })
	return secret, err
}

// EndSessions ends all sessions of the User, also those that are being made at this moment.
func (tx *Tx) EndSessions(user ID) error {
	if err := tx.dir.actor.mayWrite(sessionType); err != nil {
		return err
	}
	tx.frees = true // a sign-out, however full the store is
	tx.mention("endSessions", userType, user)
	return tx.endSessions(user)
}

// endSessions raises the epoch, which ends the sessions, and deletes them as far as they fit; the sweeper takes the rest.
func (tx *Tx) endSessions(user ID) error {
	epoch, revision := tx.snap.epoch(user)
	key := tx.keys().note(epochNote, user)
	tx.require(unchanged(key, revision))
	tx.put(key, strconv.AppendInt(nil, epoch+1, 10))
	n := 0
	tx.snap.scope.sessions.Ascend(sessionEntry{user: user}, func(e sessionEntry) bool {
		if n++; e.user != user || n > 100 {
			return false
		}
		tx.delete(tx.keys().resource(sessionType, e.session))
		return true
	})
	return nil
}
