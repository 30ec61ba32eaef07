package directory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// People tell their administrators the number of an error page, the correlationId. Each SignIn has a key that its
// number leads to, in the bucket of its day, so that a number is found without reading the log.

// correlationID is the attribute that holds the number.
const correlationID = "correlationId"

// daysAtOnce bounds the days that one transaction looks into, below etcd's limit.
const daysAtOnce = 100

// numberOf is the number that a filter asks for; ok is false if not every match has it.
func numberOf(t *schema.ResourceType, compiled *filter.Query) (number string, ok bool) {
	if t.Name != schema.SignInType || compiled == nil {
		return "", false
	}
	for _, l := range compiled.Lookups() {
		if l.Op == filter.Eq && l.Attribute.Path == correlationID {
			return l.Key, true
		}
	}
	return "", false
}

// numbered reads the SignIns with a number, the newest first, those in rings too. It finds none that an earlier version
// recorded: where it finds nothing, the log has to be read.
func (s *search) numbered(number string, revision int64) ([]logged, error) {
	keys := s.snap.keys()
	ids, err := s.numberedIDs(number, revision)
	if err != nil {
		return nil, err
	}
	prefixes := []string{keys.Rings()}
	for _, id := range ids {
		prefixes = append(prefixes, keys.SignIns()+id.Raw())
	}
	lists, err := s.snap.store.node.NewestFirst(s.ctx, revision, prefixes...)
	if err != nil {
		return nil, err
	}
	var all []logged
	for i, list := range lists {
		for _, l := range list {
			id, ok := slotID(l)
			if i > 0 {
				id, ok = ids[i-1], true
			}
			_, doc, _ := bytes.Cut(l.Value, []byte{'\n'})
			if ok && gjson.GetBytes(doc, correlationID).String() == number {
				all = append(all, logged{id, l})
			}
		}
	}
	return newestFirst(all), nil
}

// maxNumbered bounds the SignIns of one number that are read: it is chosen at random, and a sign-in leaves a few.
const maxNumbered = 64

// numberedIDs are the ids of the SignIns with a number that are not in a ring.
func (s *search) numberedIDs(number string, revision int64) (ids []ID, err error) {
	keys, node := s.snap.keys(), s.snap.store.node
	first, _, err := node.Keys(s.ctx, keys.SignIns(), store.PrefixEnd(keys.SignIns()), 1)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	oldest, _ := state.RawID(first[0][len(keys.SignIns()):])
	var days []string
	end := s.snap.store.now().Add(2 * day) // clocks of nodes differ a little
	for at := oldest.Time(); at.Before(end); at = at.Add(day) {
		days = append(days, keys.Numbered(number, at))
	}
	for some := range slices.Chunk(days, daysAtOnce) {
		lists, err := node.KeysOf(s.ctx, revision, some...)
		if err != nil {
			return nil, err
		}
		for i, list := range lists {
			for _, key := range list {
				if id, ok := state.RawID(key[len(some[i]):]); ok && len(ids) < maxNumbered {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids, nil
}

// day is the length of a day, which a bucket of numbers holds.
const day = 24 * time.Hour

// putNumber stages the key that the SignIn's number leads to it by.
func (tx *Tx) putNumber(id ID, doc schema.Document) {
	if number, _ := doc[correlationID].(string); number != "" {
		tx.put(tx.keys().Numbered(number, id.Time())+id.Raw(), nil)
	}
}

// numbers deletes the numbers of the days before the oldest SignIn.
func (s *scopeSweeper) numbers(ctx context.Context) error {
	oldest := s.now
	first, _, err := s.store.node.Keys(ctx, s.keys.SignIns(), store.PrefixEnd(s.keys.SignIns()), 1)
	if err != nil {
		return err
	}
	if len(first) > 0 {
		if id, ok := state.RawID(first[0][len(s.keys.SignIns()):]); ok {
			oldest = id.Time()
		}
	}
	return s.store.node.PurgeUntil(ctx, s.keys.Numbers(), s.keys.NumbersOf(oldest))
}
