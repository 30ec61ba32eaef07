package conformance

// texts are the versions of the texts a profile rests on, and where profiles
// contradict each other.
func (s *suite) texts() []string { return nil }
