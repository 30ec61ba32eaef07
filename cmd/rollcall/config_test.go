package main

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadUsage(t *testing.T) {
	const (
		key    = "ROLLCALL_SECRET_KEY=0000000000000000000000000000000000000000000000000000000000000000 "
		token  = "ROLLCALL_OPERATOR_TOKEN="
		long   = "01234567890123456789 "
		secure = "serve --listen 127.0.0.1:0 --etcd-endpoints https://127.0.0.1:1 "
	)
	dir := t.TempDir()
	noPEM := filepath.Join(dir, "no.pem")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := "serve --listen 127.0.0.1:0 "
	cluster := "serve --etcd-endpoints http://127.0.0.1:1 "
	for name, c := range map[string]struct {
		status int
		said   string
		args   string
	}{
		"no command":                {2, "expected one of", ""},
		"unknown command":           {2, "unexpected argument rule", "rule"},
		"unknown flag":              {2, "unknown flag --lisen", "serve --lisen x"},
		"log format":                {2, "--log-format", "serve --log-format xml"},
		"log level":                 {2, "--log-level: must be debug", "serve --log-level loud"},
		"sign-in without a name":    {2, "<name>", "demo sign-in"},
		"one half of a certificate": {1, "--tls-cert and --tls-key", "serve --tls-cert x"},
		"no certificate":            {1, "--tls-cert, --tls-key", serve + "--tls-cert NOPEM --tls-key NOPEM"},
		"public URL":                {1, "--public-url: ", serve + "--public-url id.example.com"},
		"public URL with a path":    {1, "has a path", serve + "--public-url https://x.example.com/scim"},
		"rate limit":                {1, "--rate-limit", "serve --rate-limit=-1"},
		"work limit":                {1, "--work-limit", "serve --work-limit=-1"},
		"brand without a name":      {1, "--brand-name: the name is blank", "serve --brand-name=\u200b"},
		"brand colour":              {1, "--brand-colour: ", "serve --brand-colour=#ffff00"},
		"no brand logo":             {1, "--brand-logo: ", serve + "--brand-logo DIR/none.png"},
		"brand logo":                {1, "--brand-logo: the logo is not a PNG", serve + "--brand-logo NOPEM"},
		"proxies that are none":     {2, "--trusted-proxies", "serve --trusted-proxies 10.0.0.1/99"},
		"no address":                {1, "--listen", "serve --listen nonsense"},
		"data is a file":            {1, "--data", serve + "--data NOPEM"},
		"short secret key":          {1, "--secret-key: the key has 2 bytes", serve + "--data DIR --secret-key abcd"},
		"secret key":                {1, "--secret-key: ", serve + "--data DIR --secret-key §"},
		"previous secret key":       {1, "--previous-secret-key: ", serve + "--data DIR --previous-secret-key ab"},
		"short operator token":      {1, "_TOKEN: the token has 5", token + "short " + serve + "--data DIR"},
		"short other token": {1, "ROLLCALL_PREVIOUS_OPERATOR_TOKEN: the token has 5",
			"ROLLCALL_PREVIOUS_OPERATOR_TOKEN=short " + serve + "--data DIR"},
		"etcd without secret key": {1, "ROLLCALL_SECRET_KEY", cluster},
		"etcd without token":      {1, "ROLLCALL_OPERATOR_TOKEN", key + cluster},
		"etcd's flags without it": {1, "--etcd-endpoints", "serve --etcd-user x --etcd-password y"},
		"etcd user alone":         {1, "--etcd-user and --etcd-password", "serve --etcd-user x"},
		"etcd certificate alone":  {1, "--etcd-cert and --etcd-key", "serve --etcd-cert x"},
		"etcd TLS over http":      {1, "is not encrypted", key + cluster + "--etcd-ca x"},
		"etcd CA":                 {1, "--etcd-ca: ", key + token + long + secure + "--etcd-ca NOPEM"},
		"nothing listens":         {1, "not ready", "health --listen 127.0.0.1:1"},
		"health ignores the demo": {1, "127.0.0.1:1/readyz", "ROLLCALL_URL=http://x health --listen 127.0.0.1:1"},
		"no demo there":           {1, "no demo is running", "demo sign-in alice --url http://127.0.0.1:1"},
		"a demo's bad URL":        {1, "--url", "demo sign-in alice --url nonsense"},
		"demo on real data":       {1, "--data: DIR", "demo --listen 127.0.0.1:0 --data DIR"},
	} {
		t.Run(name, func(t *testing.T) {
			paths := strings.NewReplacer("NOPEM", noPEM, "DIR", dir)
			refused(t, c.status, paths.Replace(c.said), strings.Fields(paths.Replace(c.args))...)
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"demo", "--help"}, {"--version"}} {
		if status, out := spawn(t, args...).exit(); status != 0 || out == "" {
			t.Errorf("%v: exit status %d, %q", args, status, out)
		}
	}
}

// TestEveryFlagHasItsVariable: --public-url is ROLLCALL_PUBLIC_URL.
func TestEveryFlagHasItsVariable(t *testing.T) {
	_, out := spawn(t, "serve", "--help").exit()
	flat := strings.Join(strings.Fields(out), " ")
	for flag := range strings.FieldsSeq(`listen data public-url tls-cert tls-key
		etcd-endpoints etcd-cert etcd-key etcd-ca etcd-user etcd-password secret-key previous-secret-key operator-token
		previous-operator-token
		schemas rate-limit work-limit trusted-proxies stale-reads allow-private-metadata shutdown-timeout
		log-format log-level`) {
		variable := "ROLLCALL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		if !strings.Contains(flat, "--"+flag) || !strings.Contains(flat, "($"+variable+")") {
			t.Errorf("--%s, %s: not in the help", flag, variable)
		}
	}
}

