package saml

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"golang.org/x/text/encoding/unicode"

	"rollcall/samlhook/saml/samltest"
)

const (
	mdOpen = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"` +
		` xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com/metadata">`
	mdRole = `<md:IDPSSODescriptor WantAuthnRequestsSigned="true"` +
		` protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`
	mdSSO = `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"` +
		` Location="https://idp.example.com/sso"/>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"` +
		` Location="https://idp.example.com/sso/post"/>`
	mdClose = `</md:IDPSSODescriptor></md:EntityDescriptor>`
)

func mdKey(use string, cert *x509.Certificate) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + "\n  " +
		wrapLines(base64.StdEncoding.EncodeToString(cert.Raw), 64) + "\n" +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

func goodMetadata() string {
	return mdOpen + mdRole + mdKey("signing", keys().IdP.Cert) + mdSSO + mdClose
}

type metadataCase struct {
	name     string
	metadata func() []byte
	want     string // part of the error; empty when accepted
	certs    int
	warnings int
}

func metadataCases() []metadataCase {
	text := func(s func() string) func() []byte { return func() []byte { return []byte(s()) } }
	edit := func(old, with string) func() []byte {
		return func() []byte {
			if !strings.Contains(goodMetadata(), old) {
				panic("nothing to replace: " + old)
			}
			return []byte(strings.Replace(goodMetadata(), old, with, 1))
		}
	}
	with := func(keysXML func() string) func() []byte {
		return text(func() string { return mdOpen + mdRole + keysXML() + mdSSO + mdClose })
	}
	another := func() string {
		return strings.Replace(goodMetadata(), "idp.example.com/metadata", "two.example.com", 1)
	}
	service := `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp">` +
		`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></md:EntityDescriptor>`
	list := func(inner string) string {
		return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + inner +
			`</md:EntitiesDescriptor>`
	}
	return []metadataCase{
		{name: "good", metadata: text(goodMetadata), certs: 1},
		{name: "byte order mark, declaration and comment", metadata: text(func() string {
			return "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- made by -->\n" + goodMetadata()
		}), certs: 1},
		{name: "UTF-16", metadata: func() []byte {
			out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(goodMetadata()))
			if err != nil {
				panic(err)
			}
			return out
		}, certs: 1},
		{name: "two signing certificates, one for both uses, one for encryption", metadata: with(func() string {
			return mdKey("signing", keys().IdP.Cert) + mdKey("", keys().Second.Cert) + mdKey("encryption",
				keys().Attacker.Cert)
		}), certs: 2},
		{name: "the same certificate twice", metadata: with(
			func() string { return mdKey("signing", keys().IdP.Cert) + mdKey("", keys().IdP.Cert) }), certs: 1},
		{name: "an expired certificate beside a good one",
			metadata: with(func() string {
				return mdKey("signing", keys().Expired.Cert) + mdKey("signing",
					keys().IdP.Cert)
			}), certs: 2, warnings: 1},
		{name: "a weak key beside a good one",
			metadata: with(func() string {
				return mdKey("signing", keys().Weak.Cert) + mdKey("signing",
					keys().IdP.Cert)
			}), certs: 1, warnings: 1},
		{name: "one identity provider among others",
			metadata: text(func() string { return list(service + goodMetadata()) }), certs: 1},
		{name: "a list in a list", metadata: text(func() string { return list(list(goodMetadata()) + service) }),
			certs: 1},
		{name: "signed, with a role of WS-Federation",
			metadata: edit("<md:IDPSSODescriptor ", `<ds:Signature><ds:SignedInfo/></ds:Signature>`+
				`<md:RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="urn:fed"`+
				` xsi:type="fed:SecurityTokenServiceType"`+
				` protocolSupportEnumeration="urn:fed"><fed:TokenTypesOffered/></md:RoleDescriptor>`+
				`<md:IDPSSODescriptor `), certs: 1},
		{name: "a declaration of the encoding that it had before", metadata: text(func() string {
			return `<?xml version="1.0" encoding="UTF-16"?>` + goodMetadata()
		}), certs: 1},
		{name: "validUntil ahead", metadata: edit("entityID=", `validUntil="2026-03-11T00:00:00Z" entityID=`),
			certs: 1},

		{name: "empty", metadata: text(func() string { return " " }), want: "empty"},
		{name: "no XML", metadata: text(func() string { return "https://idp.example.com" }), want: "no XML element"},
		{name: "broken XML", metadata: text(func() string { return goodMetadata()[:900] }), want: "not well-formed"},
		{name: "web page", metadata: text(func() string { return "<html><body>Sign in</body></html>" }),
			want: "web page"},
		{name: "web page with a DOCTYPE", want: "web page", metadata: text(func() string {
			return "\n<!doctype HTML>\n<html lang=en><meta charset=utf-8><br><body>Sign in</body></html>"
		})},
		{name: "web page that is not well-formed", want: "web page", metadata: text(func() string {
			return "<!-- a comment --><HTML lang=en><head><meta charset=utf-8><br></HTML>"
		})},
		{name: "XHTML", want: "web page", metadata: text(func() string {
			return `<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>`
		})},
		{name: "an element that only begins so", want: "root is", metadata: text(func() string { return "<header/>" })},
		{name: "a comment in front", certs: 1,
			metadata: text(func() string { return "<!-- ours -->" + goodMetadata() })},
		{name: "DOCTYPE", metadata: text(func() string { return "<!DOCTYPE x>" + goodMetadata() }),
			want: "document type"},
		{name: "another root", metadata: text(func() string { return `<foo xmlns="urn:x"/>` }), want: "root is foo"},
		{name: "several identity providers", metadata: text(func() string { return list(goodMetadata() + another()) }),
			want: "2 identity providers (https://idp.example.com/metadata, https://two.example.com)"},
		{name: "a service provider", metadata: text(func() string { return service }),
			want: "https://sp is a service provider"},
		{name: "an identity provider for SAML 1.1 only", metadata: edit("SAML:2.0:protocol", "SAML:1.1:protocol"),
			want: "no identity provider"},
		{name: "no entityID", metadata: edit(` entityID="https://idp.example.com/metadata"`, ""), want: "no entityID"},
		{name: "expired validUntil", metadata: edit("entityID=", `validUntil="2026-03-10T11:59:59Z" entityID=`),
			want: "valid until 2026-03-10T11:59:59Z"},
		{name: "expired validUntil of the role",
			metadata: edit("<md:IDPSSODescriptor ", `<md:IDPSSODescriptor validUntil="2020-01-01T00:00:00Z" `),
			want:     "valid until 2020-01-01"},
		{name: "validUntil that is no time", metadata: edit("entityID=", `validUntil="tomorrow" entityID=`),
			want: "tomorrow"},
		{name: "no key", metadata: with(func() string { return "" }), want: "no signing certificate"},
		{name: "an encryption key only", metadata: with(func() string { return mdKey("encryption", keys().IdP.Cert) }),
			want: "no signing certificate"},
		{name: "a weak key only", metadata: with(func() string { return mdKey("signing", keys().Weak.Cert) }),
			want: "RSA key of 1024 bits"},
		{name: "certificate that is not base64", metadata: edit("MII", "M*I"), want: "not base64"},
		{name: "certificate that cannot be read", metadata: text(func() string {
			return mdOpen + mdRole + `<md:KeyDescriptor><ds:KeyInfo><ds:X509Data>` +
				`<ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
				`</md:KeyDescriptor>` + mdSSO + mdClose
		}), want: "cannot be read"},
		{name: "no endpoint", metadata: text(
			func() string { return mdOpen + mdRole + mdKey("", keys().IdP.Cert) + mdClose }),
			want: "no SingleSignOnService"},
		{name: "an endpoint for SOAP only", metadata: text(func() string {
			return mdOpen + mdRole + mdKey("", keys().IdP.Cert) +
				`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://x"/>` +
				mdClose
		}), want: "offered: urn:oasis:names:tc:SAML:2.0:bindings:SOAP"},
		{name: "an endpoint that is a script", metadata: edit(`"https://idp.example.com/sso"`, `"javascript:alert(1)"`),
			want: "javascript"},
		{name: "too large", metadata: text(func() string { return strings.Repeat(" ", MaxMetadataBytes+1) }),
			want: "larger than"},
		{name: "deep", metadata: text(func() string {
			return mdOpen + strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000) + "</md:EntityDescriptor>"
		}), want: "deeper than 64"},
		{name: "deep lists", metadata: text(func() string {
			return strings.Repeat(`<EntitiesDescriptor xmlns="`+nsMetadata+`">`, 5000) +
				strings.Repeat("</EntitiesDescriptor>", 5000)
		}), want: "deeper than 64"},
		{name: "two documents", metadata: text(func() string { return goodMetadata() + goodMetadata() }),
			want: "more than one"},
		{name: "a document type inside", metadata: edit("<md:IDPSSODescriptor", "<!DOCTYPE x><md:IDPSSODescriptor"),
			want: "document type"},
		{name: "an entity", metadata: edit("https://idp.example.com/sso", "https://idp.example.com/&sso;"),
			want: "not well-formed"},
		{name: "expired validUntil of the outer of two lists", metadata: text(func() string {
			return strings.Replace(list(list(goodMetadata())), " xmlns:md",
				` validUntil="2026-03-10T11:59:59Z" xmlns:md`, 1)
		}), want: "valid until 2026-03-10T11:59:59Z"},
	}
}

