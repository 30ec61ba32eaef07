package scimapi

import (
	"testing"

	"rollcall/directory"
)

func TestMatches(t *testing.T) {
	v := directory.Version(46655) // "zzz"
	if got := etag(v); got != `W/"zzz"` {
		t.Fatalf("etag = %s", got)
	}
	for _, c := range []struct {
		name   string
		header []string
		want   bool
	}{
		{"R7644-3.14-05 weak tag", []string{`W/"zzz"`}, true},
		{"B-17 strong form of a weak tag", []string{`"zzz"`}, true},
		{"R7644-3.14-06 another tag", []string{`W/"zzy"`}, false},
		{"R9110-13.1.1-01 any", []string{`*`}, true},
		{"R9110-13.1.1-01 list", []string{`W/"a", W/"zzz"`}, true},
		{"list without a match", []string{`"a","b" , W/"c"`}, false},
		{"two header lines", []string{`"a"`, `"zzz"`}, true},
		{"comma inside a tag", []string{`"a,zzz"`}, false},
		{"asterisk inside a tag", []string{`"*"`}, false},
		{"bare word", []string{`zzz`}, true},
		{"bare word in a list", []string{`a, zzz`}, true},
		{"other case", []string{`W/"ZZZ"`}, false},
		{"not closed", []string{`"zzz`}, false},
		{"empty", []string{``}, false},
		{"only separators", []string{` , ,`}, false},
		{"no header", nil, false},
	} {
		if got := matches(c.header, v); got != c.want {
			t.Errorf("%s: %q: %v, want %v", c.name, c.header, got, c.want)
		}
	}
}

func FuzzMatches(f *testing.F) {
	for _, s := range []string{`W/"zzz"`, `"a", W/"b"`, `*`, `zzz,`, `W/`, `"`, `W/"`, `,,"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		matches([]string{header}, 1) // ends, whatever comes
	})
}
