package scimapi

import (
	"fmt"
	"net/http"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// restore serves POST /DeletedUsers/{id}/.restore: it brings the User back and answers with it. Warnings name what of
// it is gone. It needs the scope write, for a User who had privileges admin. It is not asked who may read DeletedUsers:
// whoever deleted a User knows its id.
func (x *exchange) restore(id directory.ID) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	s, restored, err := x.dir.Restore(x.r.Context(), id)
	if err != nil {
		return err
	}
	x.warnOfGone("groups that were deleted meanwhile", restored.Groups)
	x.warnOfGone("connections that were deleted meanwhile", restored.Connections)
	x.warnOfGone("links of connections that link them to other Users by now", restored.Taken)
	return x.reply(http.StatusOK, s, s.Type(schema.UserType), current(s, restored.User), q, nil)
}

// warnOfGone sets a Warning that names the first ten of what was not restored.
func (x *exchange) warnOfGone(what string, ids []directory.ID) {
	if len(ids) == 0 {
		return
	}
	const most = 10
	var list []string
	for _, id := range ids[:min(len(ids), most)] {
		list = append(list, id.String())
	}
	text := strings.Join(list, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	x.warn("not restored: " + what + ": " + text)
}
