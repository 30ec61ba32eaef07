package chromium

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"rollcall/internal/peers"
)

// Axe is axe-core, which finds what keeps people from using a page.
type Axe struct{ source string }

// FindAxe finds axe-core. Without it the test is skipped (see peers.File).
func FindAxe(t testing.TB) Axe {
	t.Helper()
	source, err := os.ReadFile(peers.File(t, "axe/node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return Axe{string(source)}
}

// guidelines are the rules of axe-core for WCAG 2.2, levels A and AA.
const guidelines = `axe.run(document, {resultTypes: ["violations"], runOnly: {type: "tag",
	values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}).then(r => JSON.stringify(
	r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html + " – " + n.failureSummary))))`

// Violations are the places of the tab's page that break a rule, each with the rule and what is wrong. The page's
// policy does not hold for scripts that the debugger runs.
func (a Axe) Violations(tab *Tab) (found []string) {
	tab.t.Helper()
	var result string
	tab.Do(chromedp.Evaluate(a.source+";0", nil),
		chromedp.Evaluate(guidelines, &result, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
			return p.WithAwaitPromise(true)
		}))
	if err := json.Unmarshal([]byte(result), &found); err != nil {
		tab.t.Fatalf("axe-core answers %q: %v", result, err)
	}
	for i := range found {
		found[i] = strings.Join(strings.Fields(found[i]), " ")
	}
	return found
}
