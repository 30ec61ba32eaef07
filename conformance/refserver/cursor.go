package refserver

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// byCursor reports whether a query is paged by cursor.
func (c *call) byCursor(q query) bool {
	return !c.s.opts.Minimal && (q.hasCursor || c.s.opts.CursorOnly)
}

// place is what a cursor says. It is sealed: clients can neither read nor
// change it.
type place struct {
	First   int
	Query   string // what the cursor belongs to
	Expires time.Time
}

func (c *call) queryKey(t *typ, q query) string {
	name := ""
	if t != nil {
		name = t.name
	}
	return fmt.Sprintf("%s|%s|%q|%q|%q|%q|%q", c.t.name, name, q.filter, q.sortBy, q.sortOrder, q.attributes,
		q.excluded)
}

func (c *call) seal(p place) string {
	block, _ := aes.NewCipher(c.s.key)
	gcm, _ := cipher.NewGCMWithRandomNonce(block)
	data, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(gcm.Seal(nil, nil, data, nil))
}

func (c *call) cursorStart(t *typ, q query, out obj) (int, error) {
	if q.hasStart && (q.start > 1 || q.hasCursor) {
		return 0, fail(400, "invalidValue", "startIndex does not go with cursor")
	}
	if q.cursor == "" {
		return 0, nil
	}
	bad := fail(400, "invalidCursor", "the cursor is not valid for this query")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.cursor)
	if err != nil {
		return 0, bad
	}
	block, _ := aes.NewCipher(c.s.key)
	gcm, _ := cipher.NewGCMWithRandomNonce(block)
	data, err := gcm.Open(nil, nil, raw, nil)
	var p place
	if err != nil || json.Unmarshal(data, &p) != nil || p.Query != c.queryKey(t, q) {
		return 0, bad
	}
	if c.s.now.After(p.Expires) {
		return 0, fail(400, "expiredCursor", "the cursor has expired")
	}
	return p.First, nil
}

func (c *call) cursorLinks(t *typ, q query, out obj, first, size, total int) {
	link := func(at int) string {
		return c.seal(place{at, c.queryKey(t, q), c.s.now.Add(cursorLife + time.Second)})
	}
	if first+size < total && size > 0 {
		out["nextCursor"] = link(first + size)
	}
	if first > 0 {
		out["previousCursor"] = link(max(0, first-size))
	}
}
