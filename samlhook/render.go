package samlhook

import (
	"rollcall/directory"
	"rollcall/directory/schema"
)

// Render adds what is derived of an IdentityProvider to the body of a reply: sp, which is our side, and health.
func (h *Hook) Render(s *directory.Snapshot, r *directory.Resource, body map[string]any) {
	organization := s.Organization()
	if organization == nil {
		return
	}
	name := organization.Text("name")
	at := h.urls(name, r.ID)
	sp := map[string]any{"entityId": at.Metadata, "acsUrl": at.ACS, "metadataUrl": at.Metadata, "loginUrl": at.Login}
	l, err := h.load(s, name, r)
	if err != nil {
		h.log.Error("a connection cannot be read", "connection", r.ID.String(), "error", err)
	} else {
		sp["certificates"] = certificateList(l.ownCertificates())
	}
	if pending := h.renderDraft(s, r); pending != nil {
		body["pending"] = pending
	}
	health := h.health(s, l, r)
	putText(health, "lastSignIn", string(s.Note(noteSignedIn, r.ID)))
	if fetched := readRefreshed(s, r.ID).Fetched; r.Text("metadataUrl") != "" && !fetched.IsZero() {
		health["lastRefresh"] = schema.FormatTime(fetched)
	}
	if held := readRemovals(s.Note(noteRemovals, r.ID)).Held; len(held) > 0 {
		body["held"] = renderHeld(s, held)
	}
	body["sp"], body["health"] = sp, health
}
