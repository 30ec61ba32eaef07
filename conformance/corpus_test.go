package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A corpus is what a server by other people answered to the requests of one
// run, in testdata/corpus/NAME.gz, and a verdict by hand on each finding, in
// testdata/corpus/NAME.txt. A run against the recorded answers must accuse of
// nothing that was found to be no deviation.
//
//	go test ./conformance -run TestCorpus -record NAME -peer URL -peer-token TOKEN
//
// records anew; "elimity" runs in the test itself and needs no URL.
var (
	record    = flag.String("record", "", "record the answers of a peer under this name")
	peerURL   = flag.String("peer", "", "base URL of the peer to record")
	peerToken = flag.String("peer-token", "", "its bearer token")
)

// An answered request, as a line of a corpus.
type answered struct {
	Request string              `json:"q"` // method, path, headers that matter, body
	Status  int                 `json:"s"` // 0 for no answer
	Header  map[string][]string `json:"h,omitempty"`
	Body    string              `json:"b,omitempty"`
}

// corpusBase stands for the peer's base URL, whatever it was.
const corpusBase = "http://peer.test/scim"

// key names a request apart from everything that is no part of what it asks.
func key(r *http.Request, body []byte, base string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method, strings.TrimPrefix(r.URL.String(), base))
	for _, k := range []string{"Accept", "Content-Type", "If-Match", "If-None-Match", "Prefer"} {
		if v := r.Header.Get(k); v != "" {
			fmt.Fprintf(&b, " %s=%s", k, v)
		}
	}
	if auth := r.Header.Get("Authorization"); auth != "Bearer "+corpusToken {
		fmt.Fprintf(&b, " auth=%s", auth)
	}
	return b.String() + "\n" + strings.ToValidUTF8(string(body), "?")
}

const corpusToken = "corpus-token"

// recording writes down what a transport answers.
type recording struct {
	rt    http.RoundTripper
	base  string
	mu    sync.Mutex
	lines []answered
}

func (c *recording) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := c.rt.RoundTrip(r)
	a := answered{Request: key(r, body, c.base)}
	if err == nil {
		data, _ := io.ReadAll(res.Body)
		res.Body = io.NopCloser(bytes.NewReader(data))
		header := res.Header.Clone()
		for _, k := range []string{"Date", "Connection", "Keep-Alive", "X-Powered-By"} {
			header.Del(k)
		}
		a.Status, a.Header, a.Body = res.StatusCode, header, strings.ReplaceAll(string(data), c.base, corpusBase)
		for _, vs := range a.Header {
			for i := range vs {
				vs[i] = strings.ReplaceAll(vs[i], c.base, corpusBase)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, a)
	return res, err
}

// replaying answers from a corpus: equal requests in the order of the record,
// the last answer again where there are no more.
type replaying struct {
	mu      sync.Mutex
	answers map[string][]answered
	asked   int
	unknown []string
}

func (c *replaying) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	k := key(r, body, corpusBase)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	found := c.answers[k]
	if len(found) == 0 {
		c.unknown = append(c.unknown, k)
		return nil, errUnrecorded
	}
	a := found[0]
	if len(found) > 1 {
		c.answers[k] = found[1:]
	}
	if a.Status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header(a.Header).Clone(),
		Body:   io.NopCloser(strings.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r}, nil
}

var errUnrecorded = errors.New("the corpus has no answer to this request")

// corpusTarget is the run that is recorded: everything in it is always the same.
func corpusTarget(base string, rt http.RoundTripper) Target {
	return Target{URL: base, Auth: Credentials{Bearer: corpusToken}, Transport: rt, Profile: ProfileAll,
		Concurrency: 1, MaxWait: -1, Confirm: -1, id: "corpus00", plain: true}
}

