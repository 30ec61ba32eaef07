// Package chromium opens pages in a real browser, for tests. It drives Debian's Chromium over the DevTools protocol,
// so that a test waits for what a page shows, not for an amount of time.
package chromium

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"rollcall/internal/peers"
)

// patience is how long a browser, and then each step in it, may take on a machine that is busy with other things.
const patience = 2 * time.Minute

// A Browser is one Chromium process. Its tabs share nothing: each has a profile of its own.
type Browser struct {
	ctx context.Context
}

// Start starts a browser that ends with the test. Without Chromium the test is skipped (see peers.Find).
func Start(t *testing.T) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(peers.Find(t, "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return &Browser{ctx}
}

// A View is how a page is looked at. The zero View is a desk's: 900 by 700 pixels, light, in English.
type View struct {
	Width, Height int64
	Dark          bool
	Language      string // of Accept-Language
}

// A Tab shows one page after another. It fails its test if a page violates the Content-Security-Policy that it has.
type Tab struct {
	// Close closes the tab before the test ends. May be called more than once.
	Close context.CancelFunc

	t   *testing.T
	ctx context.Context

	mutex      sync.Mutex
	violations []string
}

// Tab opens an empty tab with an empty profile.
func (b *Browser) Tab(t *testing.T, view View) *Tab {
	t.Helper()
	tab := b.tab(t, view)
	t.Cleanup(func() {
		for _, violation := range tab.violated() {
			t.Errorf("a page violates its policy: %s", violation)
		}
	})
	return tab
}

// tab is Tab without its judgment of policies.
func (b *Browser) tab(t *testing.T, view View) *Tab {
	t.Helper()
	profile, page, err := b.newWindow()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(page))
	tab := &Tab{t: t, ctx: ctx, Close: sync.OnceFunc(func() {
		cancel()
		if err := b.do(target.DisposeBrowserContext(profile)); err != nil {
			t.Errorf("the tab does not close: %v", err)
		}
	})}
	t.Cleanup(tab.Close)
	tab.watchPolicy()
	if view.Width == 0 {
		view.Width, view.Height = 900, 700
	}
	scheme := "light"
	if view.Dark {
		scheme = "dark"
	}
	if view.Language == "" {
		view.Language = "en"
	}
	tab.Do(emulation.SetDeviceMetricsOverride(view.Width, view.Height, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": view.Language}))
	return tab
}

// newWindow opens a window with an empty profile. A profile's first tab needs a window of its own, which chromedp's
// WithNewBrowserContext does not ask for.
func (b *Browser) newWindow() (profile cdp.BrowserContextID, page target.ID, err error) {
	err = b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		if profile, err = target.CreateBrowserContext().Do(ctx); err != nil {
			return err
		}
		page, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
		return err
	}))
	return profile, page, err
}

// do runs an action on the browser itself.
func (b *Browser) do(action chromedp.Action) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return action.Do(cdp.WithExecutor(ctx, chromedp.FromContext(b.ctx).Browser))
}

// watchPolicy collects what the browser reports as a violation of a Content-Security-Policy.
func (tab *Tab) watchPolicy() {
	chromedp.ListenTarget(tab.ctx, func(event any) {
		added, ok := event.(*log.EventEntryAdded)
		if !ok {
			return
		}
		text := added.Entry.Text
		if strings.Contains(text, "Refused to") || strings.Contains(text, "violates the following") {
			tab.mutex.Lock()
			tab.violations = append(tab.violations, fmt.Sprintf("%s: %s", added.Entry.URL, text))
			tab.mutex.Unlock()
		}
	})
}

// violated is what watchPolicy collected so far.
func (tab *Tab) violated() []string {
	tab.mutex.Lock()
	defer tab.mutex.Unlock()
	return slices.Clone(tab.violations)
}

// Do runs actions of chromedp in the tab. It fails the test if one fails, or if they take more than two minutes.
func (tab *Tab) Do(actions ...chromedp.Action) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Run(tab.ctx); err != nil { // makes the tab, outside of the time limit, which would end it
		tab.t.Fatal(err)
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		tab.t.Fatalf("%v; the tab shows\n%s", err, tab.shown())
	}
}

// Open opens an address and returns the HTML of the page that the browser ends at: the first one on which the CSS
// selector finds something. With ROLLCALL_SCREENSHOTS naming a folder, it leaves a picture there under the name.
func (tab *Tab) Open(name, address, selector string) string {
	tab.t.Helper()
	tab.Do(chromedp.Navigate(address), chromedp.WaitReady(selector, chromedp.ByQuery))
	if pictures := os.Getenv("ROLLCALL_SCREENSHOTS"); pictures != "" {
		var picture []byte
		tab.Do(chromedp.FullScreenshot(&picture, 100))
		if err := os.WriteFile(filepath.Join(pictures, name+".png"), picture, 0o644); err != nil {
			tab.t.Fatal(err)
		}
	}
	return tab.HTML()
}

// HTML is what the page is at the moment, scripts included in what they changed.
func (tab *Tab) HTML() string {
	tab.t.Helper()
	var page string
	tab.Do(chromedp.OuterHTML("html", &page, chromedp.ByQuery))
	return page
}

// shown is the page's address and its HTML, as far as it can be said; for messages.
func (tab *Tab) shown() string {
	ctx, cancel := context.WithTimeout(tab.ctx, 10*time.Second)
	defer cancel()
	var address, page string
	if err := chromedp.Run(ctx, chromedp.Evaluate("location.href", &address),
		chromedp.Evaluate("document.documentElement.outerHTML", &page)); err != nil {
		return fmt.Sprintf("something that cannot be read: %v", err)
	}
	return address + "\n" + page
}
