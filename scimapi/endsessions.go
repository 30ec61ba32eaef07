package scimapi

import (
	"net/http"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// endSessions serves POST /Users/{id}/.endSessions: it ends all sessions of the User, also one that is being created at
// this moment. It needs the scope admin.
func (x *exchange) endSessions(id directory.ID) error {
	ctx := x.r.Context()
	if _, _, err := x.dir.Get(ctx, schema.UserType, id); err != nil {
		return err
	}
	if _, err := x.dir.Update(ctx, func(tx *directory.Tx) error { return tx.EndSessions(id) }); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
