package samlhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// maxDomains bounds the domains of an organization: each is looked up again and again.
const maxDomains = 100

// PrepareOrganization checks the brand and the domains of an Organization before it is stored, re-encodes its logo and
// gives new domains their challenge; old is nil for a new Organization. It is the hook of the type, and pure but for
// randomness. Errors: *schema.Error (invalidValue) naming the attribute or the domain.
func (h *Hook) PrepareOrganization(_ *directory.Tx, _ directory.ID, old *directory.Resource, doc schema.Document,
	_ func(any) (any, error)) error {
	if err := prepareBrand(old, doc); err != nil {
		return err
	}
	return prepareDomains(old, doc)
}

func prepareDomains(old *directory.Resource, doc schema.Document) error {
	if err := directory.CarryProof(old, doc); err != nil {
		return err
	}
	list, _ := doc["domains"].([]any)
	if len(list) > maxDomains {
		return wrong("domains", "an organization has at most %d domains", maxDomains)
	}
	var names []string
	for i, e := range list {
		domain, ok := e.(map[string]any)
		if !ok {
			continue // the schema says what is wrong
		}
		value, _ := domain["value"].(string)
		name := domainName(strings.TrimSpace(value))
		attribute := fmt.Sprintf("domains[%d].value", i)
		if slices.Contains(names, name) {
			return wrong(attribute, "%s is there twice", saml.Clip(name))
		}
		names = append(names, name)
		if domain["challenge"] != nil { // stored before
			continue
		}
		if problem := mayNotHave(name); problem != "" {
			return wrong(attribute, "%s", problem)
		}
		domain["value"], domain["challenge"], domain["state"] = name, newChallenge(), domainPending
		if verified, _ := domain["verified"].(bool); verified { // of a store from before there were challenges
			domain["state"] = domainVerified
		}
	}
	return nil
}

// mayNotHave says why no organization can have the domain; empty if one can.
func mayNotHave(domain string) string {
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain && domain != "" {
		return saml.Clip(domain) + " is a public suffix: anybody may have names below it"
	}
	if slices.Contains(freeMail, domain) {
		return saml.Clip(domain) + " gives addresses to anybody, so it is nobody's domain"
	}
	return ""
}

// RenderOrganization adds what is derived of an Organization's domains to the body of a reply.
func (h *Hook) RenderOrganization(s *directory.Snapshot, r *directory.Resource, body map[string]any) {
	list, _ := body["domains"].([]any)
	if len(list) == 0 {
		return
	}
	assigned := map[string]string{}
	for c := range s.All(schema.IdentityProviderType) { // none in the system scope
		for _, domain := range domainNames(textsAt(c, "domains")) {
			assigned[domain] = c.ID.String()
		}
	}
	seen := readSightings(s, r.ID)
	shown := make([]any, len(list))
	for i, e := range list {
		domain, _ := schema.CloneValue(e).(map[string]any)
		if shown[i] = domain; domain == nil {
			shown[i] = e
			continue
		}
		value, _ := domain["value"].(string)
		name := domainName(value)
		putText(domain, "connection", assigned[name])
		if domain["challenge"] != nil {
			domain["recordName"] = recordOf(name)
		}
		if g, ok := seen[name]; ok {
			domain["checkedAt"] = schema.FormatTime(g.At)
			putTexts(domain, "seen", g.Seen)
			if !g.Missing.IsZero() {
				domain["missingSince"] = schema.FormatTime(g.Missing)
			}
		}
	}
	body["domains"] = shown
}

// checkAgainAfter is how soon .checkDomains looks at a domain again.
const checkAgainAfter = 10 * time.Second

