package samlhook

import (
	"maps"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// What sign-in writes of a User, by attribute path. userName is not among them: it finds the person, and renaming is
// for the administrator.
const (
	pathGivenName   = "name.givenName"
	pathFamilyName  = "name.familyName"
	pathFormatted   = "name.formatted"
	pathDisplayName = "displayName"
	pathExternalID  = "externalId"
	pathEmail       = "emails"
)

// writer makes the documents and links of Users from an identity.
type writer struct {
	settings Settings
	identity saml.Identity
	now      time.Time
}

// shown is a link that sign-in makes, as the User's document has it.
func (w *writer) shown(l directory.Link) map[string]any { return shownLink(l, linkedBySignIn, w.now) }

// asserted is what the identity has for each path; what it lacks is left out.
func (w *writer) asserted() map[string]string {
	id := w.identity
	values := map[string]string{
		pathGivenName: id.GivenName, pathFamilyName: id.FamilyName, pathDisplayName: id.DisplayName,
		pathExternalID: id.ExternalID, pathEmail: id.Email,
	}
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	return values
}

// derived is what follows from the asserted names, for a document that has them. If it has others, there is nothing:
// "Bob Baker" beside a givenName "Robert" would be nobody's name.
func (w *writer) derived(doc schema.Document) map[string]string {
	id := w.identity
	name, _ := doc["name"].(map[string]any)
	if id.GivenName == "" || id.FamilyName == "" ||
		name["givenName"] != id.GivenName || name["familyName"] != id.FamilyName {
		return nil
	}
	formatted := id.GivenName + " " + id.FamilyName
	values := map[string]string{pathFormatted: formatted}
	if id.DisplayName == "" {
		values[pathDisplayName] = formatted
	}
	return values
}

// create makes the document of a new User and its link.
func (w *writer) create() (schema.Document, *directory.Link) {
	doc := schema.Document{"userName": w.identity.UserName, "active": true}
	wrote := map[string]string{}
	write := func(values map[string]string) {
		for path, value := range values {
			set(doc, path, "", value)
		}
		maps.Copy(wrote, values)
	}
	write(w.asserted())
	write(w.derived(doc))
	if doc[pathDisplayName] == nil {
		doc[pathDisplayName] = w.identity.UserName
	}
	doc[schema.OriginURN] = map[string]any{
		"source": "jit",
		"by": map[string]any{"type": schema.IdentityProviderType, "value": w.settings.ID.String(),
			"display": w.settings.Name},
		"links": []any{w.shown(newLink(w.settings.ID, w.identity))},
	}
	link := newLink(w.settings.ID, w.identity)
	link.Wrote = wrote
	return doc, &link
}

// update returns the document and the link that change; nil for what does not. An attribute is changed only while the
// document still has what sign-in last wrote, or nothing: what a SCIM client or an administrator set stays.
func (w *writer) update(user *directory.Resource, link *directory.Link) (schema.Document, *directory.Link, error) {
	doc, err := schema.User().Decode(user.JSON)
	if err != nil {
		return nil, nil, err
	}
	changed := link == nil
	next := newLink(w.settings.ID, w.identity)
	if link != nil {
		next = *link
	} else {
		next.User = user.ID
		showLink(doc, next, w.shown(next))
	}
	wrote := map[string]string{}
	maps.Copy(wrote, next.Wrote)
	next.Wrote = wrote

	// What follows from the names comes after them.
	write := func(values map[string]string) {
		for path, value := range values {
			if w.settings.updates(path) && set(doc, path, next.Wrote[path], value) {
				next.Wrote[path] = value
				changed = true
			}
		}
	}
	write(w.asserted())
	write(w.derived(doc))
	if !changed {
		return nil, nil, nil
	}
	return doc, &next, nil
}

// set sets a value where the document has none or still has what was written last. It reports whether it changed the
// document.
func set(doc schema.Document, path, wrote, value string) bool {
	switch path {
	case pathEmail:
		return setEmail(doc, wrote, value)
	case pathGivenName, pathFamilyName, pathFormatted:
		name, _ := doc["name"].(map[string]any)
		name = maps.Clone(name)
		if name == nil {
			name = map[string]any{}
		}
		if !replaceText(name, path[len("name."):], wrote, value) {
			return false
		}
		doc["name"] = name
		return true
	}
	return replaceText(doc, path, wrote, value)
}

// replaceText is set for one text.
func replaceText(in map[string]any, name, wrote, value string) bool {
	held, _ := in[name].(string)
	if held == value || (held != "" && held != wrote) {
		return false
	}
	in[name] = value
	return true
}

// setEmail is set for the one address that sign-in writes: the primary work address of a User who had none.
func setEmail(doc schema.Document, wrote, value string) bool {
	list, _ := doc[pathEmail].([]any)
	if len(list) == 0 {
		doc[pathEmail] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
		return true
	}

	// The first one that sign-in wrote; nothing if the User has the value already.
	at := -1
	for i, e := range list {
		email, _ := e.(map[string]any)
		switch held, _ := email["value"].(string); {
		case held == value:
			return false
		case held != "" && held == wrote && at < 0:
			at = i
		}
	}
	if at < 0 {
		return false
	}
	next := append([]any{}, list...)
	email := maps.Clone(next[at].(map[string]any))
	email["value"] = value
	next[at] = email
	doc[pathEmail] = next
	return true
}
