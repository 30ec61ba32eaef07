package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/conformance/refserver"
)

// TestPreflight: where there is nothing to judge, the run ends at once with one
// sentence, and has sent a handful of requests.
func TestPreflight(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	always := func(status int, contentType, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	closed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, refserver.Base+"/S") || strings.HasPrefix(r.URL.Path, refserver.Base+"/R") {
			srv.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(401)
	})
	for _, c := range []struct {
		name string
		h    http.Handler
		auth Credentials
		says string
	}{
		{"wrong token", srv, Credentials{Bearer: "wrong"}, "the credentials are not accepted"},
		{"wrong token, open discovery", closed, Credentials{Bearer: "wrong"},
			"the credentials are not accepted for the resource types"},
		{"no token", always(401, mediaType, "{}"), Credentials{}, "asks for credentials, and none were given"},
		{"forbidden", always(403, mediaType, "{}"), Credentials{Bearer: "x"}, "not accepted"},
		{"an HTML page", always(200, "text/html", "<html>"), Credentials{Bearer: "x"}, "an HTML page"},
		{"HTML called text", always(200, "text/plain", "<!DOCTYPE html><p>"), Credentials{Bearer: "x"}, "an HTML page"},
		{"constant 429", always(429, mediaType, "{}"), Credentials{Bearer: "x"}, "throttling"},
		{"constant 503", always(503, "text/plain", "down"), Credentials{Bearer: "x"}, "out of order"},
		{"constant 404", always(404, mediaType, "{}"), Credentials{Bearer: "x"}, "no SCIM service at this URL"},
		{"JSON, but no object", always(200, "application/json", `"hello"`), Credentials{Bearer: "x"}, "no JSON object"},
		{"dropped connections", http.HandlerFunc(func(http.ResponseWriter,
			*http.Request) {
			panic(http.ErrAbortHandler)
		}), Credentials{Bearer: "x"}, "got no answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent := 0
			count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sent++; c.h.ServeHTTP(w, r) })
			_, err := Run(t.Context(), Target{URL: refURL, Auth: c.auth, Transport: Handler(count),
				sleep: func(time.Duration) {}})
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, expected one sentence with %q", err, c.says)
			}
			if sent > 12 {
				t.Errorf("%d requests were sent", sent)
			}
		})
	}
}

// judged runs the suite on the reference server behind a fault.
func judged(t *testing.T, run string, plant func(*exchange)) Report {
	t.Helper()
	srv := refserver.New(refserver.Options{Letter: true})
	f := fault{plant: plant}
	target := refTarget(srv, f.handler(srv))
	target.Profile = ProfileRFC
	if run != "" {
		target.Run = regexp.MustCompile(run)
	}
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func idsOf(results []Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, r.ID)
	}
	return out
}

// TestCrashesAreFailures: a request without an answer is a failure that names
// it, and what the check judged before it does not count as passed.
func TestCrashesAreFailures(t *testing.T) {
	rep := judged(t, "", func(x *exchange) {
		if x.m == "PATCH" && strings.Contains(string(x.raw), `"path":"name"`) {
			panic(http.ErrAbortHandler)
		}
	})
	r := rep.Result(noAnswer)
	if r.Status != Failed || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Message, "PATCH /Users/") ||
		r.Findings[0].Exchange.Answer() != "no answer" {
		t.Fatalf("%+v", r)
	}
	for _, id := range []string{"R7644-3.5.2.1-07", "R7644-3.5.2.3-05"} {
		if p := rep.Result(id); p.Status == Passed || p.Follows != noAnswer && p.Status == Skipped {
			t.Errorf("%s is %s, follows %q: %s", id, p.Status, p.Follows, p.Reason)
		}
	}
	if rep.Causes[0].Root != noAnswer {
		t.Errorf("the worst cause is %s", rep.Causes[0].Root)
	}
}

// TestAPassIsWhole: a check that is cut off takes back what it had passed.
func TestAPassIsWhole(t *testing.T) {
	rep := judged(t, "", func(x *exchange) {
		if x.m == "HEAD" {
			panic(http.ErrAbortHandler)
		}
	})
	r := rep.Result("R9110-9.3.2-01")
	if r.Status != Skipped || !strings.Contains(r.Reason, "no answer") {
		t.Errorf("%s: %s", r.Status, r.Reason)
	}
}

