package saml

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/samlhook/saml/samltest"
)

// FuzzVerify: never a panic, never an identity that nobody signed. The only identities the configured key ever signed
// are those of the seeds, so whatever is accepted must be Alice or one of the seeds' own refusable values.
func FuzzVerify(f *testing.F) {
	for _, c := range acceptCases() {
		if m := c.message(f); len(m) < 100_000 {
			f.Add([]byte(m))
		}
	}
	for _, cases := range [][]refuseCase{signatureCases(), wrappingCases(), xmlCases(), contentCases()} {
		for _, c := range cases {
			if m := c.message(f); len(m) < 20_000 {
				f.Add([]byte(m))
			}
		}
	}
	connection := testConnection()
	connection.AllowSHA1, connection.AllowIdPInitiated = true, true
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := connection.Verify(message, testNow)
		if r == nil {
			t.Fatal("no Response")
		}
		if r.Assertion != nil && !r.Verified {
			t.Fatal("an assertion without a signature")
		}
		if err == nil && r.Assertion.NameID != "alice@example.com" {
			t.Fatalf("accepted %q, whom nobody signed", r.Assertion.NameID)
		}
	})
}

// FuzzScan: what the scan passes, a namespace-aware parser must read as XML too.
func FuzzScan(f *testing.F) {
	f.Add([]byte(newParts().Response()))
	f.Add([]byte(`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"><![CDATA[]]></p:Response>`))
	f.Add([]byte(`<?xml version="1.0"?><a b='c'/>`))
	f.Fuzz(func(t *testing.T, message []byte) {
		o, err := scan(message, Limits{}.withDefaults())
		if err != nil {
			return
		}
		for _, s := range o.signatures {
			if s.from >= s.to || s.to > len(o.message) || !strings.HasSuffix(string(o.message[s.from:s.to]), ">") {
				t.Fatalf("signature at %v of %d bytes", s, len(o.message))
			}
		}
		if o.response.to == 0 || o.elements == 0 {
			t.Fatal("passed without a Response")
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, c := range metadataCases() {
		f.Add(c.metadata())
	}
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMetadata(data, testNow)
		if err != nil {
			return
		}
		if m.EntityID == "" || len(m.Certificates) == 0 || len(m.SSOURLs) == 0 {
			t.Fatalf("accepted %+v", m)
		}
	})
}

// refusedFast are messages of about a megabyte that anybody can send.
func refusedFast(t testing.TB) map[string][]byte {
	big := newParts()
	big.Attributes = samltest.Groups(3000)
	forged := func(tag string) []byte {
		return []byte(sign(t, big.Response(), tag, signing{By: keys().Attacker, KeyInfo: keys().IdP.Cert}))
	}
	random := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	open := newParts().ResponseOpen
	status := func(inside string) []byte {
		return []byte(open + newParts().ResponseIssuer + "<samlp:Status>" + inside + "</samlp:Status></samlp:Response>")
	}
	// signature is a message with a Signature of which SignedInfo holds what is given.
	signature := func(declared, info string) []byte {
		return []byte(strings.Replace(open, "<samlp:Response ", "<samlp:Response "+declared+" ", 1) +
			newParts().ResponseIssuer + `<ds:Signature xmlns:ds="` + nsDsig + `"><ds:SignedInfo>` + info +
			`</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>` + newParts().Status +
			"</samlp:Response>")
	}
	namespace := func(size int) string { return `xmlns:q="a:` + strings.Repeat("x", size) + `"` }
	var declared, prefixes, many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&declared, ` xmlns:p%d="a:%d"`, i, i)
		fmt.Fprintf(&prefixes, " p%d", i)
	}
	for i := range 200 {
		fmt.Fprintf(&many, " !%d", i)
	}
	method := func(list string) string {
		return `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces ` +
			`xmlns:ec="` + nsExclusive + `" PrefixList="` + list + `"/></ds:CanonicalizationMethod><ds:SignatureMethod>` +
			strings.Repeat("<f/>", 7000) + `</ds:SignatureMethod>`
	}
	return map[string][]byte{
		"a long namespace":     signature(namespace(30_000), strings.Repeat("<q:a/>", 3000)),
		"a namespace repeated": signature(namespace(maxNamespace-2), strings.Repeat("<q:a/>", 3000)),
		"prefixes":             signature(declared.String(), method(prefixes.String())),
		"more prefixes":        signature(declared.String(), method(prefixes.String()+many.String())),
		"junk text":            []byte(strings.Repeat("junk ", 200_000)),
		"random bytes":         append([]byte("<"), random...),
		"one long text":        []byte(open + strings.Repeat("x", 1<<20)),
		"one long status":      status(strings.Repeat("x", 1<<20)),
		"characters":           status(strings.Repeat("é", 1<<19)),
		"100,000 elements":     []byte(open + newParts().Status + strings.Repeat("<a b='c'/>", 100_000)),
		"siblings":             status(strings.Repeat("<a/>", 1<<18)),
		"deep nesting":         []byte(strings.Repeat("<a>", 300_000)),
		"deep in a Response":   status(strings.Repeat("<a>", 1<<18)),
		"one long attribute":   status("<a b='" + strings.Repeat("x", 1<<20) + "'/>"),
		"one long name":        []byte("<" + strings.Repeat("a", 1<<20)),
		"one long comment":     status("<!--" + strings.Repeat("x", 1<<20) + "-->"),
		"white space":          []byte("<a>" + strings.Repeat("\r\n", 1<<19)),
		"a Response and more":  []byte(newParts().Response() + strings.Repeat("<a>", 1<<18)),
		"unsigned, 3,000":      []byte(big.Response()),
		"forged, 3,000":        forged("Assertion"),
		"forged Response":      forged("Response"),
		"references":           status(strings.Repeat("&lt;", 1<<18)),
		"open CDATA sections":  []byte(open + strings.Repeat("<![CDATA[", 100_000)),
		"CDATA sections":       status(strings.Repeat("<![CDATA[]]>", 90_000)),
		"attributes":           status(strings.Repeat(manyAttributes(), 1000)),
		"encrypted":            []byte(open + "<saml:EncryptedAssertion>" + strings.Repeat("A", 1<<20)),
	}
}

