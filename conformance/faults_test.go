package conformance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/conformance/refserver"
)

var (
	update = flag.Bool("update", false, "write the files that tests compare with")
	whole  = flag.Bool("whole", false, "run the whole suite on every fault, to see what else finds it; takes an hour")
)

// unplanted are requirements no fault can be planted for, with the reason.
var unplanted = map[string]string{
	"R7644-7.2-01":   "needs a network; TestTLS shows it",
	"R9967-5-02":     "needs a network; the loopback is exempt",
	"R7644-6-01":     "only records where the other tenant is",
	"INTEROP-7.1-01": "needs a network; TestTLS shows it",
}

func faults() []fault {
	out := slices.Concat(coreFaults(), queryFaults(), writeFaults(), restFaults(), eventFaults(), choiceFaults(),
		profileFaults(), stateFaults(), interopFaults())
	seen := map[string]int{}
	for i := range out {
		if out[i].name == "" {
			out[i].name = strings.Join(out[i].ids, " ")
		}
		if seen[out[i].name]++; seen[out[i].name] > 1 {
			out[i].name = fmt.Sprintf("%s (%d)", out[i].name, seen[out[i].name])
		}
		if out[i].config == "" {
			out[i].config = "full"
		}
	}
	return out
}

// verdicts of a run: the status of each requirement, with the messages of
// informations, for a server that chooses otherwise is found by what it chose.
func verdicts(rep Report) map[string]string {
	out := map[string]string{}
	hide := regexp.MustCompile(`scimconform-[a-z0-9]+-\d+|id0[a-z0-9]+|[0-9.]+m?s|"2030[^"]*"|W/"\d+"`)
	for _, r := range rep.Results {
		out[r.ID] = r.Status
		if r.Status == Info || r.Level == May || r.Level == Open {
			for _, f := range r.Findings {
				out[r.ID] += " " + hide.ReplaceAllString(f.Message, "~")
			}
		}
	}
	return out
}

func runFault(t *testing.T, f fault, only *regexp.Regexp) map[string]string {
	opts := refOptions[f.config]
	opts.Event = f.event
	srv := refserver.New(opts)
	target := refTarget(srv, f.handler(srv))
	target.Run = only
	if f.config == "interop" {
		target.Profile = ProfileIPSIE2
	}
	rep, err := Run(t.Context(), target)
	if err != nil && rep.URL == "" {
		t.Logf("%s: %v", f.name, err)
	}
	return verdicts(rep)
}

// TestFaults plants one fault after the other and expects each to be found by
// the requirements it names. Only the checks of these requirements run, except
// with -whole. testdata/faults.txt is the table of what found what.
func TestFaults(t *testing.T) {
	base := map[string]map[string]string{}
	for name := range refOptions {
		base[name] = runFault(t, fault{name: "none", config: name}, nil)
	}
	golden := readGolden(t)
	found := make([]string, len(faults()))
	caught := map[string]bool{}
	var mu sync.Mutex
	t.Run("plant", func(t *testing.T) {
		for i, f := range faults() {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				var only *regexp.Regexp
				if !*whole {
					only = exactly(append(strings.Fields(f.during), f.ids...))
				}
				var hit []string
				for id, v := range runFault(t, f, only) {
					if b := base[f.config][id]; v != b && !strings.HasPrefix(v, Skipped) {
						hit = append(hit, id)
					}
				}
				slices.Sort(hit)
				for _, id := range f.ids {
					if !slices.Contains(hit, id) {
						t.Errorf("%s does not find it; it was found by %v", id, hit)
					}
				}
				found[i] = f.name + " => " + strings.Join(hit, " ")
				mu.Lock()
				defer mu.Unlock()
				for _, id := range f.ids {
					caught[id] = caught[id] || slices.Contains(hit, id)
				}
			})
		}
	})
	for i, f := range faults() {
		if found[i] == "" { // left out by -run
			found[i] = f.name + " => " + golden[f.name]
		}
	}
	if *update {
		if err := os.WriteFile("testdata/faults.txt", []byte(strings.Join(found, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range found {
		t.Log(line)
	}
	n := 0
	for _, r := range Requirements() {
		switch {
		case r.Unseen != "":
		case caught[r.ID]:
			n++
		case unplanted[r.ID] == "":
			t.Errorf("%s: no planted fault is found by it", r.ID)
		}
	}
	t.Logf("%d faults planted, %d requirements with a fault of their own, %d without: %v", len(found), n,
		len(unplanted), slices.Sorted(maps.Keys(unplanted)))
}

// exactly matches the given ids and nothing else.
func exactly(ids []string) *regexp.Regexp {
	var quoted []string
	for _, id := range ids {
		quoted = append(quoted, regexp.QuoteMeta(id))
	}
	return regexp.MustCompile("^(" + strings.Join(quoted, "|") + ")$")
}

func readGolden(t *testing.T) map[string]string {
	out := map[string]string{}
	data, err := os.ReadFile("testdata/faults.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, hit, ok := strings.Cut(line, " => "); ok {
			out[name] = hit
		}
	}
	return out
}
