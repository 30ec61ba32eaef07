package directory

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A User's activity is when and how often the person signed in, and when a session of theirs was last used. It stands
// in notes outside every version: nobody changes the User by signing in.
const (
	activityNote = "activity" // written with each sign-in
	seenNote     = "seen"     // the last hour in which a session was used, since 1970; written by usage
)

// activity is what the sign-ins of a User leave.
type activity struct {
	last       time.Time // of the last one
	connection ID        // of the last one
	first      ID        // of the SignIn that was counted first as it was made; zero if none was
	count      uint64
}

// signedIn is what a SignIn says of somebody who signed in.
type signedIn struct {
	user, connection ID
	at               time.Time
}

// signedInBy reads a SignIn; ok is false if nobody signed in.
func signedInBy(doc []byte) (s signedIn, ok bool) {
	v := gjson.GetManyBytes(doc, "outcome", "user.value", "connection.value", "at")
	if outcome := v[0].String(); outcome != "signedIn" && outcome != "created" {
		return s, false
	}
	if s.user, ok = ParseID(v[1].String()); !ok {
		return s, false
	}
	s.connection, _ = ParseID(v[2].String())
	at, err := time.Parse(time.RFC3339, v[3].String())
	s.at = at
	return s, err == nil
}

// add counts a sign-in.
func (a *activity) add(s signedIn) {
	a.count++
	if !s.at.Before(a.last) {
		a.last, a.connection = s.at, s.connection
	}
}

func (a activity) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(a.last.UnixMilli()))
	b = append(append(b, a.connection[:]...), a.first[:]...)
	return binary.AppendUvarint(b, a.count)
}

// decodeActivity reads what encode wrote; ok is false for anything else, and where there is none.
func decodeActivity(b []byte) (a activity, ok bool) {
	const fixed = 8 + 2*len(ID{})
	if len(b) <= fixed {
		return a, false
	}
	a.last = time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	copy(a.connection[:], b[8:])
	copy(a.first[:], b[8+len(a.connection):])
	count, n := binary.Uvarint(b[fixed:])
	a.count = count
	return a, n == len(b)-fixed
}

// noteActivity counts the SignIn with the change that records it. Of two that are made at once, one runs again.
func (tx *Tx) noteActivity(signIn *state.Record) {
	s, ok := signedInBy(signIn.JSON)
	if !ok || tx.record(schema.UserType, s.user) == nil {
		return
	}
	n := tx.snap.scope.Note(activityNote, s.user)
	key := tx.keys().Note(activityNote, s.user)
	tx.require(store.Unchanged(key, n.Revision))
	a, _ := decodeActivity(n.Value)
	if a.first.IsZero() {
		a.first = signIn.ID
	}
	a.add(s)
	tx.put(key, a.encode())
}

// forgetActivity deletes what is known of the activity of a User who is being deleted.
func (tx *Tx) forgetActivity(user ID) {
	tx.delete(tx.keys().Note(activityNote, user))
	tx.delete(tx.keys().Note(seenNote, user))
}

// hourOf is a time as the hour since 1970.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// lastSeen is the last hour in which a session of the User was used; 0 if none was.
func lastSeen(sc *state.Scope, user ID) int64 {
	hour, _ := strconv.ParseInt(string(sc.Note(seenNote, user).Value), 10, 64)
	return hour
}

// derivedActivity is the User's extension Activity, for those who may see it.
func derivedActivity(v View) []byte {
	if !v.snap.actor.MayReadSchema(schema.ActivityURN) {
		return nil
	}
	b := []byte{'{'}
	member := func(name string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
	}
	text := func(name, value string) {
		member(name)
		b = append(append(append(b, '"'), value...), '"')
	}
	a, ok := decodeActivity(v.snap.Note(activityNote, v.rec.ID))
	if ok && !a.connection.IsZero() {
		text("lastConnection", a.connection.String())
	}
	if hour := lastSeen(v.snap.scope, v.rec.ID); hour > 0 {
		text("lastSeen", schema.FormatTime(time.Unix(hour*3600, 0)))
	}
	if ok {
		text("lastSignIn", schema.FormatTime(a.last))
		member("signInCount")
		b = strconv.AppendUint(b, a.count, 10)
	}
	if len(b) == 1 {
		return nil
	}
	return append(b, '}')
}