// TestOneDropIsRepeated: an idempotent request whose first answer is lost is
// repeated, and no failure.
func TestOneDropIsRepeated(t *testing.T) {
	dropped := map[string]bool{}
	rep := judged(t, "^(delete|retrieve|put)$", func(x *exchange) {
		key := x.m + x.p + x.q.Encode()
		if x.m != "POST" && x.m != "PATCH" && !dropped[key] && len(dropped) < 40 {
			dropped[key] = true
			if x.m == "DELETE" {
				x.run() // it takes effect, and the answer is lost
			}
			panic(http.ErrAbortHandler)
		}
	})
	if rep.Counts.Failed > 0 {
		t.Errorf("%d dropped: %v", len(dropped), idsOf(rep.Failures()))
	}
}

// TestRootsAreReportedOnce: what breaks everything is one cause, and what rests
// on it is not judged.
func TestRootsAreReportedOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		plant  func(*exchange)
		root   string
		most   int // broken requirements at most
		judged int // requirements that are judged all the same, at least
	}{
		{"filters are ignored", func(x *exchange) { x.q.Del("filter") }, "R7644-3.4.2.2-01", 4, 200},
		{"a create is answered 200", func(x *exchange) {
			if x.run(); x.create() && x.st == 201 {
				x.st = 200
			}
		}, "R7644-3.3-01", 2, 400},
		{"a delete is answered 200", func(x *exchange) {
			if x.run(); x.m == "DELETE" && x.st == 204 && x.one() {
				x.st = 200
			}
		}, "R7644-3.6-01", 2, 400},
		{"PATCH is answered 405", func(x *exchange) {
			if x.m == "PATCH" {
				x.refuse(405, "")
				x.h.Set("Allow", "GET")
			}
		}, "R7644-3.5.2-08", 8, 300},
		{"PATCH does nothing", func(x *exchange) {
			if x.m == "PATCH" && x.one() {
				x.m, x.in, x.raw = "GET", nil, nil
			}
		}, "R7644-3.5.2.3-02", 6, 300},
		{"every create is answered 500", func(x *exchange) {
			if x.create() {
				x.refuse(500, "")
			}
		}, crash, 3, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := judged(t, "", c.plant)
			bad := append(rep.Failures(), rep.Warnings()...)
			if len(bad) > c.most || len(rep.Causes) == 0 || rep.Result(c.root).Status != Failed {
				t.Errorf("%d broken (%v), %s is %s", len(bad), idsOf(bad), c.root, rep.Result(c.root).Status)
			}
			if n := rep.Counts.Passed; n < c.judged {
				t.Errorf("%d passed", n)
			}
			i := slices.IndexFunc(rep.Causes, func(k Cause) bool { return k.Root == c.root })
			if i < 0 {
				t.Fatalf("causes %+v", rep.Causes)
			}
			if c.judged < 400 && len(rep.Causes[i].Skipped) == 0 {
				t.Error("nothing follows from it")
			}
		})
	}
}

// TestALaggingListIsCalledSo: where lists lag behind writes, that is one
// finding, and the run waits.
func TestALaggingListIsCalledSo(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	var clock time.Duration
	seen := map[string]time.Duration{}
	f := fault{plant: func(x *exchange) {
		x.run()
		if x.create() && x.st == 201 {
			seen[str(at(x.out, "id"))] = clock
		}
		if x.m != "GET" || !x.list() || !strings.HasPrefix(x.p, "/Users") && !strings.HasPrefix(x.p, "/Groups") &&
			!strings.HasPrefix(x.p, "/Widgets") {
			return
		}
		kept := arr{}
		for _, o := range resources(x.out) {
			if at, ok := seen[str(o["id"])]; !ok || clock-at >= 300*time.Millisecond {
				kept = append(kept, o)
			}
		}
		o := x.out.(obj)
		hid := len(resources(x.out)) - len(kept)
		total, _ := integer(o["totalResults"])
		o["Resources"], o["itemsPerPage"], o["totalResults"] = kept, len(kept), total-hid
	}}
	target := refTarget(srv, f.handler(srv))
	target.Profile = ProfileRFC
	target.Run = regexp.MustCompile("^(list|filter|paging|sort|create|R7644-3.4.2-10)$")
	start := time.Now()
	target.sleep = func(d time.Duration) { clock += d; srv.Advance(d) }
	target.now = func() time.Time { return start.Add(clock) }
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	r := rep.Result("R7644-3.4.2-10")
	if r.Status != Warned || !strings.Contains(strings.Join(rep.Notes, " "), "lagging") {
		t.Errorf("%s, notes %v", r.Status, rep.Notes)
	}
	if rep.Counts.Failed > 0 {
		t.Errorf("failed: %v", idsOf(rep.Failures()))
	}
}