// checkDomains serves POST /Organizations/{id}/.checkDomains: it looks for the records of all domains now, and replies
// with the domains and with the links that are suspended. It needs the scope admin. Errors: Forbidden, NotFound,
// Unavailable.
func (h *Hook) checkDomains(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if !d.Actor().Rights.Has(directory.ScopeAdmin) {
		return &directory.Error{Kind: directory.Forbidden,
			Detail: "only a credential with the scope admin may check domains"}
	}
	if err := readAction(w, r, &struct{}{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	err := h.checkOrganization(ctx, id, func(_ orgDomain, g sighting) bool {
		return h.now().Sub(g.At) >= checkAgainAfter
	})
	if err != nil {
		return err
	}
	return h.replyDomains(w, r, d, id)
}

// replyDomains replies with the domains of an Organization and, in its own scope, with the links that are suspended.
func (h *Hook) replyDomains(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	s, err := d.Snapshot(r.Context())
	if err != nil {
		return err
	}
	organization, err := s.Get(schema.OrganizationType, id)
	if err != nil {
		return err
	}
	doc, err := schema.Organization().Decode(organization.JSON)
	if err != nil {
		return err
	}
	h.RenderOrganization(s, organization, doc)
	reply := map[string]any{"domains": doc["domains"]}
	if doc["domains"] == nil {
		reply["domains"] = []any{}
	}
	if s.Organization() != nil {
		list, more, err := suspendedLinks(r.Context(), d, s)
		if err != nil {
			return err
		}
		reply["suspended"] = list
		if more > 0 {
			reply["moreSuspended"] = more
		}
	}
	return writeAction(w, http.StatusOK, reply)
}

// suspendedLinks lists links that do not count until somebody confirms them, and how many more there are. It looks at
// all links, and gives way to others meanwhile. Error: that of the context.
func suspendedLinks(ctx context.Context, d *directory.Directory, s *directory.Snapshot) (list []any, more int,
	err error) {
	work := d.Work()
	defer work.End()
	list = []any{}
	by := map[directory.ID]*authority{}
	for l := range s.Links() {
		if err := work.Spend(ctx, 1); err != nil {
			return nil, 0, err
		}
		if by[l.Connection] == nil {
			by[l.Connection] = readAuthority(s, l.Connection)
		}
		user, err := s.Get(schema.UserType, l.User)
		if err != nil || len(by[l.Connection].domains) == 0 {
			continue
		}
		domains := by[l.Connection].suspended(user, l)
		switch {
		case len(domains) == 0:
		case len(list) == maxListedLinks:
			more++
		default:
			list = append(list, map[string]any{"connection": l.Connection.String(), "nameId": l.NameID,
				"domains": domains, "user": map[string]any{"value": l.User.String(), "display": user.Display()}})
		}
	}
	return list, more, nil
}

// verifyDomain serves POST /Organizations/{id}/.verifyDomain for credentials of the system scope: it says by hand that
// the organization controls a domain, or that it does not, with a reason that everybody there reads. The body has
// domain, verified and reason. Errors: Forbidden, Invalid, NotFound; Exists if another organization has the domain.
func (h *Hook) verifyDomain(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if !d.Actor().System || !d.Actor().Rights.Has(directory.ScopeAdmin) {
		return &directory.Error{Kind: directory.Forbidden,
			Detail: "only a credential of the system scope may verify a domain by hand"}
	}
	in := struct {
		Domain   string `json:"domain"`
		Verified bool   `json:"verified"`
		Reason   string `json:"reason"`
	}{}
	if err := readAction(w, r, &in); err != nil {
		return err
	}
	if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" || len(in.Reason) > 500 {
		return invalidAction("reason", "must say in 1 to 500 bytes why")
	}
	_, err := d.Update(r.Context(), func(tx *directory.Tx) error {
		organization, err := tx.Get(schema.OrganizationType, id)
		if err != nil {
			return err
		}
		doc, err := schema.Organization().Decode(organization.JSON)
		if err != nil {
			return err
		}
		state := map[bool]string{true: domainVerified, false: domainPending}[in.Verified]
		for _, held := range domainsOf(organization) {
			if held.name != domainName(in.Domain) {
				continue
			}
			setDomain(doc, held.name, held.challenge, func(domain map[string]any) {
				setState(state, tx.Now())(domain)
				if domain["reason"] = in.Reason; !in.Verified {
					delete(domain, "reason")
				}
			})
			_, err = tx.Replace(organization, doc)
			return err
		}
		return invalidAction("domain", "%s is not a domain of the organization", saml.Clip(in.Domain))
	})
	if err != nil {
		return err
	}
	return h.replyDomains(w, r, d, id)
}
