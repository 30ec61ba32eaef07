package store

import "testing"

func TestFits(t *testing.T) {
	const quota = 1000
	for _, c := range []struct {
		name                string
		file, inUse, more   int64
		ordinary, takesAway bool
	}{
		{"empty", 0, 0, 0, true, true},
		{"room for it", 500, 500, 299, true, true},
		{"no room for it", 500, 500, 300, false, true},
		{"nearly full", 810, 810, 0, false, true},
		{"full", 950, 950, 0, false, false},
		{"much of a large file is free", 900, 100, 30, true, true},
		{"more than a large file may grow", 900, 100, 80, false, false},
		{"little of a large file is free", 900, 790, 9, true, true},
		{"more than half of what is free", 850, 790, 40, false, true},
		{"all of it the file's own size", 985, 100, 0, false, false},
	} {
		u := Usage{c.file, c.inUse, quota}
		if got := u.fits(full, c.more); got != c.ordinary {
			t.Errorf("%s: an ordinary change fits: %v", c.name, got)
		}
		if got := u.fits(blocked, c.more); got != c.takesAway {
			t.Errorf("%s: one that takes away fits: %v", c.name, got)
		}
	}
	if !(Usage{1000, 1000, 0}).fits(full, 1) {
		t.Error("an unknown quota refuses")
	}
}
