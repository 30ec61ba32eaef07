package samlhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

const ssoDocs = "../docs/sso/"

// Every attribute of an IdentityProvider is documented once, and nothing else is.
func TestSettingsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(ssoDocs + "settings.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]int{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z0-9.]+)` \\|").FindAllStringSubmatch(string(raw), -1) {
		documented[m[1]]++
	}
	type attribute struct {
		Name          string
		SubAttributes []json.RawMessage
	}
	definition, err := os.ReadFile("../directory/schema/schemas/identity_provider.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole struct{ Attributes []json.RawMessage }
	if err := json.Unmarshal(definition, &whole); err != nil {
		t.Fatal(err)
	}
	var walk func(prefix string, list []json.RawMessage)
	walk = func(prefix string, list []json.RawMessage) {
		for _, raw := range list {
			var a attribute
			if err := json.Unmarshal(raw, &a); err != nil {
				t.Fatal(err)
			}
			if len(a.SubAttributes) > 0 {
				walk(prefix+a.Name+".", a.SubAttributes)
				continue
			}
			if n := documented[prefix+a.Name]; n != 1 {
				t.Errorf("%s is documented %d times", prefix+a.Name, n)
			}
			delete(documented, prefix+a.Name)
		}
	}
	walk("", whole.Attributes)
	for name := range documented {
		t.Errorf("%s is documented and does not exist", name)
	}
	if schema.IdentityProvider().Lookup("displayName") == nil {
		t.Error("the schema was not read")
	}
}

// Every page of an identity provider is reachable, says which role is needed there, and names reasons and settings that
// exist.
func TestIdentityProviderPages(t *testing.T) {
	index, err := os.ReadFile(ssoDocs + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(ssoDocs + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons := knownReasons(t)
	n := 0
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "README.md" || name == "settings.md" {
			continue
		}
		n++
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for _, want := range []string{"**The role you need there:**", "## Steps", "## Attributes",
			"## What goes wrong first"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if !strings.Contains(string(index), "("+name+")") {
			t.Errorf("README.md does not lead to %s", name)
		}
		known := 0
		_, wrong, _ := strings.Cut(text, "## What goes wrong first")
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(wrong, -1) {
			if known++; !slices.Contains(reasons, saml.Reason(m[1])) {
				t.Errorf("%s names the reason %s, which does not exist", name, m[1])
			}
		}
		if known == 0 {
			t.Errorf("%s names no reason", name)
		}
	}
	if n < 9 {
		t.Errorf("only %d identity providers", n)
	}
}

// knownReasons are the codes as the sources spell them.
func knownReasons(t *testing.T) (all []saml.Reason) {
	t.Helper()
	for _, file := range []string{"reason.go", "saml/reason.go"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`= "([a-z_]+)"`).FindAllStringSubmatch(string(raw), -1) {
			all = append(all, saml.Reason(m[1]))
		}
	}
	return all
}