func recordCorpus(t *testing.T, name string) {
	base, rt := *peerURL, http.RoundTripper(&http.Transport{DisableKeepAlives: true})
	if name == "elimity" {
		base, rt = "http://elimity.test/v2", Handler(elimityHandler(t))
	}
	c := &recording{rt: rt, base: base}
	target := corpusTarget(base, c)
	if *peerToken != "" && *peerToken != corpusToken {
		t.Fatalf("give the peer the token %q", corpusToken)
	}
	if _, err := Run(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	e := json.NewEncoder(z)
	for _, a := range c.lines {
		if err := e.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "corpus", name+".gz"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readCorpus(t *testing.T, name string) *replaying {
	f, err := os.Open(filepath.Join("testdata", "corpus", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c := &replaying{answers: map[string][]answered{}}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a answered
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		c.answers[a.Request] = append(c.answers[a.Request], a)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// A verdictByHand says whether an accusation is right, and why.
type verdictByHand struct{ id, is, why string }

func readVerdicts(t *testing.T, name string) map[string]verdictByHand {
	data, err := os.ReadFile(filepath.Join("testdata", "corpus", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]verdictByHand{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if f := strings.SplitN(line, " · ", 3); len(f) == 3 && line[0] != '#' {
			out[f[0]] = verdictByHand{f[0], f[1], f[2]}
		}
	}
	return out
}

// TestCorpus judges the recorded peers again and compares with the verdicts by
// hand: no accusation without a verdict, none that was found false, and none of
// the right ones lost.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one request after another: the race detector has nothing to find")
	}
	if *record != "" {
		recordCorpus(t, *record)
	}
	files, err := filepath.Glob("testdata/corpus/*.gz")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	falsely := 0
	peers := map[string]Report{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		t.Run(name, func(t *testing.T) {
			c := readCorpus(t, name)
			target := corpusTarget(corpusBase, c)
			target.sleep = func(time.Duration) {}
			rep, err := Run(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			peers[name] = rep
			known := readVerdicts(t, name)
			right := 0
			for _, r := range append(rep.Failures(), rep.Warnings()...) {
				if r.ID == noAnswer && strings.Contains(r.Findings[0].Message, errUnrecorded.Error()) {
					continue
				}
				switch v := known[r.ID]; v.is {
				case "true":
					right++
				case "false":
					falsely++
					t.Errorf("%s is accused of, falsely (%s): %s", r.ID, v.why, r.Findings[0].Message)
				default:
					t.Errorf("%s has no verdict by hand: %s\n%s", r.ID, r.Findings[0].Message, r.Findings[0].Exchange)
				}
				delete(known, r.ID)
			}
			var lost []string
			for id, v := range known {
				if v.is == "true" {
					lost = append(lost, id)
				}
			}
			slices.Sort(lost)
			if len(lost) > 0 {
				t.Errorf("right, and not found any more: %v", lost)
			}
			if len(c.unknown)*20 > c.asked {
				t.Errorf("%d of %d requests are not in the corpus; record it anew. The first:\n%s", len(c.unknown),
					c.asked, c.unknown[0])
			}
			t.Logf("%s: %d right accusations, %d requests, %d not recorded", name, right, c.asked, len(c.unknown))
		})
	}
	t.Logf("false accusations: %d", falsely)
	checkFindings(t, peers)
}

// peerNames are the peers in the order of the document, with what they are.
var peerNames = []struct{ name, title, what string }{
	{"scimmy", "SCIMMY", "SCIMMY 1.3.5 with scimmy-routers 1.3.2 on express 4.22 (Node.js 20)"},
	{"elimity", "elimity-com/scim", "a server on `scim.Server` of github.com/elimity-com/scim (d5e7ba418946)"},
}

// checkFindings holds that docs/conformance-findings.md is made from the corpus;
// -update writes it.
func checkFindings(t *testing.T, peers map[string]Report) {
	var b strings.Builder
	b.WriteString(findingsHead)
	for _, p := range peerNames {
		c := peers[p.name].Counts
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", p.what, c.Passed, c.Failed, c.Warned, c.Info, c.Skipped)
	}
	b.WriteString(findingsRest)
	for _, p := range peerNames {
		rep := peers[p.name]
		fmt.Fprintf(&b, "\n## %s\n\n| requirement | level | rests on | what was seen |\n| --- | --- | --- | --- |\n", p.title)
		verdicts := readVerdicts(t, p.name)
		for _, c := range rep.Causes {
			for i, id := range append([]string{c.Root}, c.Failed...) {
				r, v := rep.Result(id), verdicts[id]
				if r == nil || v.is != "true" {
					continue
				}
				name := id
				if i > 0 {
					name = "… " + id
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, r.Level, r.Where(), strings.ReplaceAll(excerpt(v.why, 160), "|", `\|`))
			}
		}
	}
	file := filepath.Join("..", "docs", "conformance-findings.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the corpus says (%v); go test -run TestCorpus -update writes it", file, err)
	}
}

const findingsHead = `# What the suite found on servers by other people

Two independent servers were judged by ` + "`scimconform`" + ` in the profile all, each with a plain store in memory behind it that
keeps what the library hands over. Their answers are recorded in ` + "`conformance/testdata/corpus`" + `, and every finding has a verdict
by hand there; those below were found right. This page is written by ` + "`go test ./conformance -run TestCorpus -update`" + ` from them.
What our own store leaves out counts against the server, for the suite sees no library.

| server | passed | failed | warned | info | skipped |
| --- | --- | --- | --- | --- | --- |
`

const findingsRest = `
Skipped are mostly features that neither server promises: cursors, ETags, security events; with elimity also sort and Bulk.
A line that begins with "…" was broken together with the one above it. "~" stands for the names that a run gives.
`
