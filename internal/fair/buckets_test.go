package fair

import (
	"fmt"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	b := NewBuckets[string](10, 3)
	for i, tc := range []struct {
		after time.Duration
		name  string
		want  time.Duration
	}{
		{0, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 100 * time.Millisecond}, // the burst is used up
		{0, "b", 0},                      // others are not
		{40 * time.Millisecond, "a", 60 * time.Millisecond}, // being refused costs nothing
		{60 * time.Millisecond, "a", 0},
		{0, "a", 100 * time.Millisecond},
		{time.Hour, "a", 0}, {0, "a", 0}, {0, "a", 0}, // never more than the burst
		{0, "a", 100 * time.Millisecond},
	} {
		now = now.Add(tc.after)
		if got := b.Take(tc.name, 1, now); got != tc.want {
			t.Errorf("%d: wait %v, want %v", i, got, tc.want)
		}
	}
	for i := range 3 * mostBuckets {
		if b.Take(fmt.Sprint(i), 1, now); len(b.full) > mostBuckets {
			t.Fatalf("%d buckets", len(b.full))
		}
	}
	if NewBuckets[string](0, 3).Take("a", 1, now) != 0 {
		t.Error("without a rate there is a bound")
	}
}
