package samlhook

import (
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// maxClockSkew is the most that clockSkewSeconds may grant.
const maxClockSkew = 10 * time.Minute

// maxIssueAge is the most that maxIssueAgeSeconds may grant.
const maxIssueAge = time.Hour

// maxParsed bounds the connections that are kept parsed. Those that were deleted are not told apart; above the bound,
// all are parsed again.
const maxParsed = 4096

// loaded is an IdentityProvider ready for use.
type loaded struct {
	*saml.Connection
	Settings
	version    directory.Version
	requests   requestKey // nil if the organization has none yet
	problems   []string   // with what is stored, for the administrator
	validUntil time.Time  // of the metadata; zero if it does not say
	leaves     time.Time  // when the next certificate is not accepted any more; zero if none leaves
}

// load reads an IdentityProvider with its secrets. What is parsed is kept while the resource has this version.
func (h *Hook) load(s *directory.Snapshot, organization string, r *directory.Resource) (*loaded, error) {
	if kept, ok := h.parsed.Load(r.ID); ok {
		if l := kept.(*loaded); l.version == r.Version && l.requests != nil && l.Key != nil &&
			(l.leaves.IsZero() || h.now().Before(l.leaves)) {
			return l, nil
		}
	}
	l, err := h.parse(s, organization, r)
	if err != nil {
		return nil, err
	}
	if _, kept := h.parsed.Swap(r.ID, l); !kept && h.parsedCount.Add(1) > maxParsed {
		h.parsed.Clear()
		h.parsedCount.Store(0)
	}
	return l, nil
}

// parse reads an IdentityProvider with its secrets, whatever is kept of it.
func (h *Hook) parse(s *directory.Snapshot, organization string, r *directory.Resource) (*loaded, error) {
	held, err := readSecrets(s, r.ID)
	if err != nil {
		return nil, err
	}
	l := &loaded{Settings: ReadSettings(r), version: r.Version, requests: held.requests}
	l.readConnection(r, h.now())
	at := h.urls(organization, r.ID)
	l.EntityID, l.ACSURL = at.Metadata, at.ACS

	// Secrets come with the first change of a connection; one of an older store may lack them.
	if held.requests != nil {
		l.CheckRequest = held.requests.checker(l.Connection.ID)
	}
	if err := l.useKeys(held, r.Text("keyRollover")); err != nil {
		return nil, fmt.Errorf("IdentityProvider %s: %w", r.ID, err)
	}
	return l, nil
}

// readConnection reads what an IdentityProvider says about the other side and about messages. A certificate that cannot
// be used is left out, with a sentence in problems: one that was good when it was stored must not keep the others from
// being used.
func (l *loaded) readConnection(r *directory.Resource, now time.Time) {
	v := gjson.GetManyBytes(r.JSON, "idp.entityId", "idp.ssoUrl", "idp.certificates",
		"signRequests", "forceAuthn", "requestedAuthnContext", "nameIdFormat",
		"allowSha1", "allowIdpInitiated", "clockSkewSeconds", "binding", "metadataXml",
		"acceptedAuthnContext", "acceptedAuthnMethods", "maxIssueAgeSeconds", "maxLifetimeMinutes",
		"wantEncrypted")
	c := &saml.Connection{
		ID: r.ID.String(), IdPEntityID: v[0].String(), SSOURL: v[1].String(),
		SignRequests: v[3].Type != gjson.False, ForceAuthn: v[4].Bool(),
		RequestedAuthnContext: trimmed(v[5]), AcceptedAuthnContext: trimmed(v[12]),
		AcceptedAuthnMethods: trimmed(v[13]), NameIDFormat: v[6].String(),
		AllowSHA1: v[7].Bool(), AllowIdPInitiated: v[8].Bool(), ClockSkew: time.Duration(v[9].Int()) * time.Second,
		Limits: saml.Limits{IssueAge: time.Duration(v[14].Int()) * time.Second,
			Lifetime: time.Duration(v[15].Int()) * time.Minute},
		WantEncrypted: v[16].Bool(), Attributes: readMapping(r),
	}
	for _, e := range v[2].Array() {
		if until, err := time.Parse(time.RFC3339, e.Get("until").String()); err == nil {
			if !until.After(now) {
				continue
			}
			if l.leaves.IsZero() || until.Before(l.leaves) {
				l.leaves = until
			}
		}
		cert, err := saml.ParseCertificate(e.Get("pem").String())
		if err != nil {
			l.problems = append(l.problems, err.Error())
			continue
		}
		c.Certificates = append(c.Certificates, cert)
	}

	// The rest of the metadata is in idp; only the choice of the binding needs all of it.
	var offered map[string]string
	if xml := v[11].String(); xml != "" {
		if m, refusal := saml.ParseStoredMetadata([]byte(xml)); refusal != nil {
			l.problems = append(l.problems, english(refusal.Explanation))
		} else {
			offered = m.SSOURLs
			l.problems = append(l.problems, m.Warnings...)
			l.validUntil = m.ValidUntil
		}
	}
	c.Binding = chooseBinding(v[10].String(), offered)
	l.Connection = c
}

func readMapping(r *directory.Resource) saml.AttributeMapping {
	v := gjson.GetManyBytes(r.JSON, "attributes.userName", "attributes.firstName", "attributes.lastName",
		"attributes.email", "attributes.groups", "attributes.displayName", "attributes.externalId")
	return saml.AttributeMapping{
		UserName: v[0].String(), FirstName: v[1].String(), LastName: v[2].String(), Email: v[3].String(),
		Groups: v[4].String(), DisplayName: v[5].String(), ExternalID: v[6].String(),
	}
}

// chooseBinding is the binding that the setting names ("redirect", "post"). If it is unset, it is the one that the
// metadata offers, redirect first.
func chooseBinding(setting string, offered map[string]string) string {
	_, redirect := offered[saml.BindingRedirect]
	_, post := offered[saml.BindingPost]
	if setting == "post" || (setting == "" && post && !redirect) {
		return saml.BindingPost
	}
	return saml.BindingRedirect
}

// usable says why people cannot be sent to the identity provider and its answers not be judged; nil if they can.
func (l *loaded) usable() *saml.Refusal {
	switch {
	case l.IdPEntityID == "" || l.SSOURL == "" || len(l.Certificates) == 0:
		return saml.Refuse(ReasonNotConfigured)
	case !l.Enabled:
		return saml.Refuse(ReasonConnectionDisabled)
	}
	return nil
}
