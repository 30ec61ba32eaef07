package samlhook

import (
	"embed"
	"net/http"

	"rollcall/internal/web"
)

//go:embed pages words
var pageFiles embed.FS

// show writes a page. It is the only answer of its request.
func (x *exchange) show(status int, page string, data any, policy web.Policy) {
	x.status = status
	if err := x.pages.Write(x.w, x.r, status, page, data, policy); err != nil {
		x.log.Error("write a page", "page", page, "error", err)
		x.status = http.StatusInternalServerError
		web.Secure(x.w.Header())
		http.Error(x.w, http.StatusText(x.status), x.status)
	}
}

// redirect sends the browser on by GET.
func (x *exchange) redirect(location string) {
	web.Secure(x.w.Header())
	x.w.Header().Set("Location", location)
	x.answer(http.StatusSeeOther)
}

func (x *exchange) answer(status int) {
	x.status = status
	x.w.WriteHeader(status)
}
