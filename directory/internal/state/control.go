package state

import (
	"encoding/json"
	"fmt"
)

// Control is the scope key: what every write of a scope depends on. It is absent for organizations that do not exist.
type Control struct {
	Active           bool `json:"active"`
	UniqueGroupNames bool `json:"uniqueGroupNames,omitempty"`
	RolesClosed      bool `json:"rolesClosed,omitempty"`
	MembersInline    int  `json:"membersInline,omitempty"` // 0: any number
	Generation       int  `json:"generation,omitempty"`    // of the definitions

	Revision int64 `json:"-"` // mod revision; 0: absent
}

// Next is the same with the definitions changed.
func (c Control) Next() Control {
	c.Generation++
	return c
}

// Encode writes the value of the scope key.
func (c Control) Encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // booleans and numbers
	}
	return b
}

func (s *liveScope) applyControl(c change) error {
	s.control = Control{}
	if c.Deleted {
		return nil
	}
	if err := json.Unmarshal(c.Value, &s.control); err != nil {
		return fmt.Errorf("scope key %q: %w", c.Key, err)
	}
	s.control.Revision = c.revision
	return nil
}
