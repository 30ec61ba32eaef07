package samlhook

import (
	"maps"
	"net/http"
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// A pending change is kept as the connection's draft. A test sign-in is judged by it, and the first that passes puts it
// in force.

// atOnce are the attributes that are never pending: they decide nothing about how a message is read, or must not wait.
var atOnce = []string{"displayName", "enabled", "default", "domains", "jit", "groupSync", "linkBy", "linkPrivileged",
	"keyRollover"}

// Base is the document that a pending change builds on: the draft, if it is not stale.
func (h *Hook) Base(tx *directory.Tx, old *directory.Resource) (schema.Document, error) {
	d, err := tx.Snapshot().Draft(old)
	if err != nil {
		return nil, err
	}
	if d != nil && !d.Stale {
		return d.Document, nil
	}
	return schema.IdentityProvider().Decode(old.JSON)
}

// Pend keeps a prepared document as the connection's draft. It reports false for a connection through which nobody can
// sign in, which is changed at once. Error: *schema.Error for a change that is never pending.
func (h *Hook) Pend(tx *directory.Tx, old *directory.Resource, doc schema.Document) (bool, error) {
	s := tx.Snapshot()
	l, err := h.load(s, s.Organization().Text("name"), old)
	if err != nil {
		return false, err
	}
	if h.failing(l) != "" {
		return false, nil
	}
	changed, err := changedAttributes(old, doc)
	if err != nil {
		return false, err
	}
	for _, name := range changed {
		if slices.Contains(atOnce, name) {
			return false, wrong(name, "is never pending; change it without pending=true")
		}
	}
	return true, tx.PutDraft(old, doc)
}

// changedAttributes are those in which a document differs from the connection.
func changedAttributes(connection *directory.Resource, doc schema.Document) ([]string, error) {
	before, err := schema.IdentityProvider().Decode(connection.JSON)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(before)
	maps.Copy(all, doc)
	var names []string
	for _, name := range sortedKeys(all) {
		if name != "id" && name != "schemas" && !schema.EqualValues(before[name], doc[name]) {
			names = append(names, name)
		}
	}
	return names, nil
}

// renderDraft is how a connection shows its draft; nil if it has none.
func (h *Hook) renderDraft(s *directory.Snapshot, r *directory.Resource) map[string]any {
	d, err := s.Draft(r)
	if err != nil || d == nil {
		return nil
	}
	shown := map[string]any{"at": d.At, "version": d.Version}
	if names, err := changedAttributes(r, d.Document); err == nil {
		putTexts(shown, "attributes", names)
	}
	if d.Stale {
		shown["stale"] = true
	}
	return shown
}

// drafted is the connection as its draft has it; empty version if there is none to judge by.
func (h *Hook) drafted(s *directory.Snapshot, organization string, connection *directory.Resource) (l *loaded,
	version string, err error) {
	d, err := s.Draft(connection)
	if err != nil || d == nil || d.Stale {
		return nil, "", err
	}
	next := *connection
	if next.JSON, err = schema.IdentityProvider().Encode(d.Document); err != nil {
		return nil, "", err
	}
	l, err = h.parse(s, organization, &next)
	return l, d.Version, err
}

// byDraft lets a test be judged by the connection's draft, if it has one.
func (a *attempt) byDraft(s *directory.Snapshot, connection *directory.Resource) error {
	l, version, err := a.drafted(s, a.org, connection)
	if err != nil {
		return err
	}
	if a.trial.draft = version; version != "" {
		a.loaded = l
	}
	return nil
}

// tested is the connection as a test sign-in uses it.
func (x *exchange) tested(l *loaded) (*loaded, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	connection, err := s.Get(schema.IdentityProviderType, x.connection)
	if err != nil {
		return nil, err
	}
	drafted, version, err := x.drafted(s, x.org, connection)
	if err != nil || version == "" {
		return l, err
	}
	return drafted, nil
}

// discardPending serves POST /IdentityProviders/{id}/.discardPending. It needs the scope admin.
func (h *Hook) discardPending(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if err := administers(d); err != nil {
		return err
	}
	if _, err := d.Update(r.Context(), func(tx *directory.Tx) error {
		connection, err := tx.Get(schema.IdentityProviderType, id)
		if err != nil {
			return err
		}
		return tx.DropDraft(connection)
	}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
