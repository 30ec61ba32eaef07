package samlhook

import (
	"slices"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// maxObstacles bounds the obstacles of a sign-in.
const maxObstacles = 20

// messageObstacles are the checks of a message that failed, each with what it alone would lead to. first is the refusal
// of the message; nil if there is none.
func messageObstacles(r *saml.Response, first *saml.Refusal) (all []*saml.Refusal) {
	if first != nil {
		all = append(all, first)
	}
	for _, c := range r.Checks {
		if !c.OK && c.Reason != "" {
			all = appendObstacle(all, saml.Refuse(c.Reason, c.Explanation...))
		}
	}
	return all
}

// appendObstacle adds an obstacle whose reason is new.
func appendObstacle(all []*saml.Refusal, o *saml.Refusal) []*saml.Refusal {
	same := func(known *saml.Refusal) bool { return known.Reason == o.Reason }
	if len(all) >= maxObstacles || slices.ContainsFunc(all, same) {
		return all
	}
	return append(all, o)
}

// decisionObstacles are all reasons for which Decide refuses the person: whoever removes the first one learns here what
// comes next. It finds them by deciding again as if each obstacle were removed, as far as a setting removes it.
func decisionObstacles(s *directory.Snapshot, c Settings, id saml.Identity, now time.Time) ([]*saml.Refusal, error) {
	var all []*saml.Refusal
	var user *directory.Resource
	for {
		d, err := Decide(s, c, id, now)
		if err != nil {
			return nil, err
		}
		if d.Outcome != OutcomeRefused {
			break
		}
		known := len(all)
		if all = appendObstacle(all, saml.Refuse(d.Reason, d.Explanation...)); len(all) == known {
			break
		}
		if d.User != nil {
			user = d.User
		}
		var ok bool
		if c, ok = without(c, d.Reason); !ok {
			break
		}
	}
	return append(all, userObstacles(s, c, user, all)...), nil
}

// without returns the settings under which a reason does not refuse anybody; ok is false if no setting is.
func without(c Settings, reason saml.Reason) (next Settings, ok bool) {
	switch reason {
	case ReasonJITDisabled:
		c.JIT = true
	case saml.ReasonMissingAttribute:
		c.RequireNames = false
	case ReasonUserDeleted:
		c.ReviveDeleted = true
	case ReasonPrivilegedUser:
		c.LinkPrivileged = true
	case ReasonDomainNotVerified:
		c.Domains = nil
	default:
		return c, false
	}
	return c, true
}

// userObstacles are what else stands in the way of the User who was found, behind an obstacle that no setting removes.
func userObstacles(s *directory.Snapshot, c Settings, user *directory.Resource, known []*saml.Refusal) []*saml.Refusal {
	if user == nil || user.Type != schema.UserType {
		return nil
	}
	has := func(reason saml.Reason) bool {
		return slices.ContainsFunc(known, func(o *saml.Refusal) bool { return o.Reason == reason })
	}
	var more []*saml.Refusal
	if !c.LinkPrivileged && has(ReasonLinkedElsewhere) && s.Privileged(user.ID) {
		more = append(more, saml.Refuse(ReasonPrivilegedUser))
	}
	if !directory.Active(user.JSON) && !has(ReasonUserInactive) {
		more = append(more, saml.Refuse(ReasonUserInactive))
	}
	return more
}

// putObstacles records all obstacles.
func putObstacles(doc schema.Document, all []*saml.Refusal) {
	var list []any
	for _, o := range all {
		obstacle := map[string]any{"reason": string(o.Reason)}
		putSaid(obstacle, attributeArgs, o.Explanation)
		list = append(list, obstacle)
	}
	if len(list) > 0 {
		doc["obstacles"] = list
	}
}
