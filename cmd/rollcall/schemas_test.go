package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	deviceSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],
		"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device",
		"attributes":[{"name":"serial","type":"string","required":true,"uniqueness":"server"}]}`
	deviceType = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Device",
		"endpoint":"/Devices","schema":"urn:example:params:scim:schemas:core:1.0:Device"}`
)

// TestSchemas: the definitions of --schemas are in force once the service is, and an error names the file and the
// place.
func TestSchemas(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("types.json", deviceType)
	write("device.json", deviceSchema)
	p, site := serveIn(t, data, "ROLLCALL_SCHEMAS="+dir)
	token := p.operatorToken()
	body := `{"schemas":["urn:example:params:scim:schemas:core:1.0:Device"],"serial":"7"}`
	for _, want := range []int{201, 409} {
		if status, reply := ask(t, "POST", site+orgPath+"/Devices", token, body); status != want {
			t.Errorf("POST /Devices: %d %s, want %d", status, reply, want)
		}
	}
	p.terminate()
	write("device.json", strings.Replace(deviceSchema, `"string"`, `"text"`, 1))
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--schemas"}
	refused(t, 1, "device.json", append(serve, dir)...)
	refused(t, 1, "attributes[0].type", append(serve, dir)...)
	refused(t, 1, "--schemas: ", append(serve, filepath.Join(dir, "nowhere"))...)
	refused(t, 1, "--schemas: ", append(serve, filepath.Join(dir, "device.json"))...)
}