// TestUnstable: what is broken in one run of a check and not in the next is
// called unstable, and no difference to --diff; a crash stays a failure.
func TestUnstable(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	n := map[string]int{}
	f := fault{plant: func(x *exchange) {
		if x.m == "GET" && x.q.Get("attributes") == "userName" && x.one() {
			if n["once"]++; n["once"] == 1 {
				x.q.Del("attributes")
			}
		}
		if x.m == "PUT" && strings.Contains(string(x.raw), `"emails":[]`) {
			if n["crash"]++; n["crash"] == 1 {
				x.refuse(500, "")
				return
			}
		}
	}}
	target := refTarget(srv, f.handler(srv))
	target.Confirm, target.Run = 2, regexp.MustCompile("^(projection|put|R7644-3.12-21)$")
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Counts.Unstable == 0 || rep.Counts.Failed > 1 {
		t.Errorf("%+v: %v", rep.Counts, idsOf(rep.Failures()))
	}
	again, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Diff(again, rep) {
		if c.ID != crash {
			t.Errorf("--diff flaps: %+v", c)
		}
	}
}

// TestThreeRunsAgree: three runs on one server give the same verdicts, with
// several checks at a time.
func TestThreeRunsAgree(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	f := fault{plant: func(x *exchange) { // broken in several places
		x.run()
		x.each(func(o obj) {
			if m, ok := o["meta"].(obj); ok {
				delete(m, "location")
			}
			delete(o, "groups")
		})
		if x.m == "GET" && x.q.Has("sortOrder") {
			x.out.(obj)["itemsPerPage"] = 77
		}
	}}
	var first map[string]string
	for range 3 {
		target := refTarget(srv, f.handler(srv))
		target.Concurrency, target.Profile = 4, ProfileRFC
		rep, err := Run(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		now := map[string]string{}
		for _, r := range rep.Results {
			now[r.ID] = r.Status
		}
		if first == nil {
			first = now
		}
		for id, s := range now {
			if first[id] != s {
				t.Errorf("%s was %s and is %s: %+v", id, first[id], s, rep.Result(id).Findings)
			}
		}
	}
}

// TestWhatMayNotBeWritten: types and methods that are closed to the credentials
// are left out with the reason, and are no failures.
func TestWhatMayNotBeWritten(t *testing.T) {
	for _, status := range []int{403, 405, 501} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if status != 403 && method != "POST" {
				continue // where a create works, these are the server's fault
			}
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				rep := judged(t, "^(create|put|patch|retrieve|list|delete)$", func(x *exchange) {
					if x.m == method && strings.HasPrefix(x.p, "/Groups") && !strings.HasSuffix(x.p, "/.search") {
						x.refuse(status, "")
						x.h.Set("Allow", "GET")
					}
				})
				if rep.Counts.Failed+rep.Counts.Warned > 0 {
					t.Errorf("%v", idsOf(append(rep.Failures(), rep.Warnings()...)))
				}
			})
		}
	}
}

// TestOtherPeoplesRecords: of what the run did not make, a report shows no value.
func TestOtherPeoplesRecords(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	post := httptest.NewRequest("POST", refURL+"/Users", strings.NewReader(`{"schemas":["`+userURN+`"],"userName":"zoe.private@corp.invalid",
		"name":{"familyName":"Privateperson"},"emails":[{"value":"zoe.private@corp.invalid","type":"work"}]}`))
	post.Header.Set("Authorization", "Bearer "+refserver.Token)
	post.Header.Set("Content-Type", mediaType)
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, post)
	if rec.Code != 201 {
		t.Fatal(rec.Code, rec.Body)
	}
	f := fault{plant: func(x *exchange) { // every list is faulty and shows everybody
		x.q.Del("count")
		x.q.Del("attributes")
		x.run()
		if x.list() {
			x.out.(obj)["itemsPerPage"] = "many"
			x.out.(obj)["schemas"] = arr{}
		}
	}}
	target := refTarget(srv, f.handler(srv))
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, write := range []func(io.Writer) error{rep.WriteJSON, rep.WriteHTML, rep.WriteJUnit,
		func(w io.Writer) error { return rep.WriteText(w, Full) }} {
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
	}
	if rep.Counts.Failed == 0 || !strings.Contains(b.String(), `"totalResults`) {
		t.Error("the faulty lists were not reported")
	}
	for _, secret := range []string{"zoe.private", "Privateperson", "corp.invalid"} {
		if strings.Contains(b.String(), secret) {
			i := strings.Index(b.String(), secret)
			t.Errorf("a report holds %q: …%s…", secret, b.String()[max(0, i-200):min(b.Len(), i+100)])
		}
	}
}

