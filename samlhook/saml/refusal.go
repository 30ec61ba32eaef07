package saml

// Refusal is the error of whatever judges what others sent: a stable code, and one sentence for the administrator that
// names what is wrong and, where there is one, the remedy. It is not for the person who signs in.
//
// What can only refuse returns a *Refusal; compare it with nil before it becomes an error.
type Refusal struct {
	Reason      Reason
	Explanation string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Explanation }

// Refuse makes a Refusal.
func Refuse(reason Reason, explanation string) *Refusal {
	return &Refusal{Reason: reason, Explanation: explanation}
}