func TestParseSecretKey(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for name, text := range map[string]string{
		"hexadecimal":         strings.Repeat("fbff", 16),
		"with a line's end":   strings.Repeat("FBFF", 16) + "\n",
		"base64":              base64.StdEncoding.EncodeToString(key),
		"base64url":           base64.URLEncoding.EncodeToString(key),
		"base64url, unpadded": base64.RawURLEncoding.EncodeToString(key),
	} {
		if got, err := parseSecretKey(text); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	short, long := strings.Repeat("fb", 31), strings.Repeat("fb", 33)
	for _, text := range []string{"", "abc", short, long, "not a key at all, really"} {
		if _, err := parseSecretKey(text); err == nil || (text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPublicURL(t *testing.T) {
	given := Node{PublicURL: "https://id.example.com/"}
	for name, c := range map[string]struct {
		node      Node
		listening string
		want      string
		warns     bool
	}{
		"given":             {given, "0.0.0.0:80", "https://id.example.com", false},
		"loopback":          {Node{}, "127.0.0.1:8080", "http://127.0.0.1:8080", false},
		"IPv6":              {Node{}, "[::1]:8080", "http://[::1]:8080", false},
		"TLS":               {Node{TLSCert: "x"}, "127.0.0.1:8443", "https://127.0.0.1:8443", false},
		"every address":     {Node{}, "0.0.0.0:8080", "http://localhost:8080", true},
		"every address, v6": {Node{}, "[::]:8080", "http://localhost:8080", true},
	} {
		var log bytes.Buffer
		a, err := net.ResolveTCPAddr("tcp", c.listening)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.node.publicURL(a, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || got != c.want || (log.Len() > 0) != c.warns {
			t.Errorf("%s: %s, %v, logged %q", name, got, err, log.String())
		}
	}
}

func TestPageText(t *testing.T) {
	page := `<!DOCTYPE html><html lang="en"><head><title>no</title><style>p{}</style></head>
<body><h1>Signed&nbsp;in</h1><p>You are
 <strong>Alice &amp; Co</strong>.</p><script>no()</script><ul><li>one<li>two</ul>
<dl><dt>Name</dt>
<dd>Alice</dd></dl><form><button>Sign out</button></form></body></html>`
	if got, want := pageText(page), "Signed\u00a0in\nYou are Alice & Co.\none\ntwo\nName: Alice"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONLog(t *testing.T) {
	p, site := serveIn(t, t.TempDir(), "--log-format", "json", "--log-level", "debug")
	if status, _ := ask(t, http.MethodGet, site+orgPath+"/Users", "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	p.terminate()
	for line := range strings.Lines(p.err.String()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("not JSON: %q", line)
		}
	}
	if !strings.Contains(p.err.String(), `"status":401`) {
		t.Errorf("the request is not logged: %s", p.err.String())
	}
}
