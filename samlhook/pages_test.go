package samlhook

import (
	"cmp"
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
		{"choose", askPage{Brand: web.Brand{Name: hostile, Logo: hostile, Style: hostile}, Organization: hostile,
			Choices: []choice{{hostile, "javascript:alert(1)"}}}},
		{"ask", askPage{Organization: hostile, Last: &choice{hostile, "javascript:alert(1)"}, Action: hostile,
			Target: hostile, Unknown: hostile, Invalid: true}},
		{"ask", askPage{}},
		{"going", goingPage{web.Brand{}, hostile, hostile, "javascript:alert(1)"}},
		{"claim", claimPage{Organization: hostile, Person: who, Choices: []choice{{hostile, "javascript:alert(1)"}}}},
		{"claimed", claimPage{Organization: hostile, Person: who, Claimant: &claimant{NameID: hostile, Name: hostile},
			Action: hostile, Code: hostile}},
		{"confirm", confirmPage{Organization: hostile, Person: who, Action: hostile, Code: hostile}},
		{"me", mePage{Organization: hostile, Person: who, SignOut: hostile}},
		{"post", postPage{Form: saml.Form{Action: "javascript:alert(1)", SAMLRequest: hostile, RelayState: hostile}}},
		{"notice", notice{Kind: "signedOut", Words: "signedOut", Ask: "help",
			Next: &link{"signInAgain", "javascript:alert(1)"}, Correlation: hostile,
			Organization: hostile}},
		{"test", testPage{Organization: hostile, Connection: hostile, Explanation: hostile, NameID: hostile,
			Checks:     []toldCheck{{Check: saml.Check{Expected: hostile, Received: hostile}, Name: hostile}},
			Obstacles:  []obstacle{{Reason: hostile, Explanation: hostile}},
			Attributes: []saml.ReceivedAttribute{{Name: hostile, FriendlyName: hostile, Value: hostile, Values: 2}},
			Again:      "javascript:alert(1)", Correlation: hostile}},
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
		errNotSetUp, errRefused, errTooLate, errOtherBrowser, errTooLarge, errTooOften,
		errNoAccount, errNotActive, errIncomplete, errNotLinked,
		errNoTest, errClaim, errClaimUsed, noConnection("Acme")} {
		for _, text := range []string{"signInAgain", "startAgain"} {
			w := httptest.NewRecorder()
			n := notice{Kind: f.kind, Words: cmp.Or(f.words, f.kind), Ask: cmp.Or(f.ask, "help"), Values: f.values,
				Next: &link{Text: text}, Correlation: "1",
				Organization: "Acme"}
			if err := pages.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), f.status, "notice", n,
				web.Policy{}); err != nil {
				t.Errorf("%s: %v", f.kind, err)
			}
		}
	}
}
