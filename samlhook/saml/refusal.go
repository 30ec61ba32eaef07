package saml

// Refusal is the error of whatever judges what others sent: a stable code, and an explanation for the administrator
// that names what is wrong and, where there is one, the remedy. It is not for the person who signs in.
//
// What can only refuse returns a *Refusal; compare it with nil before it becomes an error.
type Refusal struct {
	Reason      Reason
	Explanation Explanation
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Explanation.String() }

// Refuse makes a Refusal. Where nothing is said, it is the sentence that bears the reason's name.
func Refuse(reason Reason, said ...Sentence) *Refusal {
	return &Refusal{Reason: reason, Explanation: explained(reason, said)}
}

func explained(reason Reason, said []Sentence) Explanation {
	if len(said) == 0 {
		return Explanation{Say(string(reason))}
	}
	return said
}
