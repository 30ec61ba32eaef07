package patch

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

func TestIdentityProvider(t *testing.T) {
	const start = `{"id": "c1", "displayName": "Okta", "enabled": true,
		"jit": {"enabled": false, "update": {"default": "onSignIn", "never": ["displayName"]},
			"defaultGroups": [{"value": "g1"}]},
		"linkBy": ["userName"], "sp": {"entityId": "x"},
		"idp": {"entityId": "e", "certificates": [{"pem": "P1", "fingerprint": "F1"},
			{"pem": "P2", "fingerprint": "F2"}]}}`
	runTable(t, schema.IdentityProvider(), start, Options{}, []testCase{
		{"jit on", `{"op":"replace","path":"jit.enabled","value":true}`,
			`{"jit":{"enabled":true,"update":{"default":"onSignIn","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"jit on, complex", `{"op":"replace","path":"jit","value":{"enabled":true}}`,
			`{"jit":{"enabled":true,"update":{"default":"onSignIn","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"nested complex", `{"op":"replace","path":"jit.update","value":{"default":"never"}}`,
			`{"jit":{"enabled":false,"update":{"default":"never","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"nested complex inside a value", `{"op":"replace","path":"jit","value":{"update":{"default":"never"}}}`,
			`{"jit":{"enabled":false,"update":{"default":"never","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"three levels", `{"op":"add","path":"jit.update.never","value":["title"]}`,
			`{"jit":{"enabled":false,"update":{"default":"onSignIn","never":["displayName","title"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"three levels replaced", `{"op":"replace","path":"jit.update.never","value":["title"]}`,
			`{"jit":{"enabled":false,"update":{"default":"onSignIn","never":["title"]},` +
				`"defaultGroups":[{"value":"g1"}]}}`},
		{"three levels removed", `[{"op":"remove","path":"jit.update.never"},` +
			`{"op":"remove","path":"jit.update.default"}]`,
			`{"jit":{"enabled":false,"defaultGroups":[{"value":"g1"}]}}`},
		{"list below a complex", `{"op":"add","path":"jit.defaultGroups","value":{"value":"g2"}}`,
			`{"jit":{"enabled":false,"update":{"default":"onSignIn","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g1"},{"value":"g2"}]}}`},
		{"list below a complex, filter", `{"op":"remove","path":"jit.defaultGroups[value eq \"g1\"]"}`,
			`{"jit":{"enabled":false,"update":{"default":"onSignIn","never":["displayName"]}}}`},
		{"simple list, filter", `{"op":"remove","path":"linkBy[value eq \"userName\"]"}`, `{"linkBy":null}`},
		{"simple list, value twice", `{"op":"add","path":"linkBy","value":["userName","email","email"]}`,
			`{"linkBy":["userName","email"]}`},
		{"simple list, value listed for removal", `{"op":"remove","path":"linkBy","value":["userName"]}`,
			`{"linkBy":null}`},
		{"value outside a closed set", `{"op":"add","path":"linkBy","value":["shoeSize"]}`, `!invalidValue linkBy[0]`},
		{"sp is readOnly", `{"op":"replace","path":"sp.entityId","value":"y"}`, `!mutability sp`},
		{"sp echoed", `{"op":"replace","value":{"sp":{"entityId":"x"},"enabled":false}}`, `{"enabled":false}`},
		{"sp changed", `{"op":"replace","value":{"sp":{"entityId":"y"},"enabled":false}}`, `!mutability sp`},
		{"certificate written again keeps its fingerprint",
			`{"op":"replace","path":"idp.certificates","value":[{"pem":"P2"}]}`,
			`{"idp":{"entityId":"e","certificates":[{"pem":"P2","fingerprint":"F2"}]}}`},
		{"certificates written again in another order",
			`{"op":"replace","path":"idp.certificates","value":[{"pem":"P2"},{"pem":"P1"}]}`, `{}`},
		{"certificate added twice", `{"op":"add","path":"idp.certificates","value":{"pem":"P1"}}`, `{}`},
		{"certificate changed loses its fingerprint",
			`{"op":"replace","path":"idp.certificates[pem eq \"P1\"].pem","value":"P3"}`,
			`{"idp":{"entityId":"e","certificates":[{"pem":"P3"},{"pem":"P2","fingerprint":"F2"}]}}`},
		{"certificate removed", `{"op":"remove","path":"idp.certificates[fingerprint eq \"F1\"]"}`,
			`{"idp":{"entityId":"e","certificates":[{"pem":"P2","fingerprint":"F2"}]}}`},
		{"certificate's fingerprint", `{"op":"replace","path":"idp.certificates[pem eq \"P1\"].fingerprint",` +
			`"value":"F"}`, `!mutability fingerprint`},
	})
}

func TestOrganization(t *testing.T) {
	const start = `{"id": "o1", "name": "acme", "displayName": "Acme", "domains": [{"value": "acme.example",` +
		` "verified": true}]}`
	runTable(t, schema.Organization(), start, Options{}, []testCase{
		{"R7644-3.5.2-21 name", `{"op":"replace","path":"name","value":"other"}`, `!mutability name`},
		{"name as it is", `{"op":"replace","path":"name","value":"acme"}`, `{}`},
		{"name as it is, no path", `{"op":"replace","value":{"name":"acme","displayName":"A"}}`, `{"displayName":"A"}`},
		{"name removed", `{"op":"remove","path":"name"}`, `!mutability name`},
		{"name null", `{"op":"replace","path":"name","value":null}`, `!mutability name`},
		{"domain's verification is not the client's",
			`{"op":"replace","path":"domains[value eq \"acme.example\"].verified","value":true}`,
			`!mutability verified`},
		{"domains written again stay verified",
			`{"op":"replace","path":"domains","value":[{"value":"acme.example"},` +
				`{"value":"b.example","verified":true}]}`,
			`{"domains":[{"value":"acme.example","verified":true},{"value":"b.example"}]}`},
		{"another domain is not verified",
			`{"op":"replace","path":"domains[value eq \"acme.example\"].value","value":"evil.example"}`,
			`{"domains":[{"value":"evil.example"}]}`},
		{"another domain, element replaced",
			`{"op":"replace","path":"domains[value eq \"acme.example\"]","value":{"value":"evil.example",` +
				`"verified":true}}`, `{"domains":[{"value":"evil.example"}]}`},
		{"simple references", `{"op":"add","path":"redirectTargets","value":"https://a.example/"}`,
			`{"redirectTargets":["https://a.example/"]}`},
		{"integer", `{"op":"add","path":"retention.days","value":30}`, `{"retention":{"days":30}}`},
		{"integer with a fraction", `{"op":"add","path":"retention.days","value":1.5}`, `!invalidValue retention.days`},
		{"integer out of range", `{"op":"add","path":"retention.days","value":0}`, `!invalidValue retention.days`},
	})
}

func TestAccessToken(t *testing.T) {
	const start = `{"id": "t1", "displayName": "Entra", "scopes": ["write"]}`
	runTable(t, schema.AccessToken(), start, Options{}, []testCase{
		{"rename", `{"op":"replace","path":"displayName","value":"N"}`, `{"displayName":"N"}`},
		{"strict", `{"op":"add","path":"strict","value":"true"}`, `{"strict":true}`},
		{"last use is the server's", `{"op":"replace","path":"lastUsed","value":"2026-01-01T00:00:00Z"}`,
			`!mutability lastUsed`},
	})
}

// device returns a type with an attribute of each mutability and kind.
func device(t testing.TB) *schema.ResourceType {
	t.Helper()
	s, err := schema.CompileSchema([]byte(`{"id": "urn:example:params:scim:schemas:core:1.0:Device", "name": "Device",
		"attributes": [
		{"name": "serial", "type": "string", "required": true, "mutability": "immutable", "caseExact": true},
		{"name": "tags", "type": "string", "multiValued": true, "caseExact": true},
		{"name": "owners", "type": "string", "multiValued": true, "required": true},
		{"name": "size", "type": "integer"}, {"name": "weight", "type": "decimal"}, {"name": "key", "type": "binary"},
		{"name": "bought", "type": "dateTime"},
			{"name": "secret", "type": "string", "mutability": "writeOnly", "returned": "never"},
		{"name": "stamp", "type": "string", "mutability": "immutable"},
		{"name": "made", "type": "complex", "subAttributes": [
			{"name": "by", "type": "string", "mutability": "immutable"}, {"name": "note", "type": "string"},
			{"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"}]},
		{"name": "parts", "type": "complex", "multiValued": true, "subAttributes": [
			{"name": "no", "type": "integer", "required": true},
				{"name": "batch", "type": "string", "mutability": "immutable"},
			{"name": "name", "type": "string"}, {"name": "state", "type": "string", "mutability": "readOnly"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	x, err := schema.CompileSchema([]byte(`{"id": "urn:example:params:scim:schemas:extension:1.0:Lease",
		"name": "Lease", "attributes": [
		{"name": "until", "type": "dateTime", "required": true}, {"name": "serial", "type": "string"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	rt, err := schema.NewResourceType("Device", "/Devices", "A device", s, schema.Extension{Schema: x, Required: true})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

const (
	lease  = "urn:example:params:scim:schemas:extension:1.0:Lease"
	gadget = `{"id": "d1", "serial": "S1", "owners": ["ann"], "tags": ["a", "B"],` +
		` "made": {"by": "Acme", "note": "n"}, "parts": [{"no": 1, "batch": "x", "state": "ok"}, {"no": 2}], "` +
		lease + `": {"until": "2027-01-01T00:00:00Z"}}`
	partTwo = `{"no": 2}`
)

func TestCustomType(t *testing.T) {
	runTable(t, device(t), gadget, Options{}, []testCase{
		{"R7644-3.5.2-21 immutable", `{"op":"replace","path":"serial","value":"S2"}`, `!mutability serial`},
		{"R7644-3.5.2-21 immutable, other case", `{"op":"replace","path":"serial","value":"s1"}`, `!mutability serial`},
		{"R7644-3.5.2-22 immutable without a value", `{"op":"add","path":"stamp","value":"x"}`, `{"stamp":"x"}`},
		{"R7644-3.5.2-21 set, then changed",
			`[{"op":"add","path":"stamp","value":"x"},{"op":"add","path":"stamp","value":"y"}]`,
			`!mutability Operations[1].path: stamp`},
		{"R7644-3.5.2-21 immutable part", `{"op":"replace","path":"made.by","value":"x"}`, `!mutability made.by`},
		{"R7644-3.5.2-21 immutable part in a value", `{"op":"replace","path":"made","value":{"by":"x"}}`,
			`!mutability made.by`},
		{"immutable part as it is", `{"op":"replace","path":"made","value":{"by":"Acme","note":"o"}}`,
			`{"made":{"by":"Acme","note":"o"}}`},
		{"R7644-3.5.2-21 what holds it removed", `{"op":"remove","path":"made"}`, `!mutability made.by`},
		{"R7644-3.5.2-21 part of an element", `{"op":"replace","path":"parts[no eq 1].batch","value":"y"}`,
			`!mutability parts.batch`},
		{"R7644-3.5.2-21 part of an element replaced",
			`{"op":"replace","path":"parts[no eq 1]","value":{"no":1,"batch":"y"}}`, `!mutability parts.batch`},
		{"R7644-3.5.2-22 part of an element without a value", `{"op":"add","path":"parts[no eq 2].batch","value":"y"}`,
			`{"parts":[{"no":1,"batch":"x","state":"ok"},{"no":2,"batch":"y"}]}`},
		{"element with an immutable part removed", `{"op":"remove","path":"parts[no eq 1]"}`,
			`{"parts":[` + partTwo + `]}`},
		{"readOnly part of an element", `{"op":"replace","path":"parts[no eq 1].state","value":"bad"}`,
			`!mutability parts.state`},
		{"required part of an element", `{"op":"remove","path":"parts[no eq 2].no"}`, `!mutability parts.no`},
		{"required part missing", `{"op":"add","path":"parts","value":{"name":"x"}}`, `!invalidValue parts[2].no`},
		{"R7644-3.5.2.2-08 required list", `{"op":"remove","path":"owners"}`, `!mutability owners`},
		{"R7644-3.5.2.2-08 last of a required list", `{"op":"remove","path":"owners[value eq \"ann\"]"}`,
			`!mutability owners`},
		{"last of a required list, listed", `{"op":"remove","path":"owners","value":["ann"]}`, `!mutability owners`},
		{"required list emptied", `{"op":"replace","path":"owners","value":[]}`, `!invalidValue owners`},
		{"simple list, caseExact", `{"op":"add","path":"tags","value":["b","B"]}`, `{"tags":["a","B","b"]}`},
		{"simple list, not caseExact", `{"op":"add","path":"owners","value":"ANN"}`, `{}`},
		{"simple list, value replaced", `{"op":"replace","path":"tags[value eq \"a\"]","value":"c"}`,
			`{"tags":["c","B"]}`},
		{"simple list, value replaced by one that is there",
			`{"op":"replace","path":"tags[value eq \"a\"]","value":"B"}`, `{"tags":["B"]}`},
		{"simple list, no match", `{"op":"add","path":"tags[value eq \"z\"]","value":"z"}`, `!noTarget`},
		{"R7643-2.3.4-01 integer", `{"op":"replace","path":"size","value":1.5}`, `!invalidValue size`},
		{"integer in a string", `{"op":"replace","path":"size","value":"5"}`, `{"size":5}`},
		{"decimal", `{"op":"replace","path":"weight","value":1.5}`, `{"weight":1.5}`},
		{"R7643-2.3.6-01 binary", `{"op":"replace","path":"key","value":"***"}`, `!invalidValue key`},
		{"R7643-2.3.5-01 dateTime", `{"op":"replace","path":"bought","value":"2026-01-01"}`, `!invalidValue bought`},
		{"writeOnly is not kept", `{"op":"replace","path":"secret","value":"s"}`, `{}`},
		{"writeOnly part is not kept", `{"op":"replace","path":"made","value":{"pin":"1","note":"o"}}`,
			`{"made":{"by":"Acme","note":"o"}}`},
		{"required extension", `{"op":"remove","path":"` + lease + `"}`, `!mutability ` + lease},
		{"required of an extension", `{"op":"remove","path":"` + lease + `:until"}`, `!mutability until`},
		{"URN of an extension left out, but the type has the name",
			`{"op":"replace","path":"until","value":"2028-01-01T00:00:00Z"}`,
			`{"` + lease + `":{"until":"2028-01-01T00:00:00Z"}}`},
	})
}

// TestTwice applies one change to two documents, as after a lost race.
func TestTwice(t *testing.T) {
	r, err := Parse(message(`[{"op":"add","path":"emails","value":[{"value":"a@x","type":"other"}]},
		{"op":"replace","path":"emails[type eq \"other\"].value","value":"c@x"},
		{"op":"add","path":"emails[type eq \"other\"].primary","value":true}]`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile(schema.User(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Apply(decodeDoc(t, schema.User(), babs), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Apply(decodeDoc(t, schema.User(), babs), nil, nil)
	if err != nil || !first.Document.Equal(second.Document) {
		t.Errorf("first %s\nthen  %s, %v", text(t, first.Document), text(t, second.Document), err)
	}
}

// TestVisits: many operations on a long list are refused.
func TestVisits(t *testing.T) {
	values, ops := make([]string, 900), make([]string, 3000)
	for i := range values {
		values[i] = fmt.Sprintf(`{"value":"%d@x.example"}`, i)
	}
	for i := range ops {
		ops[i] = fmt.Sprintf(`{"op":"replace","path":"emails.display","value":"%d"}`, i)
	}
	doc := decodeDoc(t, schema.User(), `{"id":"u","userName":"u","emails":[`+strings.Join(values, ",")+`]}`)
	if _, err := run(schema.User(), doc, nil, "["+strings.Join(ops[:100], ",")+"]", Options{}); err != nil {
		t.Fatal(err)
	}
	_, err := run(schema.User(), doc, nil, "["+strings.Join(ops, ",")+"]", Options{})
	wantError(t, err, "tooMany Operations[")
}

// TestManyValues: an index of many values tells them apart like a comparison of few.
func TestManyValues(t *testing.T) {
	emails, places := []string{home, `{"value":"B@WORK.example","type":"Work","display":"W"}`}, []string{side}
	for i := range 10 {
		emails = append(emails, fmt.Sprintf(`{"value":"%d@x"}`, i))
		places = append(places, fmt.Sprintf(`{"postalCode":"%d"}`, i))
	}
	runTable(t, schema.User(), babs, Options{}, []testCase{
		{"pairs of type and value", `{"op":"add","path":"emails","value":[` + strings.Join(emails, ",") + `]}`,
			`{"emails":[{"value":"b@work.example","type":"work","primary":true,"display":"W"},` + home + `,` +
				strings.Join(emails[2:], ",") + `]}`},
		{"values without a value", `{"op":"add","path":"addresses","value":[` + strings.Join(places, ",") + `]}`,
			`{"addresses":[` + oslo + `,` + side + `,` + strings.Join(places[1:], ",") + `]}`},
	})
	runTable(t, device(t), gadget, Options{}, []testCase{
		{"simple values", `{"op":"add","path":"tags","value":["1","2","3","4","5","6","7","B","b"]}`,
			`{"tags":["a","B","1","2","3","4","5","6","7","b"]}`},
	})
}
