package samlhook

import (
	"net/http"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// maxApplied bounds for how many Users one transaction applies what is held.
const maxApplied = 500

// applyHeld carries out the removals that a connection's group sync holds (POST …/IdentityProviders/{id}/.applyHeld),
// and lets further ones pass for as long as they would have counted. It answers 204. Errors: Forbidden without the
// scope admin; those of a change.
func (h *Hook) applyHeld(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	return decideHeld(w, r, d, id, func(tx *directory.Tx, connection *directory.Resource, list *removals) error {
		list.Open = tx.Now().Add(ReadSettings(connection).Groups.Guard.Within)
		tx.GrantBy(id)
		now := list.Held[:min(len(list.Held), maxApplied)]
		for _, entry := range now {
			user, err := tx.Snapshot().Get(schema.UserType, entry.User)
			if err != nil {
				continue // deleted, and its memberships with it
			}
			if _, err := tx.SyncGroups(user, nil, entry.Groups); err != nil {
				return err
			}
		}
		list.Held = list.Held[len(now):]
		return nil
	})
}

// discardHeld forgets them: the memberships stay, until a sign-in asks for the removal again. Otherwise as applyHeld.
func (h *Hook) discardHeld(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	return decideHeld(w, r, d, id, func(_ *directory.Tx, _ *directory.Resource, list *removals) error {
		list.Held = nil
		return nil
	})
}

// decideHeld decides about what is held until nothing is, each time in one transaction that compares it.
func decideHeld(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID,
	decide func(*directory.Tx, *directory.Resource, *removals) error) error {
	for left := 1; left > 0; {
		if _, err := d.Update(r.Context(), func(tx *directory.Tx) error {
			connection, err := tx.Get(schema.IdentityProviderType, id)
			if err != nil {
				return err
			}
			if err := tx.MayAdminister(); err != nil {
				return err
			}
			list := readRemovals(tx.Note(noteRemovals, id))
			if left = len(list.Held); left == 0 {
				return nil
			}
			if err := decide(tx, connection, &list); err != nil {
				return err
			}
			left = len(list.Held)
			tx.PutNote(noteRemovals, id, list.encode())
			return nil
		}); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
