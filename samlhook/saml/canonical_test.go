package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/samlhook/saml/samltest"
)

// canonicalCases are what canonicalization is about, each an Attribute of an assertion.
func canonicalCases() map[string]string {
	value := func(s string) string {
		return `<saml:Attribute Name="x"><saml:AttributeValue>` + s + `</saml:AttributeValue></saml:Attribute>`
	}
	return map[string]string{
		"references":       value(`a&amp;b&lt;c&gt;d&quot;e&apos;f&#x41;&#66;&#233;&#x1F600;`),
		"characters":       value(`é 日本 😀 " ' >`),
		"carriage returns": value("a\r\nb\rc&#13;d&#xd;&#xA;e\r\r\n"),
		"CDATA":            value(`a<![CDATA[<b>&amp; ]] > "]]><![CDATA[]]>c<![CDATA[]]]]><![CDATA[>]]>`),
		"white space":      value(" \t\n <saml:NameID > \n</saml:NameID\n>\t"),
		"mixed":            value(`a<saml:NameID>b</saml:NameID>c<saml:NameID/>d`),
		"attribute values": `<saml:Attribute Name="&lt;&amp;&gt;&quot;&apos;'" FriendlyName='"&#9;&#10;&#13; '/>`,
		"literal white":    "<saml:Attribute Name=\"a\tb\nc\r\nd\re\"/>",
		"order": `<saml:Attribute Z="1" a="2" Name="x" xmlns:b="urn:a" xmlns:a="urn:b" a:a="3" b:z="4" ` +
			`b:a="5"/>`,
		"xml attributes": `<saml:Attribute xml:lang="de" Name="x" xml:space="preserve" xmlns:z="urn:a" z:a=""/>`,
		"unused": `<saml:Attribute xmlns:unused="urn:u" Name="x"><unused:a xmlns:unused="urn:v"/>` +
			`</saml:Attribute>`,
		"used twice":         value(`<u:a xmlns:u="urn:u"/><u:a xmlns:u="urn:u"><u:b xmlns:u="urn:u"/></u:a>`),
		"rebound":            value(`<u:a xmlns:u="urn:u"><u:b xmlns:u="urn:v"><u:c xmlns:u="urn:u"/></u:b></u:a>`),
		"default":            value(`<a xmlns="urn:a"><b/><c xmlns=""><d/><e xmlns="urn:a"/></c></a>`),
		"default undeclared": value(`<a xmlns=""/>`),
		"default above":      value(`<u:a xmlns:u="urn:u" xmlns="urn:a"><b/></u:a>`),
		"prefixed attribute": value(`<a u:b="c" xmlns:u="urn:u"><d u:b="e"/></a>`),
		"names":              value(`<é.-_1 xmlns="urn:names" ö="1"/>`),
		"nothing":            `<saml:Attribute Name=""></saml:Attribute>`,
	}
}

// canonicalMessage is a response with an attribute, unsigned.
func canonicalMessage(attribute string) string {
	m := newParts()
	m.ResponseOpen = strings.Replace(m.ResponseOpen, "<samlp:Response", `<samlp:Response xmlns:xs="urn:xs"`, 1)
	m.Attributes = strings.Replace(m.Attributes, "</saml:AttributeStatement>", attribute+"</saml:AttributeStatement>", 1)
	return m.Response()
}

