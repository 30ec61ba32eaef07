package samlhook

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// A record names every obstacle, the first as its reason.
func TestObstacles(t *testing.T) {
	s := newSite(t)
	inactive := s.createUser(schema.Document{"userName": "ina", "active": false,
		"roles": []any{map[string]any{"value": "administrator"}}})
	lacks := func(m string) string {
		from := strings.Index(m, `<saml:Attribute Name="lastName"`)
		to := from + strings.Index(m[from:], "</saml:Attribute>") + len("</saml:Attribute>")
		return m[:from] + m[to:]
	}
	for _, c := range []struct {
		name, nameID string
		settings     schema.Document
		edit         func(string) string
		status       int
		want         []saml.Reason
	}{
		{"JIT is off, and lastName is missing", "nobody", nil, lacks, http.StatusForbidden,
			[]saml.Reason{ReasonJITDisabled, saml.ReasonMissingAttribute}},
		{"roles, and inactive", "ina", nil, nil, http.StatusForbidden,
			[]saml.Reason{ReasonPrivilegedUser, ReasonUserInactive}},
		{"for another service and address, and JIT is off", "nobody", nil, func(m string) string {
			m = strings.ReplaceAll(m, "<saml:Audience>", "<saml:Audience>https://other.example.com/")
			return strings.ReplaceAll(m, `Recipient="`, `Recipient="https://other.example.com/`)
		}, http.StatusBadRequest, []saml.Reason{saml.ReasonAudience, saml.ReasonRecipient, ReasonJITDisabled}},
		{"one obstacle", "nobody", nil, nil, http.StatusForbidden, []saml.Reason{ReasonJITDisabled}},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection := s.own(c.settings)
			defer s.remove(schema.IdentityProviderType, connection)
			b := s.browser()
			form := s.forged(connection, s.request(b, connection), c.nameID, "_"+directory.NewID().String(), c.edit)
			wantStatus(t, b.step(s.acsURL(connection), form), c.status)
			record := s.lastSignIn(OutcomeRefused, c.want[0])
			var got []saml.Reason
			for _, o := range gjson.GetBytes(record.JSON, "obstacles").Array() {
				got = append(got, saml.Reason(o.Get("reason").String()))
				if !strings.Contains(record.Text("explanation"), o.Get("explanation").String()) {
					t.Errorf("the explanation lacks %s: %s", o, record.Text("explanation"))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("obstacles %v, want %v: %s", got, c.want, record.JSON)
			}
			if len(gjson.GetBytes(record.JSON, "received").Array()) == 0 {
				t.Errorf("the record does not say what was received: %s", record.JSON)
			}
		})
	}
	if len(s.users("nobody")) != 0 || directory.Active(s.users("ina")[0].JSON) || inactive.IsZero() {
		t.Error("a refusal changed the directory")
	}
}

// Obstacles that no message of a test has together.
func TestDecisionObstacles(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	user := s.createUser(schema.Document{"userName": "ann", "active": false,
		"roles": []any{map[string]any{"value": "administrator"}}})
	s.update(func(tx *directory.Tx) error {
		r, err := tx.Get(schema.UserType, user)
		if err != nil {
			return err
		}
		doc, err := schema.User().Decode(r.JSON)
		if err != nil {
			return err
		}
		doc[schema.OriginURN] = map[string]any{"source": "scim", "links": []any{
			map[string]any{"connection": connection.String(), "nameId": "another"}}}
		if _, err := tx.Replace(r, doc); err != nil {
			return err
		}
		tx.PutLink(directory.Link{Connection: connection, User: user, NameID: "another"})
		return nil
	})
	r, err := s.snapshot().Get(schema.IdentityProviderType, connection)
	if err != nil {
		t.Fatal(err)
	}
	all, err := decisionObstacles(s.snapshot(), ReadSettings(r), saml.Identity{NameID: "ann", UserName: "ann"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var got []saml.Reason
	for _, o := range all {
		got = append(got, o.Reason)
	}
	if want := []saml.Reason{ReasonLinkedElsewhere, ReasonPrivilegedUser, ReasonUserInactive}; !slices.Equal(got, want) {
		t.Errorf("obstacles %v, want %v", got, want)
	}
}

// An attribute that came without a value is called empty.
func TestEmptyValues(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", func(m string) string {
		from := strings.Index(m, `<saml:Attribute Name="firstName"`)
		value := from + strings.Index(m[from:], "<saml:AttributeValue")
		value += strings.Index(m[value:], ">") + 1
		return m[:value] + m[value+strings.Index(m[value:], "</saml:AttributeValue>"):]
	})
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	record := s.lastSignIn(OutcomeRefused, saml.ReasonMissingAttribute)
	for _, want := range []string{"lacks firstName;", "Received: ",
		"For firstName, received `firstName`, but without a visible character, so it is empty"} {
		if !strings.Contains(record.Text("explanation"), want) {
			t.Errorf("the explanation lacks %q: %s", want, record.Text("explanation"))
		}
	}
	if !strings.Contains(record.Text("explanation"), `firstName=""`) || record.Text("empty.0") != "firstName" {
		t.Errorf("not called empty: %s", record.JSON)
	}
}
