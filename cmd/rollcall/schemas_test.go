package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const deviceSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device",
	"attributes":[{"name":"serial","type":"string","required":true,"uniqueness":"server"}]}`

// TestSchemas: what --schemas names is in force when the service is, and a mistake in a file is named.
func TestSchemas(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("types.json", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Device","endpoint":"/Devices","schema":"urn:example:params:scim:schemas:core:1.0:Device"}`)
	write("device.json", deviceSchema)
	p, site := serveIn(t, data, "ROLLCALL_SCHEMAS="+dir)
	p.line("Operator token")
	token := strings.TrimSpace(p.line("  "))
	body := `{"schemas":["urn:example:params:scim:schemas:core:1.0:Device"],"serial":"7"}`
	for _, want := range []int{201, 409} {
		if status, reply := ask(t, "POST", site+orgPath+"/Devices", token, body); status != want {
			t.Errorf("POST /Devices: %d %s, want %d", status, reply, want)
		}
	}
	p.terminate()
	write("device.json", strings.Replace(deviceSchema, `"string"`, `"text"`, 1))
	if said := refused(t, 1, "serve", "--listen", "127.0.0.1:0", "--data", data, "--schemas", dir); !strings.Contains(said, "device.json") || !strings.Contains(said, "attributes[0].type") {
		t.Errorf("a wrong file: %s", said)
	}
	if said := refused(t, 1, "serve", "--listen", "127.0.0.1:0", "--data", data, "--schemas", filepath.Join(dir, "nowhere")); !strings.Contains(said, "--schemas") {
		t.Errorf("a missing folder: %s", said)
	}
}
