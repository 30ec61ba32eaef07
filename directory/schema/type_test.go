package schema

import (
	"slices"
	"testing"
)

const eu = EnterpriseUserURN

func builtins() []*ResourceType {
	return []*ResourceType{User(), Group(), Organization(), IdentityProvider(), AccessToken(), DeletedUser(), Session(),
		SignIn(), Event(),
		SchemaDefinition(), ResourceTypeDefinition()}
}

func TestLookup(t *testing.T) {
	cases := []struct{ name, in, want, jsonPath string }{
		{"R7643-2.1-04 case", "USERNAME", "userName", "userName"},
		{"sub-attribute", "NAME.givenname", "name.givenName", "name.givenName"},
		{"R7644-3.10-04 qualified", "urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName", "userName"},
		{"qualified, upper case", "URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:NAME.GIVENNAME", "name.givenName",
			"name.givenName"},
		{"R7644-3.10-01 extension", eu + ":manager.value", eu + ":manager.value",
			`urn:ietf:params:scim:schemas:extension:enterprise:2\.0:User.manager.value`},
		{"list", "emails.value", "emails.value", "emails.#.value"},
		{"common", "meta.created", "meta.created", "meta.created"},
		{"common, qualified", UserURN + ":id", "id", "id"},
		{"escaped name", "groups.$ref", "groups.$ref", `groups.#.\$ref`},
		{"R7643-3.3-05 extension attribute needs its URN", "department", "", ""},
		{"unknown", "nosuch", "", ""},
		{"unknown sub-attribute", "name.nosuch", "", ""},
		{"a URN alone", eu, "", ""},
		{"other type's URN", GroupURN + ":displayName", "", ""},
		{"empty", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := User().Lookup(c.in)
			if c.want == "" {
				if a != nil {
					t.Fatalf("found %s", a.Path)
				}
				return
			}
			if a == nil || a.Path != c.want || a.JSONPath != c.jsonPath {
				t.Fatalf("got %+v, want path %s and JSON path %s", a, c.want, c.jsonPath)
			}
		})
	}
}

