package scimapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Hook adds what a resource type needs beyond its schema. Every part may be nil.
type Hook struct {
	// Prepare checks and completes doc before it is stored under id; old is nil for a new resource. It runs inside the
	// change, possibly more than once, so it must be pure: it depends on its arguments only, and may use tx to read and
	// write more. It gets what comes from elsewhere, or takes long, from resolved.
	Prepare func(tx *directory.Tx, id directory.ID, old *directory.Resource, doc schema.Document,
		resolved Resolved) error
	// Copies names attributes that Prepare fills in from others: a PATCH that names the other one, even with the value
	// that it has, takes the copy away, so that Prepare makes it anew.
	Copies map[string]string
	// Resolve gets what Prepare asked for. It runs outside the change, once for each need of a request; then the change
	// runs again. Its error goes to Prepare, which knows how to report it.
	Resolve func(ctx context.Context, need any) (any, error)
	// Render adds derived attributes to the body of a reply.
	Render func(s *directory.Snapshot, r *directory.Resource, body map[string]any)
	// Language is the language in which Explain writes for whoever sent the request; the reply names it
	// (Content-Language). It is there if Explain is.
	Language func(r *http.Request) string
	// Explain adds to the body of a reply texts in a language.
	Explain func(language string, body map[string]any)
	// Pend keeps a change of a PATCH with ?pending=true beside what is in force, if it returns true; else the change is
	// made at once. doc is what Base returned, changed and prepared. Nil means that the type has no pending changes.
	Pend func(tx *directory.Tx, old *directory.Resource, doc schema.Document) (bool, error)
	// Base is the document that a pending change builds on.
	Base func(tx *directory.Tx, old *directory.Resource) (schema.Document, error)
	// Grants reports whether sign-in through the connection makes people members of the Group.
	Grants func(s *directory.Snapshot, connection *directory.Resource, group directory.ID) bool
	// Actions are served at POST {endpoint}/{id}/{name}; their names start with a dot (".dryRun"). When an action is
	// called, the resource exists and d acts for the caller. An action that returns an error must not have written to
	// w.
	Actions map[string]Action
	// Inquiries names the actions that change nothing. A credential that is read-only may call them, too; each decides
	// by itself who may.
	Inquiries []string
}

// Action does something with a resource that SCIM has no method for.
type Action = func(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error

// Resolved returns what Hook.Resolve returned for a need, which must be comparable. If Resolve has not been called for
// it yet, the error is one that Prepare must return.
type Resolved = func(need any) (any, error)

// maxNeeds bounds how often a change runs again because it needs something more.
const maxNeeds = 8

// need is what the hook of a type has to resolve.
type need struct {
	typ  string
	what any
}

// resolution is what Hook.Resolve returned for a need.
type resolution struct {
	value any
	err   error
}

// unresolved ends the run of a change that needs something. The client sees it only if a change keeps asking for
// something else.
type unresolved struct{ need }

func (u *unresolved) Error() string { return fmt.Sprintf("%s needs %v", u.typ, u.what) }

func (u *unresolved) Unwrap() error {
	return &directory.Error{Kind: directory.Busy, Detail: "what the change depends on keeps changing; try again"}
}

// prepare runs the type's hook on a document before it is stored.
func (c *change) prepare(tx *directory.Tx, old *directory.Resource, doc schema.Document) error {
	hook := c.x.o.Hooks[c.t.Kind()].Prepare
	if hook == nil {
		return nil
	}
	return hook(tx, c.id, old, doc, func(what any) (any, error) {
		n := need{c.t.Kind(), what}
		if got, ok := c.x.resolved[n]; ok {
			return got.value, got.err
		}
		return nil, &unresolved{n}
	})
}

// restate takes away the copies of what the PATCH names, and reports whether there were any.
func (c *change) restate(doc schema.Document) (changed bool) {
	for source, copied := range c.x.o.Hooks[c.t.Kind()].Copies {
		s, copyOf := c.t.Lookup(source), c.t.Lookup(copied)
		if s == nil || copyOf == nil || doc[source] == nil || doc[copied] == nil || !c.patch.Specifies(s) ||
			c.patch.Specifies(copyOf) {
			continue
		}
		delete(doc, copied)
		changed = true
	}
	return changed
}

// pending reports whether the request asks for a change that is kept beside what is in force. Only PATCH has such, of
// types that have a hook for it.
func (c *change) pending() (bool, error) {
	if c.x.r.URL.Query().Get("pending") != "true" {
		return false, nil
	}
	if c.method != http.MethodPatch || c.x.o.Hooks[c.t.Kind()].Pend == nil {
		return false, fail(http.StatusBadRequest, schema.InvalidValue,
			"pending: only a PATCH of an IdentityProvider can be pending")
	}
	return true, nil
}

// keep is the change of a PATCH that is to be pending, with the document that it leads to.
func (c *change) keep(tx *directory.Tx, old *directory.Resource, doc schema.Document) error {
	kept, err := c.x.o.Hooks[c.t.Kind()].Pend(tx, old, doc)
	if err != nil || kept {
		return err
	}
	_, err = tx.Replace(old, doc)
	return err
}

// update runs one change and resolves what its hook needs.
func (x *exchange) update(ctx context.Context, d *directory.Directory,
	change func(*directory.Tx) error) (*directory.Snapshot, error) {
	for range maxNeeds {
		s, err := d.Update(ctx, change)
		if !x.resolve(ctx, err) {
			return s, err
		}
	}
	return d.Update(ctx, change)
}

// resolve gets what the change that failed with err needs. It returns false if the change failed for another reason.
func (x *exchange) resolve(ctx context.Context, err error) bool {
	u, ok := errors.AsType[*unresolved](err)
	if !ok {
		return false
	}
	if x.resolved == nil {
		x.resolved = map[need]resolution{}
	}
	if _, ok := x.resolved[u.need]; !ok {
		value, err := x.o.Hooks[u.typ].Resolve(ctx, u.what)
		x.resolved[u.need] = resolution{value, err}
	}
	return true
}
