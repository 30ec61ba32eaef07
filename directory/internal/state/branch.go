package state

import "slices"

// Branch returns a state of its own, to try changes of some scopes on: what is applied to it, nobody else sees. It
// costs about as much as to freeze these scopes. Grants of resources that were deleted before are not known to it.
func (s *State) Branch(scopes ...ScopeID) *State {
	s.Freeze()
	b := New(s.keys, s.builtin)
	b.revision, b.frozen = s.revision, s.frozen.Copy()
	for _, id := range scopes {
		if live := s.live[id]; live != nil {
			own := &liveScope{Scope: *live.freeze(), lastOrd: live.lastOrd}
			own.grantors = slices.Clip(own.grantors) // both append to it
			b.live[id] = own
		}
	}
	return b
}