func TestLookupBare(t *testing.T) {
	if a := User().LookupBare("Manager.VALUE"); a == nil || a.Path != eu+":manager.value" {
		t.Errorf("manager.value: %v", a)
	}
	if a := User().LookupBare("userName"); a != nil {
		t.Errorf("a core attribute was found as %s", a.Path)
	}
	one, err := CompileSchema([]byte(`{"id":"urn:example:one","attributes":[{"name":"size","type":"string"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	two, err := CompileSchema([]byte(`{"id":"urn:example:two","attributes":[{"name":"Size","type":"string"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := NewResourceType("Thing", "/Things", "", Group().Schema, Extension{Schema: one}, Extension{Schema: two})
	if err != nil {
		t.Fatal(err)
	}
	if a := typ.LookupBare("size"); a != nil {
		t.Errorf("an ambiguous name was found as %s", a.Path)
	}
}

// TestAppendixC compares the characteristics that the requirements list with ours.
func TestAppendixC(t *testing.T) {
	cases := []struct {
		typ  *ResourceType
		path string
		want Attribute
	}{
		{User(), "id", Attribute{CaseExact: true, Required: true, Mutability: ReadOnly, Returned: ReturnedAlways,
			Uniqueness: UniqueServer}},
		{User(), "externalId", Attribute{CaseExact: true}},
		{User(), "schemas", Attribute{MultiValued: true, Required: true, Returned: ReturnedAlways}},
		{User(), "meta.version", Attribute{CaseExact: true, Mutability: ReadOnly}},
		{User(), "meta.created", Attribute{Kind: DateTime, Mutability: ReadOnly}},
		{User(), "userName", Attribute{Required: true, Uniqueness: UniqueServer}},
		{User(), "name", Attribute{Kind: Complex}},
		{User(), "profileUrl", Attribute{Kind: Reference, CaseExact: true}},
		{User(), "active", Attribute{Kind: Boolean}},
		{User(), "password", Attribute{Mutability: WriteOnly, Returned: ReturnedNever}},
		{User(), "emails", Attribute{Kind: Complex, MultiValued: true}},
		{User(), "emails.primary", Attribute{Kind: Boolean}},
		{User(), "photos.value", Attribute{Kind: Reference, CaseExact: true}},
		{User(), "x509Certificates.value", Attribute{Kind: Binary, CaseExact: true}},
		{User(), "groups", Attribute{Kind: Complex, MultiValued: true, Mutability: ReadOnly}},
		{User(), "groups.$ref", Attribute{Kind: Reference, CaseExact: true, Mutability: ReadOnly}},
		{Group(), "displayName", Attribute{Required: true}},
		{Group(), "members.value", Attribute{Mutability: Immutable}},
		{Group(), "members.$ref", Attribute{Kind: Reference, CaseExact: true, Mutability: Immutable}},
		{Group(), "members.display", Attribute{Mutability: ReadOnly}},
		{User(), eu + ":manager", Attribute{Kind: Complex}},
		{User(), eu + ":manager.value", Attribute{CaseExact: true}},
		{User(), eu + ":manager.displayName", Attribute{Mutability: ReadOnly}},
		{Organization(), "name",
			Attribute{CaseExact: true, Required: true, Mutability: Immutable, Uniqueness: UniqueServer}},
		{AccessToken(), "token", Attribute{CaseExact: true, Mutability: ReadOnly}},
	}
	for _, c := range cases {
		a := c.typ.Lookup(c.path)
		if a == nil {
			t.Errorf("%s has no %s", c.typ.Name, c.path)
			continue
		}
		got := Attribute{Kind: a.Kind, MultiValued: a.MultiValued, Required: a.Required, CaseExact: a.CaseExact,
			Mutability: a.Mutability, Returned: a.Returned, Uniqueness: a.Uniqueness}
		if got.Kind != c.want.Kind || got.MultiValued != c.want.MultiValued || got.Required != c.want.Required ||
			got.CaseExact != c.want.CaseExact ||
			got.Mutability != c.want.Mutability || got.Returned != c.want.Returned ||
			got.Uniqueness != c.want.Uniqueness {
			t.Errorf("%s %s is %+v, want %+v", c.typ.Name, c.path, got, c.want)
		}
	}
	if got := User().Lookup("groups.$ref").ReferenceTypes; !slices.Equal(got, []string{"Group"}) {
		t.Errorf("erratum 8471: User.groups.$ref refers to %v", got)
	}
}

// TestPromisedAttributes: what other packages and documents rely on is there.
func TestPromisedAttributes(t *testing.T) {
	promised := map[*ResourceType][]string{
		User(): {OriginURN + ":source", OriginURN + ":by.value", OriginURN + ":links.nameId",
			AccessURN + ":effectiveRoles"},
		Group(): {GroupAccessURN + ":protected", GroupAccessURN + ":roles.value"},
		Organization(): {"displayName", "active", "domains.value", "domains.verified", "redirectTargets",
			"uniqueGroupNames",
			"retention.events", "retention.accessEvents", "retention.accessDays", "retention.signIns", "retention.days", "retention.deletedUsersDays"},
		AccessToken(): {"displayName", "scopes", "user.value", "expiresAt", "strict", "lenientMembers",
			"lastUsed", "token"},
		DeletedUser(): {"userName", "displayName", "deletedAt", "deletedBy", "restorable", "links"},
		Session():     {"user", "connection", "createdAt", "expiresAt"},
		SignIn(): {"outcome", "reason", "explanation", "correlationId", "connection", "user", "nameId", "received",
			"checks", "groups.added", "groups.privileged", "at",
			"certificate.fingerprint", "clockSkewSeconds", "matched", "unmatched", "decision"},
		Event(): {"at", "actor.type", "actor.value", "action", "resource.type",
			"resource.value", "paths"},
		SchemaDefinition():       {"urn", "name", "description", "attributes.subAttributes.name"},
		ResourceTypeDefinition(): {"name", "endpoint", "schema", "schemaExtensions.required"},
		IdentityProvider(): {"enabled", "default", "metadataUrl", "metadataXml", "jit.enabled", "jit.requireNames",
			"jit.update.default", "jit.update.never",
			"jit.reviveDeleted", "jit.defaultGroups.value", "attributes.userName", "attributes.firstName",
			"attributes.lastName", "attributes.email", "attributes.groups",
			"linkBy", "linkPrivileged", "groupSync.mode", "groupSync.allow", "groupSync.allowPrivileged",
			"groupSync.createMissing",
			"groupSync.absentMeansNone", "groupSync.stripLeadingSlash",
			"groupSync.commonName", "domains", "allowIdpInitiated", "signRequests", "binding", "forceAuthn",
			"requestedAuthnContext", "wantEncrypted", "allowSha1",
			"clockSkewSeconds", "sessionMinutes", "nameIdFormat", "sp.entityId", "sp.acsUrl", "sp.metadataUrl",
			"sp.loginUrl", "sp.certificates.pem", "sp.certificates.notAfter",
			"idp.entityId", "idp.ssoUrl", "idp.certificates.fingerprint", "health.status", "health.warnings",
			"health.lastSignIn", "health.lastRefresh"},
	}
	for typ, paths := range promised {
		for _, p := range paths {
			if typ.Lookup(p) == nil {
				t.Errorf("%s has no %s", typ.Name, p)
			}
		}
	}
	for _, path := range []string{"sp.entityId", "health.status", "health.lastSignIn"} {
		if a := IdentityProvider().Lookup(path); a.Mutability != ReadOnly {
			t.Errorf("%s is %s", path, a.Mutability)
		}
	}
}

func TestNewResourceType(t *testing.T) {
	s := Group().Schema
	cases := []struct {
		name, typ, endpoint string
		schema              *Schema
		ext                 []Extension
		attr                string
	}{
		{"good", "Device", "/Devices", s, nil, ""},
		{"name with a slash", "De/vice", "/Devices", s, nil, "name"},
		{"endpoint without a slash", "Device", "Devices", s, nil, "endpoint"},
		{"endpoint of two segments", "Device", "/a/b", s, nil, "endpoint"},
		{"no schema", "Device", "/Devices", nil, nil, "schema"},
		{"its schema as its extension", "Device", "/Devices", s, []Extension{{Schema: s}},
			"schemaExtensions[0].schema"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewResourceType(c.typ, c.endpoint, "", c.schema, c.ext...)
			wantError(t, err, InvalidValue, c.attr)
		})
	}
}

// wantError checks type and place of an *Error; an empty place means no error.
func wantError(t *testing.T, err error, typ, attr string) {
	t.Helper()
	if attr == "" {
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return
	}
	e, ok := err.(*Error)
	if !ok || e.Type != typ || e.Attr != attr || e.Detail == "" {
		t.Fatalf("got %#v, want %s at %s", err, typ, attr)
	}
}
