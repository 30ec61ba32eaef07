package scimapi_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// patchTargets are the attributes of the table of PATCH values, one of each kind: what they are before, and which
// values are another one and one of a wrong type.
var patchTargets = []struct{ name, before, other, wrong string }{
	{"title", `"T"`, `"Other"`, `5`},
	{"emails", `[{"value":"a@x.org","type":"work"},{"value":"b@x.org","type":"home"}]`,
		`[{"value":"c@x.org","type":"other"}]`, `5`},
	{"name", `{"familyName":"F","givenName":"G"}`, `{"givenName":"H"}`, `5`},
	{"members", "", `[{"value":"11111111-1111-4111-8111-111111111111"}]`, `5`},
}

// patchValues are the values of the table. The last two differ by target.
var patchValues = []struct{ title, json string }{
	{"no value", ""}, {"`null`", "null"}, {"`\"\"`", `""`}, {"`[]`", "[]"}, {"`{}`", "{}"}, {"`[null]`", "[null]"},
	{"another value", "other"}, {"a wrong type", "wrong"},
}

// TestPatchValues runs every operation with every value on every kind of attribute in every profile, and holds the
// table in docs/clients.md to the results. ROLLCALL_UPDATE_DOCS=1 writes it.
func TestPatchValues(t *testing.T) {
	s := serve(t, scimapi.Options{})
	table := newPatchTable(s, t)
	var b strings.Builder
	b.WriteString("| operation | value | `title` | `emails` | `name` | `members` |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, op := range []string{"add", "replace", "remove"} {
		for _, v := range patchValues {
			fmt.Fprintf(&b, "| %s | %s |", op, v.title)
			for i := range patchTargets {
				fmt.Fprintf(&b, " %s |", table.cell(op, v.json, i))
			}
			b.WriteString("\n")
		}
	}
	checkGenerated(t, "clients.md", "patch-values", b.String())
}

// checkGenerated compares the part of a page between <!-- name --> and <!-- /name --> with what the test found out, or
// writes it with ROLLCALL_UPDATE_DOCS=1.
func checkGenerated(t *testing.T, page, name, want string) {
	t.Helper()
	file := filepath.Join("..", "docs", page)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(text, []byte("<!-- "+name+" -->\n\n"))
	have, tail, ok2 := bytes.Cut(rest, []byte("\n<!-- /"+name+" -->"))
	if !ok || !ok2 {
		t.Fatalf("docs/%s has no part %s", page, name)
	}
	if string(have) == want {
		return
	}
	if os.Getenv("ROLLCALL_UPDATE_DOCS") != "1" {
		t.Fatalf("docs/%s, %s, differs from what the test finds: write it with ROLLCALL_UPDATE_DOCS=1\n%s", page, name, want)
	}
	text = fmt.Appendf(nil, "%s<!-- %s -->\n\n%s\n<!-- /%s -->%s", head, name, want, name, tail)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// patchTable runs the cells of the table, each on a resource that is as at first.
type patchTable struct {
	t           *testing.T
	admin       *client
	profiles    []string
	clients     map[string]*client
	user, group string // paths
	members     []string
}

func newPatchTable(s *server, t *testing.T) *patchTable {
	p := &patchTable{t: t, admin: s.admin(t), profiles: []string{"lenient", "rfc", "interop"}, clients: map[string]*client{}}
	for _, profile := range p.profiles {
		p.clients[profile] = s.client(t, "default", "write", schema.Document{"profile": profile})
	}
	p.user = "/Users/" + p.admin.user("u")
	p.members = []string{p.admin.user("m"), p.admin.user("n")}
	p.group = "/Groups/" + p.admin.group("G", p.members...)
	return p
}

// reset makes the target as at first, and returns its path.
func (p *patchTable) reset(i int) string {
	if patchTargets[i].name == "members" {
		p.admin.must(200, "PUT", p.group, map[string]any{"schemas": []string{groupURN}, "displayName": "G",
			"members": memberList(p.members)})
		return p.group
	}
	p.admin.must(200, "PUT", p.user, `{"schemas":["`+userURN+`"],"userName":"u","`+patchTargets[i].name+`":`+
		patchTargets[i].before+`}`)
	return p.user
}

// cell is what the operation does in each profile; profiles that do the same share a text.
func (p *patchTable) cell(op, value string, i int) string {
	var texts []string
	by := map[string][]string{}
	for _, profile := range p.profiles {
		text := p.run(profile, op, value, i)
		if by[text] == nil {
			texts = append(texts, text)
		}
		by[text] = append(by[text], profile)
	}
	if len(texts) == 1 {
		return texts[0]
	}
	for n, text := range texts {
		texts[n] = strings.Join(by[text], ", ") + ": " + text
	}
	return strings.Join(texts, "; ")
}

// run carries out one cell.
func (p *patchTable) run(profile, op, value string, i int) string {
	target := patchTargets[i]
	path := p.reset(i)
	switch value {
	case "other":
		value = target.other
	case "wrong":
		value = target.wrong
	}
	operation := `{"op":"` + op + `","path":"` + target.name + `"}`
	if value != "" {
		operation = `{"op":"` + op + `","path":"` + target.name + `","value":` + value + `}`
	}
	before := p.admin.must(200, "GET", path, nil).body[target.name]
	r := p.clients[profile].request("PATCH", path, patch(operation))
	after := p.admin.must(200, "GET", path, nil).body[target.name]
	if r.status >= 400 {
		if fmt.Sprint(after) != fmt.Sprint(before) {
			p.t.Errorf("%s: %s is refused and makes %v %v", profile, operation, before, after)
		}
		return fmt.Sprint(r.status, " `", r.body["scimType"], "`")
	}
	effect := effectOf(before, after)
	if target.name == "members" && op == "remove" && value != "" && effect == "cleared" {
		p.t.Errorf("%s: %s removes all members", profile, operation)
	}
	return fmt.Sprint(r.status, " ", effect)
}

// effectOf names what became of a value.
func effectOf(before, after any) string {
	was, is := fmt.Sprint(before), fmt.Sprint(after)
	list, _ := before.([]any)
	now, _ := after.([]any)
	switch {
	case is == was:
		return "kept"
	case after == nil:
		return "cleared"
	case len(list) > 0 && len(now) > len(list):
		return "added"
	case at(before, "familyName") != nil && at(after, "familyName") != nil:
		return "merged"
	}
	return "replaced"
}
