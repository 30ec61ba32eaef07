package saml

import (
	"cmp"
	"time"
)

const (
	// DefaultLifetime is how long an assertion may be valid if Limits don't say. Microsoft documents 70 minutes.
	DefaultLifetime = 90 * time.Minute

	// DefaultIssueAge is how old an IssueInstant may be if Limits don't say.
	DefaultIssueAge = 5 * time.Minute
)

// Limits bound what a message may cost; a zero field means its default.
type Limits struct {
	Bytes    int           // of a message, decoded; default 2 MiB
	Elements int           // default 12,000: 5,000 groups, each an Attribute of its own
	Depth    int           // default 32
	Lifetime time.Duration // of an assertion; default DefaultLifetime
	IssueAge time.Duration // the greatest age of an IssueInstant; default DefaultIssueAge
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes: cmp.Or(l.Bytes, 2<<20), Elements: cmp.Or(l.Elements, 12_000), Depth: cmp.Or(l.Depth, 32),
		Lifetime: cmp.Or(l.Lifetime, DefaultLifetime), IssueAge: cmp.Or(l.IssueAge, DefaultIssueAge),
	}
}
