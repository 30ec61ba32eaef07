package saml

import (
	"strings"
	"testing"
)

func TestClip(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"short", "abc", "abc"},
		{"control characters", "a\x00b\nc\x7f", "a b c "},
		{"as long as allowed", strings.Repeat("a", clipBytes), strings.Repeat("a", clipBytes)},
		{"longer", strings.Repeat("a", clipBytes+1), strings.Repeat("a", clipBytes) + "…"},
		{"cut between characters", "a" + strings.Repeat("ä", clipBytes),
			"a" + strings.Repeat("ä", clipBytes/2-1) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Clip(c.in); got != c.want {
				t.Errorf("clip = %q, want %q", got, c.want)
			}
		})
	}
}
