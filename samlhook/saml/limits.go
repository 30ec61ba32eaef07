package saml

import (
	"time"
)

// DefaultLifetime is how long an assertion may be valid, and how old an IssueInstant may be, when Limits say nothing.
const DefaultLifetime = time.Hour

// Limits bound what a message may cost; a zero field means its default.
type Limits struct {
	Bytes    int           // of a message, decoded; default 2 MiB
	Elements int           // default 12,000: 5,000 groups, each an Attribute of its own
	Depth    int           // default 32
	Lifetime time.Duration // of an assertion, and the greatest age of an IssueInstant; default DefaultLifetime
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 2 << 20
	}
	if l.Elements <= 0 {
		l.Elements = 12_000
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Lifetime <= 0 {
		l.Lifetime = DefaultLifetime
	}
	return l
}
