package scimapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"

	"rollcall/directory"
	"rollcall/directory/filter"
)

// cursor is a place in a walk through pages (RFC 9865). The state of the walk is a pin, so every node shows the same
// pages. The directory seals the cursor for its credential and scope, so nobody can read, change or share it.
type cursor struct {
	pin    directory.ID
	query  [sha256.Size]byte // digest of the query
	offset int
	count  int // resources in a page, as in the first request
	total  int // matches in all; -1: not known yet

	after directory.MembershipID // of a walk through GroupMemberships that are not sorted, instead of offset
}

// walk answers with a page of a query that is paged by cursor.
func (x *exchange) walk(q *params, s *directory.Snapshot, typ string) error {
	if q.cursor == "" {
		return x.firstPage(q, s, typ)
	}
	c, err := x.openCursor(q, s, typ)
	if err != nil {
		return err
	}
	pin, err := x.dir.Pinned(x.r.Context(), c.pin)
	if directory.KindOf(err) == directory.NotFound {
		return expired()
	}
	if err != nil {
		return err
	}
	return x.pinnedPage(q, s, typ, pin, c)
}

// firstPage begins a walk. There is no pin if everything fits on one page, or if the pages have no resources.
func (x *exchange) firstPage(q *params, s *directory.Snapshot, typ string) error {
	ctx := x.r.Context()
	l, err := x.newListing(q, s, typ)
	if err != nil {
		return err
	}
	if err := l.bounded(); err != nil {
		return err
	}

	// The first page as it is now, not sorted: if there is more, the pages of the walk are sorted.
	look := l.ask
	look.SortBy = ""
	page, err := x.dir.Query(ctx, look)
	if err != nil {
		return err
	}
	if q.count == 0 || page.Total <= q.count {
		if q.sortBy != "" {
			if page, err = x.dir.Query(ctx, l.ask); err != nil {
				return err
			}
		}
		x.tellFollow(q, page.Snapshot)
		return l.answer(page, func(body []byte) []byte { return body })
	}

	// A sortBy that is refused gets no pin. A query for no resource tells whether it is, and id has an index.
	none := l.ask
	none.Filter = &filter.Compare{Path: filter.Path{Name: "id"}, Op: filter.Eq,
		Value: filter.Value{Kind: filter.String}}
	if _, err := x.dir.Query(ctx, none); err != nil {
		return err
	}

	// The walk.
	digest := x.digest(q, typ)
	pin, err := x.dir.Pin(ctx, digest[:])
	if err != nil {
		return err
	}
	return x.pinnedPage(q, s, typ, pin, cursor{pin: pin.ID, query: digest, count: q.count, total: -1})
}

// pinnedPage answers with the page at c of the state with which the walk began.
func (x *exchange) pinnedPage(q *params, s *directory.Snapshot, typ string, pin *directory.Pin, c cursor) error {
	l, err := x.newListing(q, pin.Snapshot, typ)
	if err != nil {
		return err
	}
	if isMembership(s.Type(typ)) && q.sortBy == "" {
		return x.membershipPage(l, s, pin, c)
	}
	l.ask.Offset, l.ask.Limit = c.offset, c.count
	page, err := pin.Query(x.r.Context(), l.ask)
	if err != nil {
		return err
	}

	// Records of the logs may have been trimmed since the walk began.
	if c.total < 0 {
		c.total = page.Total
	}
	if c.total != page.Total {
		return expired()
	}
	if c.offset+c.count >= c.total {
		x.tellFollow(q, page.Snapshot)
	}
	return l.answer(page, func(body []byte) []byte {
		if next := c.offset + c.count; next < c.total {
			body = x.appendCursor(body, s, `,"nextCursor":"`, c, next)
		}
		if c.offset > 0 {
			body = x.appendCursor(body, s, `,"previousCursor":"`, c, max(c.offset-c.count, 0))
		}
		return body
	})
}

// membershipPage is pinnedPage for GroupMemberships that are not sorted. A page costs the same wherever it stands,
// because a cursor is a place in the tree of grants. There is no way back.
func (x *exchange) membershipPage(l *listing, s *directory.Snapshot, pin *directory.Pin, c cursor) error {
	l.ask.Offset, l.ask.After, l.ask.Limit = 0, c.after, c.count+1 // one more tells whether there is a next page
	page, err := pin.Query(x.r.Context(), l.ask)
	if err != nil {
		return err
	}
	if c.total < 0 {
		c.total = page.Total
	}
	page.Total = c.total
	more := len(page.Resources) > c.count
	if more {
		page.Resources = page.Resources[:c.count]
		c.after, _ = directory.ParseMembershipID(membershipID(page.Resources[c.count-1]))
	}
	return l.answer(page, func(body []byte) []byte {
		if more {
			body = x.appendCursor(body, s, `,"nextCursor":"`, c, 0)
		}
		return body
	})
}

func (x *exchange) appendCursor(body []byte, s *directory.Snapshot, name string, c cursor, offset int) []byte {
	c.offset = offset
	body = append(append(body, name...), x.dir.SealCursor(s, c.encode())...)
	return append(body, '"')
}

// openCursor reads the cursor of a request. A cursor that was changed, or that belongs to another credential or query,
// is refused like one that never existed (RFC 9865 §5.2).
func (x *exchange) openCursor(q *params, s *directory.Snapshot, typ string) (cursor, error) {
	var c cursor
	payload, ok := x.dir.OpenCursor(s, q.cursor)
	if !ok || !c.decode(payload) || c.query != x.digest(q, typ) {
		return c, fail(http.StatusBadRequest, invalidCursor, "the cursor is not valid for this request")
	}
	if q.counted && q.count != c.count {
		return c, fail(http.StatusBadRequest, invalidCount,
			"count: must be %d, as in the first request, or left out", c.count)
	}
	return c, nil
}

func expired() error {
	return fail(http.StatusBadRequest, expiredCursor, "the cursor has expired; start over with an empty cursor")
}

// digest tells queries apart, together with what the credential may see: a client whose rights change must start over
// (R9865-5.2-02).
func (x *exchange) digest(q *params, typ string) [sha256.Size]byte {
	text, err := json.Marshal([]any{
		typ, q.filterText, q.sortBy, q.descending, q.attributes, q.excludedAttributes, x.actor.Rights, x.actor.Profile,
		q.effective,
	})
	if err != nil {
		panic(err) // texts and numbers cannot fail
	}
	return sha256.Sum256(text)
}

func (c *cursor) encode() []byte {
	b := append(c.pin[:len(c.pin):len(c.pin)], c.query[:]...)
	for _, n := range [...]int{c.offset, c.count, c.total} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	if !c.after.IsZero() {
		b = append(append(b, c.after.Group[:]...), c.after.Member[:]...)
	}
	return b
}

func (c *cursor) decode(b []byte) bool {
	if len(b) < len(c.pin)+len(c.query) {
		return false
	}
	b = b[copy(c.pin[:], b):]
	b = b[copy(c.query[:], b):]
	for _, n := range [...]*int{&c.offset, &c.count, &c.total} {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return false
		}
		*n, b = int(v), b[size:]
	}
	if len(b) == len(c.after.Group)+len(c.after.Member) {
		b = b[copy(c.after.Group[:], b):]
		b = b[copy(c.after.Member[:], b):]
	}
	return len(b) == 0
}
