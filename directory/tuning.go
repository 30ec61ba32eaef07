package directory

import (
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// Who may tune a connection and not administer changes how people of it come in, never who somebody is or what they
// are given.

// MayPut checks, before anything that costs is done for it, that the actor may give the IdentityProvider the document;
// old is nil for a new one. Create and Replace check it again. Error: Forbidden.
func (tx *Tx) MayPut(old *Resource, next schema.Document) error {
	if err := tx.snap.MayWrite(schema.IdentityProviderType); err != nil {
		return err
	}
	if tx.dir.actor.Rights.Has(administer) {
		return nil
	}
	if old == nil {
		return errAdministers()
	}
	before, err := schema.IdentityProvider().Decode(old.JSON)
	if err != nil {
		return err
	}
	if attr := tunesOnly(before, next); attr != "" {
		return errorf(Forbidden, attr, "only a credential with the scope admin may change it")
	}
	return tx.tunesGroups(before, next)
}

// MayAdminister returns nil if the actor may do everything in the organization; else Forbidden.
func (tx *Tx) MayAdminister() error {
	if tx.dir.actor.Rights.Has(administer) {
		return nil
	}
	return errorf(Forbidden, "", "only a credential with the scope admin may do this")
}

func errAdministers() error {
	return errorf(Forbidden, "", "only a credential with the scope admin may create and delete IdentityProviders")
}

// tunesOnly names an attribute that differs and is more than tuning; "" if there is none.
func tunesOnly(before, next schema.Document) string {
	a, b := untuned(before), untuned(next)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !schema.EqualValues(a[name], b[name]) {
			return name
		}
	}
	return ""
}

// untuned is the document without what tuning changes.
func untuned(doc schema.Document) schema.Document {
	rest := maps.Clone(doc)
	for _, name := range []string{"displayName", "id", "sp", "health", "held", "pending"} { // the last are the server's
		delete(rest, name)
	}
	if jit, ok := rest["jit"].(map[string]any); ok {
		jit = maps.Clone(jit)
		for _, name := range []string{"enabled", "update", "defaultGroups"} {
			delete(jit, name)
		}
		if rest["jit"] = jit; len(jit) == 0 {
			delete(rest, "jit")
		}
	}
	return rest
}

// tunesGroups refuses new default groups of which membership means more, to switch just-in-time creation on where there
// are such, and to switch it where the identity provider may put people into such groups.
func (tx *Tx) tunesGroups(before, next schema.Document) error {
	if createsUsers(next) != createsUsers(before) && syncsPrivileged(next) {
		return errorf(Forbidden, "jit.enabled", "only a credential with the scope admin may change it for a connection "+
			"that gives privileged groups (groupSync.allowPrivileged)")
	}
	had, has := defaultGroups(before), defaultGroups(next)
	for _, id := range has {
		if slices.Contains(had, id) && !(createsUsers(next) && !createsUsers(before)) {
			continue
		}
		if tx.snap.PrivilegedGroup(id) {
			return errorf(Forbidden, "jit.defaultGroups", "only a credential with the scope admin may have sign-in add "+
				"people to the group %s, which is protected or has roles, or is in such a group", id)
		}
		if g := tx.record(schema.GroupType, id); g != nil {
			tx.GuardPrivileges(&g.Resource)
		}
	}
	return nil
}

func createsUsers(connection schema.Document) bool {
	jit, _ := connection["jit"].(map[string]any)
	enabled, _ := jit["enabled"].(bool)
	return enabled
}

// syncsPrivileged reports whether the identity provider may put people into groups of which membership means more.
func syncsPrivileged(connection schema.Document) bool {
	sync, _ := connection["groupSync"].(map[string]any)
	mode, _ := sync["mode"].(string)
	allowed, _ := sync["allowPrivileged"].([]any)
	return (mode == "add" || mode == "full") && len(allowed) > 0
}

func defaultGroups(connection schema.Document) (ids []ID) {
	jit, _ := connection["jit"].(map[string]any)
	list, _ := jit["defaultGroups"].([]any)
	for _, e := range list {
		if id, ok := ParseID(valueOf(e)); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
