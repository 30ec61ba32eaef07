package samlhook

// States of a domain (Organization.domains.state).
const (
	domainPending  = "pending"  // the record was not found yet
	domainVerified = "verified" // it was found when last looked for
	domainStale    = "stale"    // it has been missing for a day
	domainLost     = "lost"     // it has been missing for a week
)
