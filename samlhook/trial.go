package samlhook

import (
	"errors"
	"maps"
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// trial is a sign-in that is judged as it would be and not carried out: the change runs on a transaction that is never
// committed.
type trial struct {
	// test is a test sign-in: its message comes from the identity provider, its ids are used up.
	test bool
	// assertion is what to judge in place of a message; nil if there is a message.
	assertion *saml.Assertion
	// identity is what to judge in place of what the assertion is mapped to; nil if it is mapped.
	identity *saml.Identity

	draft  string // version of the pending change by which it was judged; empty for what is in force
	passed bool   // nothing stands in the way
	taken  bool   // the pending change was put in force

	doc     schema.Document // the SignIn that it would leave
	effects schema.Document // what would happen beyond that
}

// isDryRun reports whether the attempt uses nothing up.
func (a *attempt) isDryRun() bool { return a.trial != nil && !a.trial.test }

// errTried ends the change of a trial, so that nothing of it is committed.
var errTried = errors.New("the sign-in is only tried")

// errIsTest ends the change of a message that answers a test request: it never signs anybody in.
var errIsTest = errors.New("the message answers a test request")

// try runs the attempt as a trial.
func (a *attempt) try(s *directory.Snapshot, connection *directory.Resource) error {
	err := a.settle(s, connection)
	switch {
	case errors.Is(err, errTried):
		return nil
	case errors.Is(err, errNotRecorded): // nothing vouches for the message, so nobody is looked for
		a.obstacles = messageObstacles(a.response, a.refusal)
		a.trial.doc = a.record()
		return nil
	}
	return err
}

// tried notes what the run of the change has come to. A connection that is disabled refuses everybody; a trial tells
// what else it would say.
func (a *attempt) tried() error {
	if !a.loaded.Enabled && !a.trial.test {
		disabled := a.loaded.usable()
		a.obstacles = appendObstacle(a.obstacles, disabled)
		if a.refusal == nil {
			a.refusal = disabled
		}
	}
	a.trial.passed = a.refusal == nil
	a.trial.doc = a.record()
	if a.decision.Outcome == OutcomeCreated {
		delete(a.trial.doc, "user") // which will have another id
	}
	a.trial.effects = a.effects()
	return errTried
}

// effects are what the decision would change.
func (a *attempt) effects() schema.Document {
	d, effects := a.decision, schema.Document{}
	switch {
	case d.Outcome == OutcomeCreated:
		doc := maps.Clone(d.Document)
		delete(doc, schema.OriginURN)
		effects["creates"] = map[string]any(doc)
	case d.Document != nil:
		if changes := changesTo(d.User, d.Document); len(changes) > 0 {
			effects["updates"] = changes
		}
	}
	if d.Reason == ReasonLinked {
		effects["links"] = map[string]any{"connection": a.connection.String(), "nameId": a.identity.NameID,
			"user": d.User.ID.String()}
	}
	return effects
}

// changesTo lists the attributes that differ between a User and its next document.
func changesTo(user *directory.Resource, next schema.Document) []any {
	before, err := schema.User().Decode(user.JSON)
	if err != nil {
		return nil
	}
	names := maps.Clone(before)
	maps.Copy(names, next)
	var changes []any
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if name == schema.OriginURN || schema.EqualValues(before[name], next[name]) {
			continue
		}
		change := map[string]any{"path": name}
		if v, ok := before[name]; ok {
			change["from"] = v
		}
		if v, ok := next[name]; ok {
			change["to"] = v
		}
		changes = append(changes, change)
	}
	return changes
}
