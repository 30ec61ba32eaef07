package samlhook

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// Every page can be shown, with whatever text there is, and holds nothing that its policy forbids.
func TestPages(t *testing.T) {
	const hostile = `"><script>alert(1)</script>`
	who := person{Name: hostile, UserName: hostile, Email: hostile, Groups: []string{hostile, hostile},
		MoreGroups: true}
	pages := web.MustParse(pageFiles)
	for _, c := range []struct {
		page string
		data any
	}{
		{"choose", choosePage{hostile, []choice{{hostile, "javascript:alert(1)"}}}},
		{"confirm", confirmPage{Organization: hostile, Person: who, Action: hostile, Code: hostile}},
		{"me", mePage{Organization: hostile, Person: who, SignOut: hostile}},
		{"post", saml.Form{Action: "javascript:alert(1)", SAMLRequest: hostile, RelayState: hostile}},
		{"notice", notice{Kind: "signedOut", Next: &link{"signInAgain", "javascript:alert(1)"}, Correlation: hostile,
			Organization: hostile}},
	} {
		w := httptest.NewRecorder()
		if err := pages.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, c.page, c.data,
			web.Policy{}); err != nil {
			t.Errorf("%s: %v", c.page, err)
			continue
		}
		body := w.Body.String()
		if inline := regexp.MustCompile(`(?i)<style|<script>|\sstyle=|\son\w+=|javascript:`).FindString(
			body); inline != "" {
			t.Errorf("%s holds %q:\n%s", c.page, inline, body)
		}
		if strings.Contains(body, "alert(1)</script>") {
			t.Errorf("%s holds a value as it came:\n%s", c.page, body)
		}
	}
}

// Every failure has its texts, and its link where it offers one.
func TestNotices(t *testing.T) {
	pages := web.MustParse(pageFiles)
	for _, f := range []*failure{errNotFound, errMethod, errCrossOrigin, errTarget, errUnavailable, errInternal,
		errBadMessage,
		errNotSetUp, errRefused, errTooLate, errOtherBrowser, errTooLarge, errTooOften, noConnection("Acme")} {
		for _, text := range []string{"signInAgain", "startAgain"} {
			w := httptest.NewRecorder()
			n := notice{Kind: f.kind, Values: f.values, Next: &link{Text: text}, Correlation: "1",
				Organization: "Acme"}
			if err := pages.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), f.status, "notice", n,
				web.Policy{}); err != nil {
				t.Errorf("%s: %v", f.kind, err)
			}
		}
	}
}
