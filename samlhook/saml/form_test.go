package saml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"rollcall/samlhook/saml/samltest"
)

func postOf(body io.Reader) *http.Request {
	r := httptest.NewRequest("POST", "/acs", body)
	r.Header.Set("Content-Type", formType)
	return r
}

// formCase is a form that is read, whatever pieces it comes in.
type formCase struct{ name, body, message, relay string }

func formCases() []formCase {
	const message = "<a>\xc3\xa9 long enough for several groups, with what base64 writes as + and /: \xfb\xef\xbe\xff</a>"
	text := base64.StdEncoding.EncodeToString([]byte(message))
	escaped := url.QueryEscape(text)
	every := strings.Map(func(r rune) rune { return r }, "")
	for _, b := range []byte(text) {
		every += "%" + strings.ToUpper(string("0123456789abcdef"[b>>4])+string("0123456789abcdef"[b&15]))
	}
	return []formCase{
		{"alone", "SAMLResponse=" + escaped, message, ""},
		{"with RelayState", "RelayState=a%20b%2Bc+d&SAMLResponse=" + escaped, message, "a b+c d"},
		{"RelayState behind", "SAMLResponse=" + escaped + "&RelayState=%c3%A9", message, "é"},
		{"among others", "x=1&&y&SAMLResponse=" + escaped + "&z=%zz&=", message, ""},
		{"every byte escaped", "SAMLResponse=" + every, message, ""},
		{"the name escaped", "SAML%52esponse=" + escaped, message, ""},
		{"lines", "SAMLResponse=" + url.QueryEscape(wrapLines(text, 10)), message, ""},
		{"a byte order mark", "SAMLResponse=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("\xef\xbb\xbf<a/>"))),
			"\xef\xbb\xbf<a/>", ""},
		{"a long name beside it", strings.Repeat("n", 100_000) + "=1&SAMLResponse=" + escaped, message, ""},
		{"a long value beside it", "x=" + strings.Repeat("n", 100_000) + "&SAMLResponse=" + escaped, message, ""},
	}
}

func TestFormInPieces(t *testing.T) {
	for _, c := range formCases() {
		for name, in := range map[string]io.Reader{
			"whole": strings.NewReader(c.body), "by the byte": iotest.OneByteReader(strings.NewReader(c.body)),
			"by halves": iotest.HalfReader(strings.NewReader(c.body)), "with its end": iotest.DataErrReader(strings.NewReader(c.body)),
		} {
			post, err := ReadPost(postOf(in), 0, nil)
			if err != nil || string(post.Message) != c.message || post.RelayState != c.relay {
				t.Errorf("%s, %s: %q %q, %v", c.name, name, post.Message, post.RelayState, err)
			}
		}
	}
	// A connection that breaks is no message that was refused.
	_, err := ReadPost(postOf(io.MultiReader(strings.NewReader("SAMLResponse=PHgv"), iotest.ErrReader(io.ErrClosedPipe))), 0, nil)
	if _, refused := errors.AsType[*Refusal](err); refused || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

// TestJunkIsNotReadOn: what cannot be a message any more is not read to its end.
func TestJunkIsNotReadOn(t *testing.T) {
	for name, head := range map[string]string{"not base64": "SAMLResponse=%%", "not XML": "SAMLResponse=aGVsbG8h",
		"a second response": "SAMLResponse=PHgv&SAMLResponse=", "an artifact": "SAMLart=",
		"many parameters": strings.Repeat("a&", 20)} {
		rest := strings.NewReader(strings.Repeat("A", 1<<20))
		if _, err := ReadPost(postOf(io.MultiReader(strings.NewReader(head), rest)), 0, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if rest.Len() < 1<<20-32<<10 {
			t.Errorf("%s: %d bytes were read on", name, 1<<20-rest.Len())
		}
	}
}

// FuzzForm: read in pieces or as a whole, as net/url reads it.
func FuzzForm(f *testing.F) {
	for _, c := range formCases() {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, err := ReadPost(postOf(bytes.NewReader(body)), 0, nil)
		pieces, err2 := ReadPost(postOf(iotest.OneByteReader(bytes.NewReader(body))), 0, nil)
		if (err == nil) != (err2 == nil) || !bytes.Equal(whole.Message, pieces.Message) || whole.RelayState != pieces.RelayState {
			t.Fatalf("%q, %v; in pieces %q, %v", whole, err, pieces, err2)
		}
		if err != nil {
			return
		}
		values, _ := url.ParseQuery(string(body))
		if len(values["SAMLResponse"]) != 1 { // it drops what has a semicolon
			return
		}
		want, err := decodeBase64(values.Get("SAMLResponse"))
		if err != nil || !bytes.Equal(want, whole.Message) || values.Get("RelayState") != whole.RelayState {
			t.Fatalf("%q %q, net/url reads %q %q, %v", whole.Message, whole.RelayState, want, values.Get("RelayState"), err)
		}
	})
}

// junkForms are forms of a megabyte that anybody can send.
func junkForms(t testing.TB) map[string]string {
	forms := map[string]string{
		"no response":     "x=" + strings.Repeat("A", 1<<20),
		"not base64":      "SAMLResponse=" + strings.Repeat("%%", 1<<19),
		"base64 of text":  "SAMLResponse=" + strings.Repeat("QUFB", 1<<18),
		"base64 of <<<<":  "SAMLResponse=" + strings.Repeat("PDw8", 1<<18),
		"escaped base64":  "SAMLResponse=" + strings.Repeat("%50%44%77%38", 1<<20/12),
		"many parameters": strings.Repeat("a=b&", 1<<18),
	}
	for name, message := range refusedFast(t) {
		forms["message: "+name] = "SAMLResponse=" + url.QueryEscape(base64.StdEncoding.EncodeToString(message))
	}
	// What only somebody can send whom the identity provider has signed in: a genuine signature above anything.
	for name, message := range signedJunk(t) {
		forms["signed: "+name] = "SAMLResponse=" + url.QueryEscape(base64.StdEncoding.EncodeToString(message))
	}
	return forms
}

// BenchmarkJunk is what a form that anybody can send costs, from its first byte in memory to the refusal; "read" is
// reading one alone.
func BenchmarkJunk(b *testing.B) {
	connection := testConnection()
	look := func(head []byte) (bool, *Refusal) {
		_, enough, refusal := connection.JudgeHead(head, testNow)
		return enough, refusal
	}
	forms := junkForms(b)
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		form := forms[name]
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			b.SetBytes(int64(len(form)))
			b.ReportAllocs()
			defer samltest.ReportCPU(b, samltest.CPU())
			for b.Loop() {
				post, err := ReadPost(postOf(strings.NewReader(form)), 8<<20, look)
				if err == nil {
					if _, refusal := connection.Verify(post.Message, testNow); refusal == nil {
						b.Fatal("accepted")
					}
				}
			}
		})
	}
	b.Run("read", func(b *testing.B) {
		form := strings.Repeat("A", 1<<20)
		buffer := make([]byte, 16<<10)
		b.SetBytes(1 << 20)
		defer samltest.ReportCPU(b, samltest.CPU())
		for b.Loop() {
			in := strings.NewReader(form)
			for {
				if _, err := in.Read(buffer); err != nil {
					break
				}
			}
		}
	})
}