// TestSampleFitsItsBudget: a slow server is told how long a run takes, and a
// sample of it stays within its time.
func TestSampleFitsItsBudget(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	var clock time.Duration
	start := time.Now()
	target := refTarget(srv, srv)
	target.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		clock += 2 * time.Second
		return Handler(srv).RoundTrip(r)
	})
	target.now = func() time.Time { return start.Add(clock) }
	target.Budget = 10 * time.Minute
	var first Progress
	target.Progress = func(p Progress) {
		if first.Total == 0 {
			first = p
		}
	}
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if first.Left <= 0 || first.Left > target.Budget {
		t.Errorf("the first estimate is %s", first.Left)
	}
	areas := 0
	for _, a := range rep.Areas {
		if a.Counts.Passed > 0 {
			areas++
		}
	}
	if clock > target.Budget*13/10 || areas < 15 || rep.Counts.Failed > 0 {
		t.Errorf("took %s, %d areas: %+v", clock, areas, rep.Counts)
	}
}

// TestCancelledRunIsNoVerdict: what was not reached is skipped, not passed.
func TestCancelledRunIsNoVerdict(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	target := refTarget(srv, srv)
	ctx, cancel := context.WithCancel(t.Context())
	target.Progress = func(p Progress) {
		if p.Done == 5 {
			cancel()
		}
	}
	rep, err := Run(ctx, target)
	if !errors.Is(err, context.Canceled) || rep.Counts.Passed > 150 || rep.Counts.Failed > 0 {
		t.Errorf("%v, %+v", err, rep.Counts)
	}
}

// TestSchemasOfOneState: the reply to a change that sets an extension which is returned on request lists it, and GET
// does not; of any other extension the suite says that the representations differ.
func TestSchemasOfOneState(t *testing.T) {
	typ := func(returned string) *resourceType {
		return &resourceType{name: "Group", base: &schema{id: "urn:base"}, exts: []extension{{schema: &schema{id: "urn:Ext",
			attrs: []*attribute{{name: "a", typ: "string", mutability: "readWrite", returned: returned}}}}}}
	}
	set := obj{"schemas": arr{"urn:base", "urn:ext"}, "urn:ext": obj{"a": "x"}}
	plain := obj{"schemas": arr{"urn:base"}}
	if diff := typ("request").unlike(set, plain, nil); diff != "" {
		t.Errorf("on request: %s differs", diff)
	}
	if diff := typ("default").unlike(obj{"schemas": set["schemas"]}, plain, nil); diff != "schemas" {
		t.Errorf("by default: %q differs", diff)
	}
	if diff := typ("request").unlike(obj{"schemas": arr{"urn:base", "urn:other"}}, plain, nil); diff != "schemas" {
		t.Errorf("an unknown schema: %q differs", diff)
	}
}

// TestCleanupByBulk: what the run made is deleted by Bulk where that works, and one by one where it does not.
func TestCleanupByBulk(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*exchange)
		most  int // requests to delete
		least int
	}{
		"works": {func(*exchange) {}, 20, 1},
		"refused": {func(x *exchange) {
			if x.p == "/Bulk" && strings.Contains(string(x.raw), `"DELETE"`) {
				x.refuse(501, "")
			}
		}, 1000, 20},
		"does nothing": {func(x *exchange) {
			if x.p == "/Bulk" && strings.Contains(string(x.raw), `"DELETE"`) {
				x.answer(200, obj{"schemas": arr{messageURN + "BulkResponse"}, "Operations": arr{}})
			}
		}, 1000, 20},
	} {
		t.Run(name, func(t *testing.T) {
			srv := refserver.New(refserver.Options{})
			before, after := srv.Len(), 0
			var ended atomic.Bool
			f := fault{plant: func(x *exchange) {
				if ended.Load() && (x.m == "DELETE" || x.p == "/Bulk") {
					after++
				}
				c.plant(x)
			}}
			target := refTarget(srv, f.handler(srv))
			target.Run, target.Concurrency = regexp.MustCompile("^(retrieve|list|delete)$"), 1
			target.Progress = func(p Progress) { ended.Store(p.Done == p.Total) }
			rep, err := Run(t.Context(), target)
			if err != nil || srv.Len() != before || len(rep.Leftovers) > 0 {
				t.Fatalf("%v, %d resources of %d left, %v", err, srv.Len(), before, rep.Leftovers)
			}
			if after < c.least || after > c.most {
				t.Errorf("%d requests to delete, expected %d to %d", after, c.least, c.most)
			}
		})
	}
}
