package samlhook

import (
	"cmp"
	"fmt"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Health of a connection (IdentityProvider.health.status).
const (
	healthOK      = "ok"
	healthWarning = "warning"
	healthFailing = "failing"
)

// health is the status of a connection and its warnings; l is nil if the connection cannot be read.
func (h *Hook) health(s *directory.Snapshot, l *loaded, r *directory.Resource) map[string]any {
	if l == nil {
		return map[string]any{"status": healthFailing,
			"warnings": []any{"what is stored of the connection cannot be read"}}
	}
	warnings, status := append(h.warnings(s, l), h.exchangeWarnings(s, l, r)...), healthOK
	if len(warnings) > 0 {
		status = healthWarning
	}
	if n := len(readRemovals(s.Note(noteRemovals, r.ID)).Held); n > 0 {
		held := fmt.Sprintf("group sync holds the removal of %d Users from groups, because there were too many; "+
			"check the groups that the identity provider sends, then call .applyHeld or .discardHeld", n)
		warnings, status = append([]string{held}, warnings...), healthFailing
	}
	if failing := h.failing(l); failing != "" {
		warnings, status = append([]string{failing}, warnings...), healthFailing
	}
	health := map[string]any{"status": status}
	putTexts(health, "warnings", warnings)
	return health
}

// failing says why nobody can sign in through the connection at all; empty if people can.
func (h *Hook) failing(l *loaded) string {
	switch {
	case l.IdPEntityID == "" || l.SSOURL == "":
		return "there is no identity provider yet; set metadataXml, metadataUrl, or idp"
	case l.Key == nil:
		return "the connection has no key of ours; change any of its attributes to have one made"
	}
	for _, cert := range l.Certificates {
		if !h.now().After(cert.NotAfter) {
			return ""
		}
	}
	return "no certificate of the identity provider is valid"
}

// warnings are what an administrator should look at.
func (h *Hook) warnings(s *directory.Snapshot, l *loaded) []string {
	list := append([]string(nil), l.problems...)
	for _, cert := range l.Certificates {
		if w := saml.ExpiryWarning(cert, h.now()); w != "" {
			list = append(list, w)
		}
	}
	for _, own := range l.ownCertificates() {
		if w := saml.ExpiryWarning(own, h.now()); w != "" {
			list = append(list, "our own: "+w+"; set keyRollover to publish, then to use, to replace it")
		}
	}
	if l.NextCertificate != nil {
		list = append(list, "two keys of ours are published (keyRollover); once the identity provider has both "+
			"certificates, set keyRollover to use, and then remove it")
	}
	if !l.Enabled {
		list = append(list, "the connection is disabled (enabled: false)")
		if w := l.effect(s); w != "" {
			list = append(list, w)
		}
	}
	if l.AllowSHA1 {
		list = append(list, "signatures with SHA-1 are accepted (allowSha1)")
	}
	if w := l.linkWarning(s); l.Enabled && w != "" {
		list = append(list, w)
	}
	return append(list, l.groupWarnings(s)...)
}

// exchangeWarnings are about the metadata, the addresses and the clock of the identity provider.
func (h *Hook) exchangeWarnings(s *directory.Snapshot, l *loaded, r *directory.Resource) (list []string) {
	if strings.HasPrefix(l.SSOURL, "http:") {
		list = append(list, "requests are sent over http ("+saml.Clip(l.SSOURL)+"), where others can read and change "+
			"them; have the identity provider offer https")
	}
	if until := l.validUntil; !until.IsZero() && h.now().After(until) {
		list = append(list, "the metadata was valid until "+schema.FormatTime(until)+"; get it again from the "+
			"identity provider")
	}
	if r.Text("metadataUrl") != "" {
		list = append(list, readRefreshed(s, r.ID).warnings(h.now())...)
	}
	if seen := readSkew(s, r.ID); seen.large() && h.now().Sub(seen.At) < skewShown {
		list = append(list, seen.warning())
	}
	return list
}

// linkWarning says how other connections limit whom this one finds and creates; empty if it is the only one that
// counts.
func (l *loaded) linkWarning(s *directory.Snapshot) string {
	a := readAuthority(s, l.Settings.ID)
	if a.connections < 2 {
		return ""
	}
	own := l.owned(a)
	switch where := strings.Join(own, ", "); {
	case a.fallback == l.Settings.ID && len(own) > 0:
		return "of several connections this is the default one: it links and creates people in " + where +
			", and those in no verified domain"
	case a.fallback == l.Settings.ID:
		return "of several connections this is the default one: it links and creates people in no verified domain"
	case len(own) > 0:
		return "of several connections this is not the default one: it links and creates people in " + where + " only"
	}
	return "of several connections this is not the default one, and it has no verified domain: " +
		"it finds existing Users only by earlier sign-ins, and creates none"
}

// maxEffect bounds the links that are looked at to say what enabling changes: every reply that shows the connection
// says it.
const maxEffect = 2_000

// effect says what enabling the connection will change, and for whom; empty if it is the only one.
func (l *loaded) effect(s *directory.Snapshot) string {
	a := readAuthority(s, l.Settings.ID)
	if a.connections < 2 {
		return ""
	}
	var said []string
	if own := l.owned(a); len(own) > 0 {
		said = append(said, "people in "+strings.Join(own, ", ")+" sign in, are linked and created through this "+
			"connection only")
		if n, more := l.suspends(s, a); n > 0 {
			said = append(said, fmt.Sprintf("%d%s links of other connections to Users there are suspended until an "+
				"administrator confirms them (POST /Users/{id}/.link)", n, map[bool]string{true: " or more"}[more]))
		}
	}
	if a.fallback == l.Settings.ID {
		said = append(said, "this connection becomes the default one: it alone links and creates people in no verified "+
			"domain")
	} else {
		said = append(said, "whoever signs in through another connection goes on there")
	}
	return "if it is enabled: " + strings.Join(said, "; ")
}

// owned are the domains of the connection that it alone speaks for.
func (l *loaded) owned(a *authority) (own []string) {
	for _, domain := range l.Domains {
		if on := a.on("@" + domain); on.owner != nil && on.by == l.Settings.ID {
			own = append(own, domain)
		}
	}
	return own
}

// suspends counts the links of other connections that the connection suspends; more says that not all were looked at.
func (l *loaded) suspends(s *directory.Snapshot, a *authority) (n int, more bool) {
	looked := 0
	for link := range s.Links() {
		if looked++; looked > maxEffect {
			return n, true
		}
		user, err := s.Get(schema.UserType, link.User)
		if err == nil && link.Connection != l.Settings.ID && len(a.suspended(user, link)) > 0 {
			n++
		}
	}
	return n, false
}

// groupWarnings say which default groups are missing, or give more than membership.
func (l *loaded) groupWarnings(s *directory.Snapshot) []string {
	var list []string
	for _, id := range l.DefaultGroups {
		group, err := s.Get(schema.GroupType, id)
		if err != nil {
			list = append(list, "the default group "+id.String()+" does not exist any more")
			continue
		}
		name := "the default group " + saml.Clip(cmp.Or(group.Display(), id.String()))
		switch {
		case !l.mayTouch(s, id):
			list = append(list, name+" takes no new User in: it has roles or is protected, itself or through a Group "+
				"that it is in, and is not listed in groupSync.allowPrivileged")
		case s.PrivilegedGroup(id):
			list = append(list, name+" gives roles, or membership of a protected group, to every User that sign-in "+
				"creates")
		}
	}
	return list
}
