package saml

import (
	"runtime"
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
	forged := sign(t, big.Response(), "Assertion", signing{By: keys().Attacker, KeyInfo: keys().IdP.Cert})
	return map[string][]byte{
		"junk text":     []byte(strings.Repeat("junk ", 200_000)),
		"one long text": []byte(newParts().ResponseOpen + strings.Repeat("x", 1<<20)),
		"100,000 elements": []byte(newParts().ResponseOpen + newParts().Status + strings.Repeat("<a b='c'/>",
			100_000)),
		"deep nesting":    []byte(strings.Repeat("<a>", 300_000)),
		"unsigned, 3,000": []byte(big.Response()),
		"forged, 3,000":   []byte(forged),
		"references": []byte(newParts().ResponseOpen + "<samlp:Status>" + strings.Repeat("&lt;", 250_000) +
			"</samlp:Status></samlp:Response>"),
		"open CDATA sections": []byte(newParts().ResponseOpen + strings.Repeat("<![CDATA[", 100_000)),
		"attributes": []byte(newParts().ResponseOpen + "<samlp:Status>" +
			strings.Repeat("<a"+strings.Repeat(" bcdefghi='jklmnop'", 40)+">", 1000)),
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
			if bytes := (after.TotalAlloc - before.TotalAlloc) / runs; bytes > 3<<20 {
				t.Errorf("refusing %d bytes allocated %d", len(message), bytes)
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
			for b.Loop() {
				if _, err := connection.Verify(message, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
