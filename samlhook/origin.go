package samlhook

import (
	"maps"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// The document of a User shows its links, in the Origin extension; the directory has them.

// Who linked a NameID (Origin.links.linkedBy).
const (
	linkedBySignIn = "sign-in"
	linkedByClaim  = "claim"
	linkedByHand   = "administrator"
)

// shownLink is a new link as a document has it.
func shownLink(l directory.Link, by string, at time.Time) map[string]any {
	link := map[string]any{"connection": l.Connection.String(), "nameId": l.NameID,
		"linkedAt": schema.FormatTime(at), "linkedBy": by}
	putText(link, "nameIdFormat", l.Format)
	putText(link, "nameQualifier", l.NameQualifier)
	putText(link, "spNameQualifier", l.SPNameQualifier)
	return link
}

// showLink puts a link into the document of its User, in place of one of the same name. A nil link takes it away.
func showLink(doc schema.Document, l directory.Link, shown map[string]any) {
	origin, _ := doc[schema.OriginURN].(map[string]any)
	origin = maps.Clone(origin)
	if origin == nil {
		origin = map[string]any{}
	}
	var links []any
	list, _ := origin["links"].([]any)
	for _, e := range list {
		if !showsLink(e, l) {
			links = append(links, e)
		}
	}
	if shown != nil {
		links = append(links, shown)
	}
	if origin["links"] = links; len(links) == 0 {
		delete(origin, "links")
	}
	doc[schema.OriginURN] = origin
}

// showsLink reports whether an element of Origin.links is that of the link.
func showsLink(element any, l directory.Link) bool {
	e, _ := element.(map[string]any)
	text := func(name string) string { s, _ := e[name].(string); return s }
	if text("connection") != l.Connection.String() || text("nameId") != l.NameID {
		return false
	}
	if l.Name == "" && l.Format == "" { // of a store from before formats were kept
		return true
	}
	return linkName(l.NameID, text("nameIdFormat"), text("nameQualifier"), text("spNameQualifier")) == l.Named()
}

// linkShown is how the document shows the link; nil if it does not.
func linkShown(doc schema.Document, l directory.Link) map[string]any {
	origin, _ := doc[schema.OriginURN].(map[string]any)
	list, _ := origin["links"].([]any)
	for _, e := range list {
		if showsLink(e, l) {
			shown, _ := e.(map[string]any)
			return maps.Clone(shown)
		}
	}
	return nil
}