// manyAttributes is an element of about a kilobyte.
func manyAttributes() string {
	attributes := ""
	for i := range maxAttributes {
		attributes += fmt.Sprintf(" attribute%d='%d'", i, i)
	}
	return "<a" + attributes + "/>"
}

// signedJunk are messages of about a megabyte that have a genuine signature of something else.
func signedJunk(t testing.TB) map[string][]byte {
	big := newParts()
	big.Attributes = samltest.Groups(5000)
	changed := sign(t, big.Response(), "Assertion", signing{})
	genuine := sign(t, newParts().Response(), "Response", signing{})
	inside := func(junk string) []byte {
		return []byte(replace(t, genuine, "<saml:Subject>", junk+"<saml:Subject>"))
	}
	return map[string][]byte{
		"changed":        []byte(replace(t, changed, "Group number 4999", "Group number 5000")),
		"one long text":  inside(strings.Repeat("x", 1<<20)),
		"elements":       inside(strings.Repeat("<a b='"+strings.Repeat("c", 70)+"'/>", 11_900)),
		"references":     inside(strings.Repeat("&lt;", 1<<18)),
		"CDATA sections": inside(strings.Repeat("<![CDATA[x]]>", 80_000)),
		"attributes":     inside(strings.Repeat(manyAttributes(), 1000)),
	}
}

// TestRefusedCheaply bounds what a refusal allocates: memory is deterministic where time is not. The benchmark shows
// the time.
func TestRefusedCheaply(t *testing.T) {
	connection := testConnection()
	for name, message := range refusedFast(t) {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			best := time.Hour
			const runs = 3
			runtime.ReadMemStats(&before)
			for range runs {
				start := time.Now()
				if _, err := connection.Verify(message, testNow); err == nil {
					t.Fatal("accepted")
				}
				best = min(best, time.Since(start))
			}
			runtime.ReadMemStats(&after)
			if allocated := (after.TotalAlloc - before.TotalAlloc) / runs; allocated > 3<<20 {
				t.Errorf("refusing %d bytes allocated %d", len(message), allocated)
			}
			// Generous for a loaded machine and the race detector; building a tree of such a message takes several
			// times as long.
			if best > 100*time.Millisecond {
				t.Errorf("refusing %d bytes took %s", len(message), best)
			}
		})
	}
}

