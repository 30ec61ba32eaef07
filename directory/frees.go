package directory

import (
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
)

// When the store is nearly full, changes that only take away go on: deletion, the end of sessions and memberships, and
// documents that withdraw what the resource allowed before. A change tells by what it puts (writeSet.frees).

// withdrawalGrowth is by how many bytes a document may grow that withdraws: "active": false is longer than nothing.
const withdrawalGrowth = 64

// withdraws reports whether the record takes away what the one before it allowed, and is hardly larger.
func (tx *Tx) withdraws(was, now *state.Record) bool {
	f := tx.snap.kind(now.Type).withdraws
	return f != nil && len(now.JSON) <= len(was.JSON)+withdrawalGrowth && f(was.JSON, now.JSON)
}

// disables is the withdrawal of a type with a switch, which is on unless it is false.
func disables(attribute string) func(was, now []byte) bool {
	return func(was, now []byte) bool {
		off := func(doc []byte) bool { return gjson.GetBytes(doc, attribute).Type == gjson.False }
		return off(now) && !off(was)
	}
}

func withdrawsUser(was, now []byte) bool {
	return disables("active")(was, now) || withdrawsRoles(was, now)
}

// withdrawsRoles reports whether a document has fewer roles, and none that the one before it did not have.
func withdrawsRoles(was, now []byte) bool { return fewer(was, now, "roles") }

// fewer reports whether the list has lost elements and gained none.
func fewer(was, now []byte, attribute string) bool {
	elements := func(doc []byte) (list []string) {
		for _, e := range gjson.GetBytes(doc, attribute).Array() {
			list = append(list, e.Raw)
		}
		return list
	}
	before, after := elements(was), elements(now)
	return len(after) < len(before) &&
		!slices.ContainsFunc(after, func(e string) bool { return !slices.Contains(before, e) })
}

// withdrawsToken reports whether a token ends sooner or has fewer scopes.
func withdrawsToken(was, now []byte) bool {
	end := func(doc []byte) time.Time {
		t, _ := time.Parse(time.RFC3339, gjson.GetBytes(doc, "expiresAt").String()) // which is checked
		return t
	}
	return end(now).Before(end(was)) || fewer(was, now, "scopes")
}
