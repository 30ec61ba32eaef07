package directory

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/store"
)

// operator judges the operator's tokens: the one that is in use and those before it.
type operator struct {
	hashes   []string
	presence *store.Presence // nil on a lone node, and without a token
}

func newOperator(tokens []string) *operator {
	o := &operator{}
	for _, t := range tokens {
		if t != "" {
			o.hashes = append(o.hashes, secretHash(t))
		}
	}
	return o
}

// knows reports whether the hash is that of one of the tokens; how long it takes does not tell which.
func (o *operator) knows(hash string) bool {
	found := 0
	for _, h := range o.hashes {
		found |= subtle.ConstantTimeCompare([]byte(h), []byte(hash))
	}
	return found == 1
}

// appear shows the other nodes the fingerprints of this node's tokens, and refuses to run beside a node that knows none
// of them: whoever holds a token would be let in by one node and turned away by the next.
func (o *operator) appear(ctx context.Context, c *clientv3.Client, s *Store) error {
	if len(o.hashes) == 0 {
		return nil
	}
	mine := s.sealer.fingerprints(o.hashes)
	value, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	o.presence, err = store.Appear(ctx, c, s.keys.Operators(), value, shareOne(mine), s.log)
	return err
}

// shareOne returns what checks that each of the other nodes knows a token of those with the fingerprints.
func shareOne(mine []string) func(others [][]byte) error {
	return func(others [][]byte) error {
		for _, other := range others {
			var theirs []string
			if err := json.Unmarshal(other, &theirs); err != nil {
				continue // of a newer version, which knows what it does
			}
			if slices.ContainsFunc(mine, func(f string) bool { return slices.Contains(theirs, f) }) {
				continue
			}
			return fmt.Errorf("another node runs on this store with other operator tokens "+
				"(fingerprints %s, given %s): also give this node one of theirs, as the previous operator token; "+
				"a node that was killed counts for up to %v",
				strings.Join(theirs, ", "), strings.Join(mine, ", "), store.PresenceTTL)
		}
		return nil
	}
}

func (o *operator) close() {
	if o.presence != nil {
		o.presence.Close()
	}
}