func BenchmarkRefuse(b *testing.B) {
	connection := testConnection()
	for name, message := range refusedFast(b) {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			defer samltest.ReportCPU(b, samltest.CPU())
			for b.Loop() {
				if _, err := connection.Verify(message, testNow); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
	b.Run("genuine_signature,_changed,_3,000", func(b *testing.B) {
		message := []byte(signed(b, func(p *parts) { p.Attributes = samltest.Groups(3000) }))
		message[strings.Index(string(message), "Group number")] = 'X'
		b.SetBytes(int64(len(message)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := connection.Verify(message, testNow); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkAccept(b *testing.B) {
	connection := testConnection()
	for name, edit := range map[string]func(*parts){
		"plain":        nil,
		"3,000_groups": func(p *parts) { p.Attributes = samltest.Groups(3000) },
	} {
		b.Run(name, func(b *testing.B) {
			message := []byte(signed(b, edit))
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			defer samltest.ReportCPU(b, samltest.CPU())
			for b.Loop() {
				if _, err := connection.Verify(message, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestHeads: no beginning of a message that is accepted is refused, and what anybody can send is refused by its
// beginning.
func TestHeads(t *testing.T) {
	for _, c := range acceptCases() {
		connection := testConnection()
		if c.connection != nil {
			c.connection(connection)
		}
		message := []byte(c.message(t))
		for cut := 0; cut <= len(message); cut += 1 + len(message)/2000 {
			if _, _, refusal := connection.JudgeHead(message[:cut], testNow); refusal != nil {
				t.Fatalf("%s: the first %d of %d bytes: %v", c.name, cut, len(message), refusal)
			}
		}
	}
	connection := testConnection()
	for name, message := range refusedFast(t) {
		if _, _, refusal := connection.JudgeHead(message[:min(maxHead, len(message))], testNow); refusal == nil {
			t.Errorf("%s: %d bytes are read on", name, len(message))
		}
	}
	for name, message := range signedJunk(t) {
		if _, enough, refusal := connection.JudgeHead(message[:maxHead], testNow); !enough {
			t.Errorf("%s: %v", name, refusal)
		}
	}
	connection.Used = func(string) *Refusal { return Refuse(ReasonRequestForeign) }
	if _, _, refusal := connection.JudgeHead([]byte(signed(t, nil)), testNow); refusal == nil {
		t.Error("a message that was used is read on")
	}
}

// FuzzHead: the beginning of a message is refused for its form only if the whole is.
func FuzzHead(f *testing.F) {
	messages := refusedFast(f)
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		f.Add(messages[name][:4<<10], 2000)
	}
	f.Add([]byte(signed(f, nil)), 3000)
	f.Add([]byte(replace(f, signed(f, nil), "alice", "<![CDATA[<a>]]>")), 2500)
	connection := testConnection()
	f.Fuzz(func(t *testing.T, message []byte, cut int) {
		head := message[:max(0, min(cut, len(message)))]
		o, refusal := scanHead(head, Limits{}.withDefaults())
		whole, wholly := scan(message, Limits{}.withDefaults())
		switch {
		case wholly == nil && refusal != nil:
			t.Fatalf("%q is refused: %v", head, refusal)
		case wholly == nil:
			for i, s := range o.signatures {
				if s.span != whole.signatures[i].span || s.parent != whole.signatures[i].parent {
					t.Fatalf("signature %d of %+v, of the whole %+v", i, o.signatures, whole.signatures)
				}
			}
		}
		if checks, enough, refusal := connection.JudgeHead(head, testNow); enough && refusal != nil ||
			checks != nil && refusal == nil || !bytes.Equal(head, message[:len(head)]) {
			t.Fatalf("%v, %t, %v", checks, enough, refusal)
		}
	})
}
