package samlhook

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// What a verified SignIn keeps of the person, so that a dry run can tell later what would become of them. The directory
// keeps it apart, for a time, and shows it to administrators and auditors only.

const (
	maxKeptGroups = 3000
	// maxKeptBytes bounds the groups together, in bytes.
	maxKeptBytes = 256 << 10
	// keptCharacters is how much is kept of an attribute's value.
	keptCharacters = 64
)

// keepIdentity puts what was received into the record.
func (a *attempt) keepIdentity(doc schema.Document) {
	if !a.response.Verified || a.response.Assertion == nil {
		return
	}
	id := a.identity
	kept := map[string]any{}
	for name, value := range map[string]string{
		"nameId": id.NameID, "nameIdFormat": id.NameIDFormat, "userName": id.UserName, "givenName": id.GivenName,
		"familyName": id.FamilyName, "displayName": id.DisplayName, "email": id.Email, "externalId": id.ExternalID,
	} {
		putText(kept, name, value)
	}
	var groups []any
	size := 0
	for _, g := range id.Groups {
		if size += len(g); len(groups) == maxKeptGroups || size > maxKeptBytes {
			break
		}
		groups = append(groups, g)
	}
	if groups != nil {
		kept["groups"] = groups
	}
	for name, is := range map[string]bool{"groupsReceived": id.GroupsReceived, "groupsLinked": id.GroupsLinked} {
		if is {
			kept[name] = true
		}
	}
	if len(kept) > 0 {
		doc["identity"] = kept
	}
	if list := keptAttributes(id.Attributes); list != nil {
		doc["attributes"] = list
	}
}

func keptAttributes(received []saml.ReceivedAttribute) (list []any) {
	for _, r := range received[:min(len(received), maxRecorded)] {
		attribute := map[string]any{"name": saml.Clip(r.Name), "values": json.Number(strconv.Itoa(r.Values))}
		putText(attribute, "friendlyName", saml.Clip(r.FriendlyName))
		putText(attribute, "mapsTo", r.MapsTo)
		putText(attribute, "value", firstCharacters(saml.Clip(r.Value), keptCharacters))
		list = append(list, attribute)
	}
	return list
}

// firstCharacters are the first n characters of a text.
func firstCharacters(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// keptIdentity reads back what keepIdentity kept in a SignIn; ok is false if it kept nothing.
func keptIdentity(signIn []byte) (id saml.Identity, ok bool) {
	v := gjson.GetBytes(signIn, "identity")
	if !v.Exists() {
		return id, false
	}
	text := func(name string) string { return v.Get(name).String() }
	id = saml.Identity{
		NameID: text("nameId"), NameIDFormat: text("nameIdFormat"), UserName: text("userName"),
		GivenName: text("givenName"), FamilyName: text("familyName"), DisplayName: text("displayName"),
		Email: text("email"), ExternalID: text("externalId"), Groups: texts(v.Get("groups")),
		GroupsReceived: v.Get("groupsReceived").Bool(), GroupsLinked: v.Get("groupsLinked").Bool(),
		Matched: texts(gjson.GetBytes(signIn, "matched")), Unmatched: texts(gjson.GetBytes(signIn, "unmatched")),
		Empty: texts(gjson.GetBytes(signIn, "empty")),
	}
	for _, name := range []struct{ attribute, value string }{
		{"firstName", id.GivenName}, {"lastName", id.FamilyName}, {"userName", id.UserName},
	} {
		if name.value == "" {
			id.Missing = append(id.Missing, saml.MissingAttribute{Attribute: name.attribute})
		}
	}
	return id, id.NameID != ""
}
