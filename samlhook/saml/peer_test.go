package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/internal/peers"
	"rollcall/samlhook/saml/samltest"
)

// xmlsec runs xmlsec1 (an independent implementation of XML Signature).
func xmlsec(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(peers.Find(t, "xmlsec1"), args...).CombinedOutput()
	return string(out), err
}

var idAttributes = []string{
	"--id-attr:ID", nsAssertion + ":Assertion", "--id-attr:ID", nsProtocol + ":Response", "--id-attr:ID",
	nsProtocol + ":AuthnRequest",
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	// Not t.TempDir: it holds the test's name, and xmlsec1 splits paths at commas.
	folder, err := os.MkdirTemp("", "xmlsec")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPeerAcceptsWhatWeAccept: our fixtures are not good only by our own rules.
func TestPeerAcceptsWhatWeAccept(t *testing.T) {
	for _, c := range acceptCases() {
		if c.notPeer {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			by := keys().IdP
			if c.by != nil {
				by = c.by()
			}
			cert := writeFile(t, "cert.pem", by.PEM())
			message := writeFile(t, "message.xml", []byte(c.message(t)))
			// xmlsec1 takes the first Signature of the document.
			args := append([]string{"--verify", "--pubkey-cert-pem", cert, "--trusted-pem", cert}, idAttributes...)
			if out, err := xmlsec(t, append(args, message)...); err != nil {
				t.Errorf("xmlsec1 refuses what we accept: %v\n%s", err, out)
			}
		})
	}
}

// TestPeerRefusesChangedContent: the peer can tell good from bad at all.
func TestPeerRefusesChangedContent(t *testing.T) {
	cert := writeFile(t, "cert.pem", keys().IdP.PEM())
	message := writeFile(t, "message.xml", []byte(tampered("alice@example.com", "admin@example.com")(t)))
	args := append([]string{"--verify", "--pubkey-cert-pem", cert}, idAttributes...)
	if out, err := xmlsec(t, append(args, message)...); err == nil {
		t.Errorf("xmlsec1 accepts changed content: %s", out)
	}
}

// TestAcceptWhatPeerSigned signs with xmlsec1, whose output has line breaks in SignatureValue and certificates.
func TestAcceptWhatPeerSigned(t *testing.T) {
	ecKey, err := x509.MarshalPKCS8PrivateKey(keys().EC.Key)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := x509.MarshalPKCS8PrivateKey(keys().IdP.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, tag, algorithm string
		by                   party
		key                  []byte
	}{
		{"assertion by RSA", "Assertion", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", keys().IdP, rsaKey},
		{"response by RSA with SHA-512", "Response", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", keys().IdP,
			rsaKey},
		{"assertion by ECDSA", "Assertion", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", keys().EC, ecKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := map[string]string{"Assertion": "_assert1", "Response": "_resp1"}[c.tag]
			template := `<ds:Signature xmlns:ds="` + nsDsig +
				`"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>` +
				`<ds:SignatureMethod Algorithm="` + c.algorithm + `"/>` +
				`<ds:Reference URI="#` + id + `"><ds:Transforms>` + samltest.Enveloped + samltest.Exclusive +
				`</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>` +
				`<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/>` +
				`</ds:KeyInfo></ds:Signature>`
			message := writeFile(t, "template.xml",
				[]byte(samltest.InsertSignature(t, newParts().Response(), c.tag, template)))
			key := writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: c.key}))
			cert := writeFile(t, "cert.pem", c.by.PEM())
			output := writeFile(t, "signed.xml", nil)
			args := append([]string{"--sign", "--output", output, "--privkey-pem", key + "," + cert}, idAttributes...)
			if out, err := xmlsec(t, append(args, message)...); err != nil {
				t.Fatalf("xmlsec1 --sign: %v\n%s", err, out)
			}
			signed, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(signed, []byte("=\n")) && !bytes.Contains(signed, []byte("\n</")) {
				t.Error("the peer's signature has no line breaks, which this test is for")
			}
			connection := testConnection()
			connection.Certificates = []*x509.Certificate{keys().Second.Cert, c.by.Cert}
			if _, err := connection.Verify(signed, testNow); err != nil {
				t.Errorf("refused what xmlsec1 signed: %v\n%s", err, signed)
			}
		})
	}
}

// TestPeerAcceptsOurRequest verifies the enveloped signature of an AuthnRequest.
func TestPeerAcceptsOurRequest(t *testing.T) {
	form, err := requestConnection().PostForm("_r1", "token", testNow)
	if err != nil {
		t.Fatal(err)
	}
	xml, err := base64.StdEncoding.DecodeString(form.SAMLRequest)
	if err != nil {
		t.Fatal(err)
	}
	cert := writeFile(t, "cert.pem", keys().SP.PEM())
	args := append([]string{"--verify", "--pubkey-cert-pem", cert, "--trusted-pem", cert}, idAttributes...)
	if out, err := xmlsec(t, append(args, writeFile(t, "request.xml", xml))...); err != nil ||
		strings.Contains(out, "FAIL") {
		t.Errorf("xmlsec1 refuses our AuthnRequest: %v\n%s", err, out)
	}
}
