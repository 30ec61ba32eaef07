package directory

// SessionEpoch counts how often the User's sessions were ended as a whole. Who hands a sign-in over to a later request keeps
// it, so that a session is not begun after all of them were ended.
func (s *Snapshot) SessionEpoch(user ID) int64 {
	epoch, _ := s.epoch(user)
	return epoch
}

// PutNote puts a value outside every version, as WriteNote does, with the rest of the change.
func (tx *Tx) PutNote(kind string, id ID, value []byte) {
	tx.put(tx.keys().note(kind, id), value)
}
