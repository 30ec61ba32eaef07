package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// BenchmarkUnit measures what a unit of work takes, by what the work is. Options.WorkRate and fair.Slice rest on it.
func BenchmarkUnit(b *testing.B) {
	const n = 20_000
	s := directorytest.Open(b, directorytest.NewClient(b), directory.Options{Root: directorytest.Root(), Alone: true})
	d := s.Organization("default")
	var changes []func(*directory.Tx) error
	for i := range n {
		changes = append(changes, func(tx *directory.Tx) error {
			name := fmt.Sprintf("user%05d@example.com", i)
			_, err := tx.Create("User", schema.Document{"userName": name, "displayName": fmt.Sprint("User ", i),
				"title": "Engineer", "name": map[string]any{"givenName": "User", "familyName": fmt.Sprint("Number", i)},
				"emails": []any{map[string]any{"value": name, "type": "work", "primary": true},
					map[string]any{"value": "home-" + name, "type": "home"}},
				"addresses":              []any{map[string]any{"type": "work", "country": "US"}},
				schema.EnterpriseUserURN: map[string]any{"department": "Engineering"}})
			return err
		})
	}
	for _, err := range d.UpdateEach(b.Context(), changes) {
		if err != nil {
			b.Fatal(err)
		}
	}
	meta := func(r *directory.Resource) []byte {
		return []byte(`{"location":"https://id.example.com/` + r.ID.String() + `"}`)
	}
	for _, c := range []struct {
		name, filter string
		terms        int // for each record, with the look at it
	}{
		{"title", `title co "zz"`, 2},
		{"title x 100", strings.TrimSuffix(strings.Repeat(`title co "zz" or `, 100), " or "), 101},
		{"emails.value x 100", strings.TrimSuffix(strings.Repeat(`emails.value co "zz" or `, 100), " or "), 101},
		{"department x 100", strings.TrimSuffix(strings.Repeat(schema.EnterpriseUserURN+`:department co "zz" or `, 100),
			" or "), 101},
		{"addresses x 100", strings.TrimSuffix(strings.Repeat(`addresses[country co "zz" and type pr] or `, 100),
			" or "), 201},
		{"meta.location x 100", strings.TrimSuffix(strings.Repeat(`meta.location co "zz" or `, 100), " or "), 101},
	} {
		e, err := filter.Parse(c.filter, filter.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Query(b.Context(), directory.Query{Type: "User", Filter: e, Meta: meta}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*c.terms), "ns/unit")
		})
	}
	b.Run("sort", func(b *testing.B) {
		for b.Loop() {
			q := directory.Query{Type: "User", SortBy: "displayName", Limit: 1}
			if _, err := d.Query(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*3), "ns/unit")
	})
}
