package scimapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// BenchmarkMemberships compares pages of 1,000 memberships of a group of 200,000 with a page of 1,000 Users in no group,
// and a POST of a membership with a PATCH that adds a member, turn by turn in one run.
func BenchmarkMemberships(b *testing.B) {
	s := newBench(b)
	s.users(b, 0, 1000)
	members := s.users(b, 1000, 200_000)
	group := s.groupOf(b, members)
	newcomers := s.users(b, 201_000, 20_000)
	filter := "&filter=" + url.QueryEscape(`group.value eq "`+group+`"`)

	b.Run("page", func(b *testing.B) {
		first := s.get(b, "/GroupMemberships?count=1000&cursor="+filter)
		next := "/GroupMemberships?count=1000&cursor=" + url.QueryEscape(first["nextCursor"].(string)) + filter
		paths := []string{"/Users?count=1000", next, "/GroupMemberships?count=1000" + filter,
			"/GroupMemberships?count=1000&startIndex=100001" + filter}
		took := make([]time.Duration, len(paths))
		for b.Loop() {
			for i, path := range paths {
				took[i] += s.call(b, 200, "GET", path, "")
			}
		}
		b.ReportMetric(float64(took[0].Microseconds())/float64(b.N), "users-µs")
		for i, name := range []string{"", "next/users", "first/users", "index100001/users"} {
			if i > 0 {
				b.ReportMetric(float64(took[i])/float64(took[0]), name)
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		var post, patched time.Duration
		n := 0
		for b.Loop() {
			if n+2 > len(newcomers) {
				b.Fatal("too few Users")
			}
			body, err := json.Marshal(membership(group, newcomers[n].String()))
			if err != nil {
				b.Fatal(err)
			}
			post += s.call(b, 201, "POST", "/GroupMemberships", string(body))
			patched += s.call(b, 204, "PATCH", "/Groups/"+group,
				string(mustMarshal(b, patch(`{"op":"add","path":"members","value":[{"value":"`+newcomers[n+1].String()+`"}]}`))))
			n += 2
		}
		b.ReportMetric(float64(patched.Microseconds())/float64(b.N), "patch-µs")
		b.ReportMetric(float64(post)/float64(patched), "post/patch")
	})
}

// groupOf makes a Group with the members.
func (s *bench) groupOf(b *testing.B, members []directory.ID) string {
	b.Helper()
	d := s.store.Organization("default")
	var g *directory.Resource
	if _, err := d.Update(b.Context(), func(tx *directory.Tx) (err error) {
		g, err = tx.Create("Group", schema.Document{"displayName": "all"})
		return err
	}); err != nil {
		b.Fatal(err)
	}
	for n := 0; n < len(members); n += 5000 {
		if _, err := d.Update(b.Context(), func(tx *directory.Tx) error {
			return tx.AddMembers(g, members[n:min(n+5000, len(members))])
		}); err != nil {
			b.Fatal(err)
		}
	}
	return g.ID.String()
}

// get returns the body of a reply.
func (s *bench) get(b *testing.B, path string) (body map[string]any) {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "/orgs/default/scim/v2"+path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+s.c.token)
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
		b.Fatal(w.Code, err, strings.TrimSpace(fmt.Sprintf("%.500s", w.Body)))
	}
	return body
}

func mustMarshal(b *testing.B, v any) []byte {
	b.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	return text
}
