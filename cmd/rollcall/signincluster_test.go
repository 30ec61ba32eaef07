package main

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/samlhook/saml/samltest"
)

// signInSite is a connection of a node, whose identity provider is the test.
type signInSite struct {
	t                  *testing.T
	site               string
	login, acs, entity string
}

func newSignInSite(t *testing.T, site string) *signInSite {
	t.Helper()
	certificate, err := json.Marshal(string(samltest.Keys().IdP.PEM()))
	if err != nil {
		t.Fatal(err)
	}
	made := eventually(t, http.StatusCreated, "POST", site+orgPath+"/IdentityProviders", fmt.Sprintf(
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],"displayName":"test",
		"jit":{"enabled":true},"groupSync":{"mode":"full"},
		"idp":{"entityId":%q,"ssoUrl":"https://idp.example.com/sso","certificates":[{"pem":%s}]}}`,
		samltest.IdP, certificate))
	sp := gjson.Get(made, "sp")
	return &signInSite{t: t, site: site, login: sp.Get("loginUrl").String(), acs: sp.Get("acsUrl").String(),
		entity: sp.Get("entityId").String()}
}

// direct follows no redirect.
var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// form begins a sign-in and returns the answer of the identity provider to it.
func (s *signInSite) form(nameID string, groups int) string {
	s.t.Helper()
	r, err := direct.Get(s.login)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Body.Close()
	u, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		s.t.Fatal(err)
	}
	deflated, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		s.t.Fatal(err)
	}
	_, id, _ := strings.Cut(string(request), ` ID="`)
	id, _, _ = strings.Cut(id, `"`)

	// The fixture, with what is ours, about this person, now.
	m, now := samltest.NewMessage(), time.Now().UTC()
	m.Attributes = samltest.Groups(groups)
	text := m.Response()
	for old, with := range map[string]string{samltest.ACS: s.acs, samltest.EntityID: s.entity, samltest.Request: id,
		samltest.NameID + "</saml:NameID>": nameID + "</saml:NameID>", "_assert1": "_a" + nameID} {
		text = strings.ReplaceAll(text, old, with)
	}
	for _, d := range []time.Duration{-5 * time.Second, 5 * time.Minute, -time.Minute, 10 * time.Minute,
		8 * time.Hour} {
		text = strings.ReplaceAll(text, samltest.At(d), now.Add(d).Format("2006-01-02T15:04:05Z"))
	}
	signed := samltest.Sign(s.t, text, "Assertion", samltest.Signing{})
	return url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(signed))}}.Encode()
}

// post posts an answer and returns the status; 0 if there was none.
func (s *signInSite) post(form string) int {
	r, err := direct.Post(s.acs, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		return 0
	}
	r.Body.Close()
	return r.StatusCode
}

// found counts what a filter finds.
func (s *signInSite) found(endpoint, filter string) int64 {
	s.t.Helper()
	query := "?count=1&filter=" + url.QueryEscape(filter)
	body := eventually(s.t, http.StatusOK, "GET", s.site+orgPath+"/"+endpoint+query, "")
	return gjson.Get(body, "totalResults").Int()
}

// TestSignInOnCluster: on three etcd members as they come, a person in 3,000 groups signs in by one transaction, and a
// majority that is lost during sign-ins leaves none of them half done.
func TestSignInOnCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four processes")
	}
	etcd := startEtcd(t, 3, "http")
	_, site := etcd.node("--rate-limit", "0", "--work-limit", "0")
	s := newSignInSite(t, site)

	// 3,000 groups.
	const groups, each = 3000, 500
	for from := 0; from < groups; from += each {
		var operations []string
		for i := from; i < from+each; i++ {
			operations = append(operations, fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":"g%d","data":{`+
				`"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Group number %d"}}`, i, i))
		}
		eventually(t, http.StatusOK, "POST", site+orgPath+"/Bulk",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
				strings.Join(operations, ",")+`]}`)
	}
	if status := s.post(s.form("ann", groups)); status != http.StatusSeeOther {
		t.Fatalf("sign-in with %d groups: %d", groups, status)
	}
	users := eventually(t, http.StatusOK, "GET", site+orgPath+"/Users?filter="+url.QueryEscape(`userName eq "ann"`), "")
	ann := gjson.Get(users, "Resources.0.id").String()
	if n := s.found("Groups", fmt.Sprintf("members.value eq %q", ann)); n != groups {
		t.Errorf("in %d groups", n)
	}
	signIns := site + orgPath + "/SignIns?filter=" + url.QueryEscape(`nameId eq "ann"`)
	record := eventually(t, http.StatusOK, "GET", signIns, "")
	if n := len(gjson.Get(record, "Resources.0.groups.added").Array()); n != groups {
		t.Errorf("the record lists %d groups", n)
	}
	if status := s.post(s.form("ann2", groups)); status != http.StatusSeeOther { // a second person, all the same
		t.Errorf("a second person: %d", status)
	}

	// The majority goes while people sign in.
	const people = 40
	name := func(i int) string { return fmt.Sprintf("p%d", i) }
	forms, statuses := make([]string, people), make([]int, people)
	for i := range people {
		forms[i] = s.form(name(i), 5)
	}
	var landed atomic.Int64
	gone := make(chan struct{})
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			if i >= people/2 {
				<-gone // some come afterwards
			}
			statuses[i] = s.post(forms[i])
			if landed.Add(1) == people/8 {
				etcd.kill(0)
				etcd.kill(1)
				close(gone)
			}
		})
	}
	all.Wait()
	etcd.start(0)
	etcd.start(1)
	eventually(t, http.StatusOK, "GET", site+"/readyz", "")
	done, refused := 0, 0
	for i, status := range statuses {
		made := s.found("Users", fmt.Sprintf("userName eq %q", name(i)))
		recorded := s.found("SignIns", fmt.Sprintf("nameId eq %q", name(i)))
		if made != recorded || made > 1 || status == http.StatusSeeOther && made != 1 {
			t.Errorf("%s was answered %d: %d Users, %d records", name(i), status, made, recorded)
		}
		again := s.post(forms[i])
		if want := map[int64]int{0: http.StatusSeeOther, 1: http.StatusForbidden}[made]; again != want {
			t.Errorf("%s once more: %d, want %d", name(i), again, want)
		}
		if made == 1 {
			done++
		} else {
			refused++
		}
	}
	if done == 0 || refused == 0 {
		t.Errorf("%d sign-ins were done, %d were not: nothing happened meanwhile", done, refused)
	}
}
