package samlhook

// Outcome is what becomes of a sign-in.
type Outcome string

// The outcomes of a SignIn. No decision is OutcomeFailed: that is a sign-in that broke off after it was decided.
const (
	OutcomeSignedIn Outcome = "signedIn"
	OutcomeCreated  Outcome = "created"
	OutcomeRefused  Outcome = "refused"
	OutcomeFailed   Outcome = "failed"
	OutcomeTested   Outcome = "tested" // a test sign-in: what it would have come to is in the reason
)
