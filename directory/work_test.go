package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
	"rollcall/internal/fair"
)

// crowd makes n Users.
func crowd(t *testing.T, d *directory.Directory, n int) {
	t.Helper()
	var changes []func(*directory.Tx) error
	for i := range n {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("u%05d", i), "title": "x"})
			return err
		})
	}
	if err := errors.Join(d.UpdateEach(t.Context(), changes)...); err != nil {
		t.Fatal(err)
	}
}

func parsed(t *testing.T, text string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(text, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A client that hung up costs nothing more: a scan stops soon after its context ends. The filter counts the records
// that it looked at.
func TestScanStopsWithItsContext(t *testing.T) {
	d := home(t)
	crowd(t, d, 1000)
	pin, err := d.Pin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]func(context.Context, directory.Query) (directory.Page, error){
		"now": d.Query, "pinned": pin.Query,
	} {
		for _, by := range []string{"", "userName"} {
			ctx, cancel := context.WithCancel(t.Context())
			looked := 0
			q := directory.Query{Type: "User", Filter: parsed(t, `meta.location co "x"`), SortBy: by, Limit: 10,
				Meta: func(*directory.Resource) []byte {
					if looked++; looked == 100 {
						cancel()
					}
					return []byte(`{"location":"x"}`)
				}}
			if _, err := query(ctx, q); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, sorted by %q: %v", name, by, err)
			}
			if looked > 100+fair.Slice {
				t.Errorf("%s, sorted by %q: %d records were looked at", name, by, looked)
			}
		}
	}

	// What was given up is not kept: the next page of the walk is complete.
	q := directory.Query{Type: "User", Filter: parsed(t, `userName sw "u"`), Limit: 10}
	if page, err := pin.Query(t.Context(), q); err != nil || page.Total != 1000 {
		t.Errorf("after that: %d, %v", page.Total, err)
	}
}

// gather makes a Group of all Users.
func gather(t *testing.T, d *directory.Directory) (id directory.ID) {
	t.Helper()
	page, err := d.Query(t.Context(), directory.Query{Type: "User", Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var users []directory.ID
	for _, u := range page.Resources {
		users = append(users, u.ID)
	}
	if _, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		g, err := tx.Create("Group", schema.Document{"displayName": "all"})
		if err != nil {
			return err
		}
		id = g.ID
		return tx.AddMembers(g, users)
	}); err != nil {
		t.Fatal(err)
	}
	return id
}

// A long list of members is looked at in parts, and found as a whole: the first, one in the middle and the last.
func TestFilterLongLists(t *testing.T) {
	d := home(t)
	crowd(t, d, 200)
	gather(t, d)
	for text, want := range map[string]int{
		`members.display co "u00000"`: 1, `members.display eq "u00100"`: 1, `members.display eq "u00199"`: 1,
		`members.display eq "u00200"`: 0, `members[type eq "User" and display ew "64"]`: 1, `members.type ne "User"`: 0,
		`not (members.display pr)`: 0,
	} {
		page, err := d.Query(t.Context(), directory.Query{Type: "Group", Filter: parsed(t, text)})
		if err != nil || page.Total != want {
			t.Errorf("%s: %d, %v", text, page.Total, err)
		}
	}
}

// Ranges of an index, sorts, and walks through members stop, too. A context that ends after some looks at it takes the
// place of a client.
func TestRangeAndSortStop(t *testing.T) {
	d := home(t)
	crowd(t, d, 3000)
	group := gather(t, d)
	for name, q := range map[string]directory.Query{
		"range":   {Type: "User", Filter: parsed(t, `userName gt "a"`)},
		"sort":    {Type: "User", SortBy: "title"},
		"members": {Type: "Group", Filter: parsed(t, `members.display co "zz"`)},
		"groups":  {Type: "User", Filter: parsed(t, `groups.value eq "`+group.String()+`"`)},
	} {
		for looks := range 3 {
			ctx := &endsAfter{Context: t.Context(), looks: looks}
			if _, err := d.Query(ctx, q); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, after %d looks: %v", name, looks, err)
			}
			if ctx.seen > looks+1 {
				t.Errorf("%s: goes on for %d slices after its context has ended", name, ctx.seen-looks)
			}
		}
	}
}

// endsAfter is a context that has ended once it was looked at several times.
type endsAfter struct {
	context.Context
	looks, seen int
}

func (c *endsAfter) Err() error {
	if c.seen++; c.seen > c.looks {
		return context.Canceled
	}
	return nil
}

// What is derived of a record is made once, however many comparisons of the filter are about it.
func TestDerivedOnceForEachRecord(t *testing.T) {
	d := home(t)
	crowd(t, d, 10)
	made := 0
	terms := make([]string, 256)
	for i := range terms {
		terms[i] = fmt.Sprintf(`meta.location co "%d"`, i)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "User", Filter: parsed(t, strings.Join(terms, " or ")),
		Meta: func(r *directory.Resource) []byte {
			made++
			return []byte(`{"location":"` + r.Text("userName") + `"}`)
		}})
	if err != nil || page.Total != 10 || made != 10 { // every name has a digit
		t.Errorf("%d matches, %v; meta was made %d times for 10 records", page.Total, err, made)
	}
}

// A credential's work is charged by records and comparisons, to it alone; lookups are free.
func TestWorkBudget(t *testing.T) {
	now := time.Now()
	registry := prometheus.NewRegistry()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), WorkRate: 100,
		WorkBurst: 2000, Now: func() time.Time { return now }, Registry: registry})
	d := s.Organization("default")
	crowd(t, d, 400)
	ask := func(who, text, by string) error {
		q := directory.Query{Type: "User", SortBy: by}
		if text != "" {
			q.Filter = parsed(t, text)
		}
		_, err := d.As(directory.Actor{Type: "AccessToken", ID: who, Rights: directory.ScopeRead}).Query(t.Context(), q)
		return err
	}

	// 400 records, one comparison and the look at each: 800 of 2,000.
	const scan = `title co "zz"`
	if err := errors.Join(ask("a", scan, ""), ask("a", scan, "")); err != nil {
		t.Fatal(err)
	}
	e, ok := errors.AsType[*fair.Exhausted](ask("a", scan, ""))
	if !ok || e.Wait != 4*time.Second || e.Owner != (fair.Owner{Organization: "default", Credential: "AccessToken/a"}) {
		t.Fatalf("the third scan: %+v", e)
	}
	if _, ok := errors.AsType[*fair.Exhausted](ask("a", "", "title")); !ok {
		t.Error("a sort is not charged")
	}
	if err := errors.Join(ask("a", `userName eq "u00001"`, ""), ask("a", "", ""), ask("b", scan, "")); err != nil {
		t.Errorf("lookups, lists, or another credential: %v", err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := ""
	for _, f := range families {
		if f.GetName() == "rollcall_work_refused_total" {
			counted += f.String()
		}
	}
	if !strings.Contains(counted, `"AccessToken/a"`) || strings.Contains(counted, `"AccessToken/b"`) {
		t.Errorf("counted as refused: %s", counted)
	}
	if now = now.Add(e.Wait); ask("a", scan, "") != nil {
		t.Error("the budget does not fill up")
	}

	// More than any budget is refused by its limit, once and for all.
	err = ask("c", strings.Repeat(scan+" or ", 5)+scan, "")
	if f, ok := errors.AsType[*schema.Error](err); !ok || f.Type != schema.TooMany || !strings.Contains(f.Detail, "2000") {
		t.Errorf("more than a budget: %v", err)
	}
}
