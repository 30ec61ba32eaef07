package samlhook

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// maxRecorded bounds each list of a SignIn.
const maxRecorded = 200

// record is the SignIn of the attempt: what was expected and received, never the message itself.
func (a *attempt) record() schema.Document {
	doc := newRecord(a.id, a.connection, a.loaded.Name)
	a.describeMessage(doc)
	a.describeDecision(doc)
	a.keepIdentity(doc)
	if a.refusal != nil {
		judged(doc, OutcomeRefused, a.refusal.Reason, a.refusal.Explanation)
		putObstacles(doc, a.obstacles)
	} else {
		judged(doc, a.decision.Outcome, a.decision.Reason, a.decision.Explanation)
	}
	return doc
}

// newRecord is what every SignIn has.
func newRecord(correlation string, connection directory.ID, display string) schema.Document {
	doc := schema.Document{"correlationId": correlation}
	if connection.IsZero() { // what concerns no connection
		return doc
	}
	value := map[string]any{"value": connection.String()}
	putText(value, "display", display)
	doc["connection"] = value
	return doc
}

// judged records the outcome. The explanation is recorded as data (explanation.go).
func judged(doc schema.Document, outcome Outcome, reason saml.Reason, explanation saml.Explanation) {
	doc["outcome"], doc["reason"] = string(outcome), string(reason)
	putSaid(doc, attributeArgs, explanation)
}

// describeMessage records what was received.
func (a *attempt) describeMessage(doc schema.Document) {
	r := a.response
	putChecks(doc, r.Checks)
	if c := r.Certificate; c != nil {
		doc["certificate"] = map[string]any{"fingerprint": saml.Fingerprint(c), "algorithm": r.Algorithm,
			"notAfter": schema.FormatTime(c.NotAfter)}
	}
	if r.Assertion != nil {
		putText(doc, "nameId", saml.Clip(r.Assertion.NameID))
		putText(doc, "nameIdFormat", saml.Clip(r.Assertion.NameIDFormat))
		if issued := r.Assertion.IssueInstant; !issued.IsZero() {
			ahead := math.Round(issued.Sub(a.at).Seconds()*10) / 10
			doc["clockSkewSeconds"] = json.Number(strconv.FormatFloat(ahead, 'f', -1, 64))
		}
	}
	putTexts(doc, "received", slices.Concat(a.identity.Matched, a.identity.Unmatched))
	putTexts(doc, "matched", a.identity.Matched)
	putTexts(doc, "unmatched", a.identity.Unmatched)
	putTexts(doc, "empty", a.identity.Empty)
}

// describeUnvouched records what a message was that leaves no SignIn: of one that is genuine and was judged before, who
// it is about, quoted.
func (a *attempt) describeUnvouched(doc schema.Document) {
	if a.response == nil || !a.response.Verified || a.response.Assertion == nil {
		return
	}
	putText(doc, "nameId", quoted(a.response.Assertion.NameID))
	putText(doc, "nameIdFormat", saml.Clip(a.response.Assertion.NameIDFormat))
}

// describeDecision records whom the decision found or created, and which groups it touched.
func (a *attempt) describeDecision(doc schema.Document) {
	d := a.decision
	putSaid(doc, attributeDecisionArgs, d.Explanation)
	switch {
	case d.User != nil:
		doc["user"] = map[string]any{"value": d.User.ID.String(), "display": saml.Clip(d.User.Display())}
	case !a.user.IsZero(): // created
		display, _ := d.Document["displayName"].(string)
		doc["user"] = map[string]any{"value": a.user.String(), "display": saml.Clip(display)}
	}
	groups := map[string]any{}
	putGroups(groups, "added", idTexts(append(slices.Clone(d.Groups), d.Sync.Added...)))
	putGroups(groups, "removed", idTexts(d.Sync.Removed))
	putGroups(groups, "held", idTexts(d.Sync.Held))
	putTexts(groups, "kept", idTexts(d.Sync.Kept))
	putTexts(groups, "created", d.Sync.Created)
	putTexts(groups, "privileged", idTexts(append(slices.Clone(d.PrivilegedGroups), d.Sync.Privileged...)))
	putTexts(groups, "unknown", append(idTexts(d.MissingGroups), d.Sync.Unknown...))
	if len(groups) > 0 {
		doc["groups"] = groups
	}
}

// maxRecordedGroups bounds the changes of memberships that a SignIn lists, each way.
const maxRecordedGroups = 3000

func putGroups(in map[string]any, name string, ids []string) {
	var list []any
	for _, id := range ids[:min(len(ids), maxRecordedGroups)] {
		list = append(list, id)
	}
	if len(list) > 0 {
		in[name] = list
	}
}

func putChecks(doc schema.Document, checks []saml.Check) {
	var list []any
	for _, c := range checks[:min(len(checks), maxRecorded)] {
		check := map[string]any{"name": c.Name, "passed": c.OK}
		putText(check, "expected", c.Expected)
		putText(check, "received", c.Received)
		putSaid(check, attributeArgs, c.Explanation)
		list = append(list, check)
	}
	if len(list) > 0 {
		doc["checks"] = list
	}
}
