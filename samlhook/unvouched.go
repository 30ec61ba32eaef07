package samlhook

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/remote"
	"rollcall/samlhook/saml"
)

// Whoever reads a number on a page can have it explained: what leaves no SignIn of its own, because anybody could cause
// it, is recorded in the ring of the connection.

// unverified is for a message that leaves no SignIn: no signature covers it, or it was judged before. name is that of
// the connection, to show.
func (x *exchange) unverified(name string, refusal *saml.Refusal, checks []saml.Check) error {
	x.count(OutcomeRefused, refusal.Reason)
	x.unvouched = newRecord(x.id, x.connection, name)
	judged(x.unvouched, OutcomeRefused, refusal.Reason, refusal.Explanation)
	if refusal.Reason != ReasonAssertionUsed { // which says nothing about the signature
		putChecks(x.unvouched, worthKeeping(checks))
	}
	return refusal
}

// unvouchedOf is what a ring keeps of a record: what an attacker could fill it with is left out.
func unvouchedOf(doc schema.Document) schema.Document {
	kept := schema.Document{}
	for _, name := range []string{"correlationId", "connection", "outcome", "reason", attributeArgs} {
		if v, ok := doc[name]; ok {
			kept[name] = v
		}
	}
	return kept
}

// worthKeeping are the checks of a message that nobody vouches for which tell something: those that failed, and who
// signed.
func worthKeeping(checks []saml.Check) (kept []saml.Check) {
	for _, c := range checks {
		if !c.OK || strings.HasPrefix(c.Name, "signature") {
			kept = append(kept, c)
		}
	}
	return kept[:min(len(kept), maxUnvouchedChecks)]
}

// maxUnvouchedChecks bounds the checks of a SignIn in a ring.
const maxUnvouchedChecks = 8

// explain records a request that failed with err and shows its number, unless a SignIn has it. It reports false if the
// network of the request causes more failures than are recorded: then its number leads nowhere and is not shown. A
// request that fails because the store does not answer is recorded as soon as it does.
func (x *exchange) explain(err error, f *failure) bool {
	doc := x.unvouched
	if doc == nil && x.recorded {
		return true
	}
	network := remote.Network(x.r.RemoteAddr)
	if x.failures.Take(network, 1, x.start) > 0 && f.status < http.StatusInternalServerError {
		return false
	}
	if doc == nil {
		doc = newRecord(x.id, x.connection, x.connectionName(f.status))
		if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
			judged(doc, OutcomeRefused, refusal.Reason, refusal.Explanation)
		} else {
			judged(doc, OutcomeFailed, f.reason, saml.Refuse(f.reason).Explanation)
		}
	}
	x.ring.add(directory.Unvouched{Organization: x.org, Connection: x.connection, Network: network, At: x.now(),
		Document: doc})
	return true
}

// connectionName is the name to show of the request's connection; empty if it is not known.
func (x *exchange) connectionName(status int) string {
	if x.connection.IsZero() || status >= http.StatusInternalServerError {
		return ""
	}
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil {
		return ""
	}
	r, err := s.Get(schema.IdentityProviderType, x.connection)
	if err != nil {
		return ""
	}
	return r.Display()
}

// quoted is a value that nobody vouches for: text, and nothing to act on.
func quoted(value string) string {
	if value == "" {
		return ""
	}
	return strconv.Quote(saml.Clip(value))
}
