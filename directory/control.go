package directory

import (
	"encoding/json"
	"fmt"
)

// control is the scope key: what every write of a scope depends on. It is absent for organizations that do not exist.
type control struct {
	Active           bool `json:"active"`
	UniqueGroupNames bool `json:"uniqueGroupNames,omitempty"`
	Generation       int  `json:"generation,omitempty"` // of the definitions

	revision int64 // mod revision; 0: absent
}

// next is the same with the definitions changed.
func (c control) next() control {
	c.Generation++
	return c
}

func (c control) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // two booleans
	}
	return b
}

func (s *scopeState) applyControl(rev int64, e entry) error {
	s.control = control{}
	if e.deleted {
		return nil
	}
	if err := json.Unmarshal(e.value, &s.control); err != nil {
		return fmt.Errorf("scope key %q: %w", e.key, err)
	}
	s.control.revision = rev
	return nil
}
