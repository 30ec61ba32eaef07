package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDeployment: what the files for containers set is known to the program, and no secret is in them.
func TestDeployment(t *testing.T) {
	_, help := spawn(t, "serve", "--help").exit()
	help = strings.Join(strings.Fields(help), " ")
	assignment := regexp.MustCompile(`(ROLLCALL_[A-Z_]+)[=:] ?(\S*)`)
	for _, file := range []string{"../../Dockerfile", "../../docker-compose.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := assignment.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Fatalf("%s sets nothing", file)
		}
		for _, m := range found {
			name, value := m[1], m[2]
			if !strings.Contains(help, "($"+name+")") && name != "ROLLCALL_HOST" { // the proxy's own
				t.Errorf("%s: %s is no variable of rollcall serve", file, name)
			}
			secret := strings.HasSuffix(name, "_KEY") || strings.HasSuffix(name, "_TOKEN")
			if secret && !strings.HasPrefix(value, "${"+name+":?") && !strings.HasPrefix(value, name+":?") {
				t.Errorf("%s: %s is set to %q; secrets are required from outside", file, name, value)
			}
		}
	}
}
