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

// record is the SignIn of the attempt: what was expected and received, never the
// message itself.
func (a *attempt) record() schema.Document {
	doc := newRecord(a.id, a.connection, a.loaded.Name)
	a.describe(doc)
	if a.refusal != nil {
		judged(doc, OutcomeRefused, a.refusal.Reason, a.refusal.Explanation)
	} else {
		judged(doc, a.decision.Outcome, a.decision.Reason, a.decision.Explanation)
	}
	if r := a.response; r.Assertion != nil && !r.Assertion.IssueInstant.IsZero() {
		ahead := math.Round(r.Assertion.IssueInstant.Sub(a.at).Seconds()*10) / 10
		doc["clockSkewSeconds"] = json.Number(strconv.FormatFloat(ahead, 'f', -1, 64))
	}
	return doc
}

// newRecord is what every SignIn has.
func newRecord(correlation string, connection directory.ID, display string) schema.Document {
	value := map[string]any{"value": connection.String()}
	if display != "" {
		value["display"] = display
	}
	return schema.Document{"correlationId": correlation, "connection": value}
}

func judged(doc schema.Document, outcome Outcome, reason saml.Reason, explanation string) {
	doc["outcome"], doc["reason"], doc["explanation"] = string(outcome), string(reason), explanation
}

// describe puts down what was received and what was found.
func (v *attempt) describe(doc schema.Document) {
	r := v.response
	putChecks(doc, r.Checks)
	if c := r.Certificate; c != nil {
		doc["certificate"] = map[string]any{"fingerprint": saml.Fingerprint(c), "notAfter": schema.FormatTime(c.NotAfter), "algorithm": r.Algorithm}
	}
	if a := r.Assertion; a != nil {
		putText(doc, "nameId", saml.Clip(a.NameID))
		putText(doc, "nameIdFormat", saml.Clip(a.NameIDFormat))
	}
	putTexts(doc, "received", slices.Concat(v.identity.Matched, v.identity.Unmatched))
	putTexts(doc, "matched", v.identity.Matched)
	putTexts(doc, "unmatched", v.identity.Unmatched)
	putText(doc, "decision", v.decision.Explanation)
	switch {
	case !v.user.IsZero() && v.decision.User == nil:
		doc["user"] = map[string]any{"value": v.user.String(), "display": saml.Clip(v.decision.Document["displayName"].(string))}
	case v.decision.User != nil:
		doc["user"] = map[string]any{"value": v.decision.User.ID.String(), "display": saml.Clip(v.decision.User.Display())}
	}
	groups := map[string]any{}
	putTexts(groups, "added", idTexts(v.decision.Groups))
	putTexts(groups, "privileged", idTexts(v.decision.PrivilegedGroups))
	putTexts(groups, "unknown", idTexts(v.decision.MissingGroups))
	if len(groups) > 0 {
		doc["groups"] = groups
	}
}

func putChecks(doc schema.Document, checks []saml.Check) {
	var list []any
	for _, c := range checks[:min(len(checks), maxRecorded)] {
		check := map[string]any{"name": c.Name, "passed": c.OK}
		putText(check, "expected", c.Expected)
		putText(check, "received", c.Received)
		list = append(list, check)
	}
	if len(list) > 0 {
		doc["checks"] = list
	}
}
