package samlhook

import (
	"net/http"

	"rollcall/internal/web"
)

// metadata serves our metadata towards the connection.
func (x *exchange) metadata() error {
	_, l, err := x.ready()
	if err != nil {
		return err
	}
	body, err := l.SPMetadata()
	if err != nil {
		return err
	}
	h := x.w.Header()
	web.Secure(h)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("Content-Disposition", `inline; filename="rollcall-`+x.connection.String()+`.xml"`)
	x.reply(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // a client that is gone needs no metadata
	}
	return nil
}
