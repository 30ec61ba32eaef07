package chromium

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A tab waits for what a script shows, looks at the page as asked, and sees what violates a policy.
func TestTab(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/forbidden" {
			w.Header().Set("Content-Security-Policy", "script-src 'none'")
		}
		io.WriteString(w, `<p>`+r.Header.Get("Accept-Language")+`</p><script>setTimeout(() => {
			document.body.insertAdjacentHTML("beforeend", "<main>" + innerWidth + " " +
				matchMedia("(prefers-color-scheme: dark)").matches + "</main>")
		}, 200)</script>`)
	}))
	t.Cleanup(server.Close)
	tab := Start(t).tab(t, View{Width: 320, Height: 500, Dark: true, Language: "de"})

	page := tab.Open("shown", server.URL, "main")
	if !strings.Contains(page, "<p>de</p>") || !strings.Contains(page, "<main>320 true</main>") {
		t.Errorf("the tab shows %s", page)
	}
	if found := tab.violated(); len(found) > 0 {
		t.Errorf("a page without a policy violates %v", found)
	}
	tab.Open("forbidden", server.URL+"/forbidden", "p")
	for deadline := time.Now().Add(patience); len(tab.violated()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing reported the script against the policy")
		}
	}
}
