package scimapi

import (
	"maps"
	"slices"
)

// Endpoints are those that are not the collection of a type.
func Endpoints() []string { return slices.Sorted(maps.Keys(endpoints)) }

// Actions are our own, as the kind of the type and the name of the action.
func Actions() (all []string) {
	for kind, named := range actions {
		for name := range named {
			all = append(all, kind+"/"+name)
		}
	}
	slices.Sort(all)
	return all
}

// Waiting is how many requests wait for Events.
func Waiting(h *Handler) int {
	h.waits.mu.Lock()
	defer h.waits.mu.Unlock()
	return h.waits.counts["node"]
}