func TestParseMetadata(t *testing.T) {
	for _, c := range metadataCases() {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseMetadata(c.metadata(), testNow)
			if c.want != "" {
				wantReason(t, err, ReasonMetadata)
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error = %v, want it to say %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.EntityID != samltest.IdP || m.SSOURLs[BindingRedirect] != "https://idp.example.com/sso" ||
				m.SSOURLs[BindingPost] != "https://idp.example.com/sso/post" || !m.WantAuthnRequestsSigned {
				t.Errorf("metadata = %+v", m)
			}
			if len(m.Certificates) != c.certs || len(m.Warnings) != c.warnings {
				t.Errorf("%d certificates, warnings %q; want %d and %d", len(m.Certificates), m.Warnings, c.certs,
					c.warnings)
			}
		})
	}
}

// TestSPMetadata: another library reads what we write.
func TestSPMetadata(t *testing.T) {
	c := requestConnection()
	c.NameIDFormat = NameIDEmail
	out, err := c.SPMetadata()
	if err != nil {
		t.Fatal(err)
	}
	var entity saml.EntityDescriptor
	if err := xml.Unmarshal(out, &entity); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if entity.EntityID != samltest.EntityID || len(entity.SPSSODescriptors) != 1 ||
		strings.Contains(string(out), "validUntil") {
		t.Fatalf("metadata:\n%s", out)
	}
	role := entity.SPSSODescriptors[0]
	if !*role.AuthnRequestsSigned || !*role.WantAssertionsSigned || len(role.AssertionConsumerServices) != 1 ||
		len(role.ArtifactResolutionServices) != 0 ||
		role.AssertionConsumerServices[0].Binding != BindingPost ||
		role.AssertionConsumerServices[0].Location != samltest.ACS {
		t.Errorf("metadata:\n%s", out)
	}
	if len(role.KeyDescriptors) != 1 || role.KeyDescriptors[0].Use != "signing" {
		t.Fatalf("keys: %+v", role.KeyDescriptors)
	}
	cert, err := ParseCertificate(role.KeyDescriptors[0].KeyInfo.X509Data.X509Certificates[0].Data)
	if err != nil || !cert.Equal(c.Certificate) {
		t.Errorf("certificate: %v", err)
	}
}

