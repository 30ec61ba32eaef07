package state

import (
	"strings"
	"testing"

	"rollcall/directory/schema"
)

func definitions(types ...string) Definitions {
	defs := Definitions{Schemas: []Definition{{NewID(), `{"urn":"urn:example:a","attributes":[{"name":"x","type":"string"}]}`}}}
	for _, t := range types {
		defs.Types = append(defs.Types, Definition{NewID(), t})
	}
	return defs
}

func typeNames(c *Catalog) string {
	var names []string
	for _, t := range c.Types() {
		names = append(names, t.Name+t.Endpoint)
	}
	return strings.Join(names, " ")
}

// What an organization stored under a program that allowed it stays in force; what does not compile takes nothing else
// along.
func TestLoad(t *testing.T) {
	for _, c := range []struct {
		name     string
		types    []string
		want     string
		problems int
	}{
		{"no clash", []string{`{"name":"A","endpoint":"/As","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders A/As", 0},
		{"name", []string{`{"name":"IdentityProvider","endpoint":"/Idps","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/Idps", 1},
		{"endpoint", []string{`{"name":"A","endpoint":"/IdentityProviders","schema":"urn:example:a"}`},
			"User/Users Group/Groups A/IdentityProviders", 1},
		{"name of an extensible type", []string{`{"name":"Group","endpoint":"/Teams","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders", 1},
		{"only in case", []string{`{"name":"user","endpoint":"/users","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders user/users", 0},
		{"a reserved name", []string{`{"name":"Role","endpoint":"/Roles","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders Role/Roles", 0},
		{"one does not compile", []string{`{"name":"A","endpoint":"/As","schema":"urn:example:nowhere"}`, `{"name":"B","endpoint":"/Bs","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders B/Bs", 1},
		{"one twice", []string{`{"name":"B","endpoint":"/Bs","schema":"urn:example:a"}`, `{"name":"B","endpoint":"/Cs","schema":"urn:example:a"}`},
			"User/Users Group/Groups IdentityProvider/IdentityProviders B/Bs", 1},
		{"an extension of what is hidden", []string{`{"name":"A","endpoint":"/Users","schema":"urn:example:a"}`,
			`{"name":"User","endpoint":"/Users","schema":"` + schema.UserURN + `","schemaExtensions":[{"schema":"urn:example:a"}]}`},
			"Group/Groups IdentityProvider/IdentityProviders A/Users", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			defs := definitions(c.types...)
			loaded, problems := testBuiltin.Load(defs)
			if got := typeNames(loaded); got != c.want || len(problems) != c.problems {
				t.Errorf("%s with the problems %v", got, problems)
			}

			// What is held is no reason to refuse something new, which is judged itself.
			more := Definitions{defs.Schemas, append(defs.Types[:len(defs.Types):len(defs.Types)],
				Definition{NewID(), `{"name":"New","endpoint":"/News","schema":"urn:example:a"}`})}
			next, err := testBuiltin.With(more, defs)
			if err != nil || typeNames(next) != c.want+" New/News" {
				t.Errorf("with another one: %v", err)
			}
			more.Types[len(defs.Types)].Doc = `{"name":"New","endpoint":"/groups","schema":"urn:example:a"}`
			if _, err := testBuiltin.With(more, defs); KindOf(err) != Exists {
				t.Errorf("with one that clashes: %v", err)
			}
		})
	}
	bad := definitions(`{"name":"A","endpoint":"/As","schema":"urn:example:a"}`)
	bad.Schemas = append(bad.Schemas, Definition{NewID(), `{"urn":"bad"}`})
	if loaded, problems := testBuiltin.Load(bad); loaded.Type("A") == nil || len(problems) != 1 || problems[0].Definition != bad.Schemas[1] {
		t.Errorf("a schema that does not compile: %v", problems)
	}
}
