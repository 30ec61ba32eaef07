package patch

// Delta is what a request does to the members of a Group: the net effect of its operations. No id occurs twice in a
// list, and none is both in Add and in Remove. Ids are as the client wrote them and need not exist. An id in Remove may
// not be a member; removing it changes nothing.
type Delta struct {
	// Replace is the whole list that the members become; it may be empty. nil: the list is not replaced.
	Replace *[]string

	// Add are the members to be added. Beside Replace they are in that list too: they were added after it was set,
	// which grants them even if they were members already.
	Add []string

	// Remove are the members to be removed. It is nil beside Replace.
	Remove []string
}

// Empty reports whether no operation was about members.
func (d Delta) Empty() bool { return d.Replace == nil && len(d.Add) == 0 && len(d.Remove) == 0 }
