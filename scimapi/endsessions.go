package scimapi

import (
	"net/http"

	"rollcall/directory"
)

// endSessions serves POST /Users/{id}/.endSessions: it ends all sessions of the User, also one that is being created at
// this moment. It needs the scope admin.
func endSessions(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if _, err := d.Update(r.Context(), func(tx *directory.Tx) error { return tx.EndSessions(id) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
