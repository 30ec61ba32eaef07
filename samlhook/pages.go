package samlhook

import (
	"embed"
	"net/http"

	"rollcall/internal/web"
)

//go:embed pages words
var pageFiles embed.FS

// show replies with a page.
func (x *exchange) show(status int, page string, data any, policy web.Policy) {
	x.status = status
	if err := x.pages.Write(x.w, x.r, status, page, data, policy); err != nil {
		x.log.Error("a page was not written", "page", page, "error", err)
		x.status = http.StatusInternalServerError
		web.Secure(x.w.Header())
		http.Error(x.w, http.StatusText(x.status), x.status)
	}
}

// redirect sends the browser on by GET.
func (x *exchange) redirect(location string) {
	web.Secure(x.w.Header())
	x.w.Header().Set("Location", location)
	x.reply(http.StatusSeeOther)
}

// reply starts the reply. Headers are complete by then.
func (x *exchange) reply(status int) {
	x.status = status
	x.w.WriteHeader(status)
}