// TestCanonicalByPeer has xmlsec1 sign what is hard to bring into canonical form.
func TestCanonicalByPeer(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(keys().IdP.Key)
	if err != nil {
		t.Fatal(err)
	}
	key := writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	cert := writeFile(t, "cert.pem", keys().IdP.PEM())
	exclusive := func(list string) string {
		return ` Algorithm="` + nsExclusive + `"><ec:InclusiveNamespaces xmlns:ec="` + nsExclusive +
			`" PrefixList="` + list + `"/></`
	}
	for _, form := range []struct{ name, ofInfo, transform string }{
		{"exclusive", ` Algorithm="` + nsExclusive + `"/>`, ` Algorithm="` + nsExclusive + `"/>`},
		{"prefixes", exclusive("xs #default") + "ds:CanonicalizationMethod>",
			exclusive("xs #default unknown u") + "ds:Transform>"},
		{"inclusive", ` Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>`,
			` Algorithm="` + nsExclusive + `"/>`},
		{"inclusive 1.1", ` Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>`, ` Algorithm="` + nsExclusive + `"/>`},
	} {
		for name, attribute := range canonicalCases() {
			t.Run(form.name+"/"+name, func(t *testing.T) {
				template := `<ds:Signature xmlns:ds="` + nsDsig + `" xmlns:other="urn:other"><ds:SignedInfo>` +
					`<ds:CanonicalizationMethod` + form.ofInfo + `<ds:SignatureMethod Algorithm="` +
					dsig.RSASHA256SignatureMethod + `"/><ds:Reference URI="#_assert1"><ds:Transforms>` + samltest.Enveloped +
					`<ds:Transform` + form.transform + `</ds:Transforms><ds:DigestMethod Algorithm="` + nsEnc + `sha256"/>` +
					`<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
				message := writeFile(t, "template.xml",
					[]byte(samltest.InsertSignature(t, canonicalMessage(attribute), "Assertion", template)))
				output := writeFile(t, "signed.xml", nil)
				args := append([]string{"--sign", "--output", output, "--privkey-pem", key + "," + cert}, idAttributes...)
				if out, err := xmlsec(t, append(args, message)...); err != nil {
					t.Fatalf("xmlsec1 --sign: %v\n%s", err, out)
				}
				signed, err := os.ReadFile(output)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := testConnection().Verify(signed, testNow); err != nil {
					t.Errorf("refused what xmlsec1 signed: %v\n%s", err, signed)
				}
			})
		}
	}
}

// FuzzCanonical: goxmldsig brings what the scan passes into the same form, and etree reads the same out of it.
func FuzzCanonical(f *testing.F) {
	for _, attribute := range canonicalCases() {
		f.Add([]byte(canonicalMessage(attribute)), "xs #default u")
	}
	f.Add([]byte(signed(f, nil)), "")
	f.Add([]byte(`<?xml version="1.0"?><p:Response xmlns:p="`+nsProtocol+`" xmlns="urn:a"><p:Status><a/></p:Status>`+
		`</p:Response>`), "#default")
	f.Fuzz(func(t *testing.T, message []byte, list string) {
		o, refusal := scan(message, Limits{}.withDefaults())
		if refusal != nil {
			return
		}
		prefixes := strings.Fields(strings.ReplaceAll(list, "#default", ""))
		ours, refusal := canonicalize(o.message, o.response.from, nil, canonicalForm{prefixes: prefixes})
		if refusal != nil {
			t.Fatal(refusal)
		}
		again, refusal := canonicalize(string(ours), 0, nil, canonicalForm{prefixes: prefixes})
		if refusal != nil || !bytes.Equal(again, ours) {
			t.Fatalf("not the same again:\n%s\n%s, %v", ours, again, refusal)
		}
		el, refusal := parse(ours)
		if refusal != nil {
			t.Fatal(refusal)
		}
		readable, ok := forLibrary(o)
		doc := etree.NewDocument()
		if !ok || doc.ReadFromString(readable) != nil { // encoding/xml knows the names of an older edition of XML
			return
		}
		sameTree(t, el, doc.Root())
		theirs, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(strings.Join(prefixes, " ")).
			Canonicalize(doc.Root().Copy())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			i := 0
			for i < min(len(ours), len(theirs)) && ours[i] == theirs[i] {
				i++
			}
			from := max(0, i-50)
			t.Fatalf("at byte %d ours\n%.150s\ngoxmldsig's\n%.150s", i, ours[from:], theirs[from:])
		}
	})
}

// forLibrary is the message as goxmldsig can read it: white space in attribute values is written as spaces, as XML 1.0
// §3.3.3 has it and encoding/xml has not. Not ok is what TestLibraryCanonicalForm shows it to do wrong, or what
// encoding/xml leaves as it is: carriage returns in CDATA sections.
func forLibrary(o *outline) (message string, ok bool) {
	var out strings.Builder
	t := tokens{in: o.message, pos: o.response.from}
	out.WriteString(o.message[:t.pos])
	for t.pos < len(t.in) {
		from := t.pos
		tok, _ := t.next()
		piece := t.in[from:t.pos]
		if tok.kind == startToken {
			prefixed := 0
			for _, a := range t.attrs {
				prefix := a.name.prefix()
				if prefix == "xml" || a.name.whole == "xmlns" && a.value == "" {
					return "", false
				}
				if prefix != "" && prefix != "xmlns" {
					prefixed++
				}
			}
			if prefixed > 1 {
				return "", false
			}
			piece = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(piece)
		}
		if tok.kind == cdataToken && strings.Contains(piece, "\r") {
			return "", false
		}
		out.WriteString(piece)
	}
	return out.String(), true
}

// sameTree compares a tree of ours with one of etree's.
func sameTree(t *testing.T, ours *element, theirs *etree.Element) {
	var attrs []elementAttribute
	for _, a := range theirs.Attr {
		if a.Space != "xmlns" && (a.Space != "" || a.Key != "xmlns") {
			attrs = append(attrs, elementAttribute{a.NamespaceURI(), a.Key, a.Value})
		}
	}
	mixed := ""
	for _, child := range theirs.Child {
		if data, ok := child.(*etree.CharData); ok {
			mixed += data.Data
		}
	}
	children := theirs.ChildElements()
	same := ours.local == theirs.Tag && ours.space == theirs.NamespaceURI() && text(ours) == mixed &&
		len(ours.attrs) == len(attrs) && len(ours.children) == len(children)
	for _, a := range attrs {
		same = same && slices.Contains(ours.attrs, a)
	}
	if !same {
		t.Fatalf("ours %+v\netree's %s %q %+v", ours, theirs.FullTag(), mixed, attrs)
	}
	for i, child := range ours.children {
		sameTree(t, child, children[i])
	}
}