func TestParseCertificate(t *testing.T) {
	good := string(keys().IdP.PEM())
	for _, c := range []struct{ name, in, want string }{
		{"PEM", good, ""},
		{"base64", base64.StdEncoding.EncodeToString(keys().IdP.Cert.Raw), ""},
		{"ECDSA", string(keys().EC.PEM()), ""},
		{"two blocks", good + good, "one PEM block"},
		{"a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PRIVATE KEY"},
		{"weak", string(keys().Weak.PEM()), "1024 bits"},
		{"nothing", "", "neither PEM nor base64"},
		{"garbage", "AAAA", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseCertificate(c.in)
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error = %v, want %q", err, c.want)
			}
		})
	}
}

func TestExpiryWarning(t *testing.T) {
	end := keys().Expired.Cert.NotAfter
	for _, c := range []struct {
		name, want string
		now        time.Time
	}{
		{"31 days ahead", "", end.Add(-31 * 24 * time.Hour)},
		{"29 days ahead", "expires on", end.Add(-29 * 24 * time.Hour)},
		{"over", "expired on", end.Add(time.Second)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ExpiryWarning(keys().Expired.Cert, c.now); !strings.Contains(got, c.want) ||
				(c.want == "") != (got == "") {
				t.Errorf("warning = %q, want %q", got, c.want)
			}
		})
	}
}
