package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// What a node holds is bounded by its bytes, not only by its number; a later decision on the same resource takes the
// place of the one before it, also when there is no room for another.
func TestHeldIsBounded(t *testing.T) {
	var h held
	large := make([]byte, MaxDocument)
	first := NewID()
	n := 0
	for id := first; h.decide(state.System, decision{id: id, document: large}); id = NewID() {
		if n++; n*len(large) > maxDecisionBytes {
			t.Fatalf("%d MiB are held", n)
		}
	}
	if n != maxDecisionBytes/len(large) || h.count.Load() != int64(n) {
		t.Errorf("%d decisions are held, counted as %d", n, h.count.Load())
	}
	if !h.decide(state.System, decision{id: first, document: large[:1]}) || h.count.Load() != int64(n) {
		t.Error("a later decision on the same resource was not held")
	}
	h.forget(state.ScopedID{Scope: state.System, ID: first}, decision{document: large[:1]})
	if !h.decide(state.System, decision{id: NewID(), document: large}) {
		t.Error("what was written still counts")
	}
}

// Whatever either document withdraws is withdrawn, and nothing else.
func TestHeldWithdrawal(t *testing.T) {
	for _, c := range []struct{ name, into, by, want string }{
		{"nothing", `{"userName":"u","n":1}`, `{"userName":"v"}`, `{"n":1,"userName":"u"}`},
		{"off before", `{"active":true}`, `{"active":false}`, `{"active":false}`},
		{"off now", `{"active":false}`, `{"active":true}`, `{"active":false}`},
		{"disabled", `{}`, `{"enabled":false}`, `{"enabled":false}`},
		{"roles of both", `{"roles":[{"value":"a","primary":true},{"value":"b"}]}`, `{"roles":[{"value":"c"},{"value":"a"}]}`,
			`{"roles":[{"primary":true,"value":"a"}]}`},
		{"no role in both", `{"roles":[{"value":"a"}]}`, `{"roles":[{"value":"b"}]}`, `{}`},
		{"no roles any more", `{"roles":[{"value":"a"}]}`, `{}`, `{}`},
		{"no role comes back", `{}`, `{"roles":[{"value":"a"}]}`, `{}`},
		{"scopes of both", `{"scopes":["read","write"]}`, `{"scopes":["write","admin"]}`, `{"scopes":["write"]}`},
		{"no scope in both", `{"scopes":["read"],"expiresAt":"2030-01-01T00:00:00Z"}`, `{"scopes":["write"]}`,
			`{"expiresAt":"1970-01-01T00:00:00.000Z","scopes":["read"]}`},
		{"ended sooner before", `{"expiresAt":"2030-01-01T00:00:00Z"}`, `{"expiresAt":"2029-01-01T00:00:00Z"}`,
			`{"expiresAt":"2029-01-01T00:00:00Z"}`},
		{"ends sooner now", `{"expiresAt":"2028-01-01T00:00:00Z"}`, `{"expiresAt":"2029-01-01T00:00:00Z"}`,
			`{"expiresAt":"2028-01-01T00:00:00Z"}`},
	} {
		into, _ := parse([]byte(c.into))
		by, _ := parse([]byte(c.by))
		withdraw(into, by)
		if got, _ := json.Marshal(into); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A second decision on a resource does not undo the first, and what was written of the first alone does not drop both.
func TestHeldTwice(t *testing.T) {
	var h held
	id := NewID()
	key := state.ScopedID{Scope: state.System, ID: id}
	by := func(rights Rights, name, document string) decision {
		return decision{dir: &Directory{actor: Actor{ID: name, Rights: rights}}, id: id, on: 7,
			before: []byte(`{"active":true,"roles":[{"value":"a"}],"userName":"u"}`), document: []byte(document)}
	}
	first := by(ScopeAdmin, "admin", `{"active":true,"userName":"u"}`)
	h.decide(key.Scope, first)
	h.decide(key.Scope, by(ScopeWrite, "client",
		`{"active":false,"roles":[{"value":"a"},{"value":"administrator"}],"userName":"u"}`)) // who may not give it
	h.forget(key, first)
	got, held := h.decisions[key]
	if want := `{"active":false,"userName":"u"}`; !held || string(got.document) != want {
		t.Fatalf("%s, want %s", got.document, want)
	}
	if a := got.dir.actor; a.ID != "admin" || !a.Rights.Has(ScopeAdmin|ScopeWrite) {
		t.Errorf("to be written by %+v", a)
	}
	if h.bytes != got.size() {
		t.Errorf("counted as %d bytes", h.bytes)
	}
	h.forget(key, got)
	if h.any() || h.bytes != 0 {
		t.Error("what was written is held")
	}
}

// Ordinary changes wait for what is held, so only what may pass keeps a decision there.
func TestWhatKeepsADecisionHeld(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{errorf(Unavailable, "", "x"), true},
		{errorf(Busy, "", "x"), true},
		{errorf(Full, "", "x"), true},
		{fmt.Errorf("wrapped: %w", errorf(Full, "", "x")), true},
		{context.Canceled, true},
		{context.DeadlineExceeded, true},
		{errorf(NotFound, "", "x"), false},
		{errorf(Forbidden, "", "x"), false},
		{errorf(Mutability, "", "x"), false},
		{errorf(Exists, "", "x"), false},
		{errorf(Invalid, "", "x"), false},
		{errorf(TooLarge, "", "x"), false},
		{&schema.Error{}, false},
		{errors.New("a stored document does not decode"), false},
		{nil, false},
	} {
		if got := passes(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
