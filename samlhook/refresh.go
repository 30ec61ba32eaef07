package samlhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

const (
	// refreshEvery is how often metadata is fetched that has a URL, refreshTick how often it is looked for what is due.
	refreshEvery = time.Hour
	refreshTick  = time.Minute
	// refreshSoonest is how long after a refresh an unknown key may cause another.
	refreshSoonest = 5 * time.Minute
	// refreshStale is for how long metadata may be without a refresh that succeeded before that is a warning.
	refreshStale = 24 * time.Hour
	// maxRefreshes bounds how many are under way at once on the node that is elected for them.
	maxRefreshes = 8
	// refreshTimeout bounds a refresh that a message caused, whose sender may have gone.
	refreshTimeout = fetchTimeout + 2*noteTimeout
)

// refreshed says how the last refreshes of a connection's metadata went.
type refreshed struct {
	Tried   time.Time `json:"tried"`            // the last by the clock
	Asked   time.Time `json:"asked,omitzero"`   // the last that a message caused, which anybody can send
	Fetched time.Time `json:"fetched,omitzero"` // the last that succeeded
	Error   string    `json:"error,omitempty"`  // of the last; empty if it succeeded
	validators
}

func (r refreshed) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("samlhook: a refreshed always marshals: " + err.Error())
	}
	return b
}

// latest is when the last refresh was tried, whatever caused it.
func (r refreshed) latest() time.Time {
	if r.Asked.After(r.Tried) {
		return r.Asked
	}
	return r.Tried
}

// readRefreshed reads the note of a connection; zero if there is none.
func readRefreshed(s *directory.Snapshot, id directory.ID) (r refreshed) {
	_ = json.Unmarshal(s.Note(noteRefresh, id), &r) // there may be none
	return r
}

// warnings say that the copy of the metadata may be old.
func (r refreshed) warnings(now time.Time) []string {
	switch {
	case r.Error != "":
		return []string{fmt.Sprintf("the metadata could not be refreshed on %s; the copy of %s stays in use: %s",
			schema.FormatTime(r.latest()), schema.FormatTime(r.Fetched), r.Error)}
	case now.Sub(r.Fetched) > refreshStale:
		return []string{"the metadata was last refreshed on " + schema.FormatTime(r.Fetched)}
	}
	return nil
}

// refreshDue refreshes the metadata of every connection that is due.
func (h *Hook) refreshDue(ctx context.Context) error {
	system, err := h.store.System().Snapshot(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(maxRefreshes)
	for organization := range system.All(schema.OrganizationType) {
		s := system.Inside(organization.ID)
		for connection := range s.All(schema.IdentityProviderType) {
			if name := organization.Text("name"); s.Active() && connection.Text("metadataUrl") != "" &&
				h.now().Sub(readRefreshed(s, connection.ID).Tried) >= refreshEvery {
				group.Go(func() error {
					h.refresh(ctx, name, s, connection, false)
					return nil
				})
			}
		}
	}
	return group.Wait()
}

// refresh fetches the metadata of a connection once more; asked says that a message caused it, which does not put off
// the next one by the clock. A refresh that fails leaves the copy in use. It reports whether this node made one: of
// several, one does.
func (h *Hook) refresh(ctx context.Context, organization string, s *directory.Snapshot,
	connection *directory.Resource, asked bool) bool {
	d, note := h.store.Organization(organization), readRefreshed(s, connection.ID)
	if asked {
		note.Asked = h.now()
	} else {
		note.Tried = h.now()
	}
	if d.ReplaceNote(ctx, s, noteRefresh, connection.ID, note.encode()) != nil {
		return false // another node came first, or the store does not take it
	}
	err := h.refetch(ctx, d, connection, &note)
	if note.Error = ""; err != nil {
		note.Error = saml.Clip(sentenceOf(err))
		h.log.Warn("metadata was not refreshed", "organization", organization, "connection", connection.ID.String(),
			"error", err)
	} else {
		note.Fetched = h.now()
	}
	if err := d.WriteNote(ctx, noteRefresh, connection.ID, note.encode()); err != nil {
		h.log.Warn("the time of the refresh was not written", "connection", connection.ID.String(), "error", err)
	}
	return true
}

// sentenceOf is what an administrator reads of an error; of one that nobody planned, nothing.
func sentenceOf(err error) string {
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		return english(refusal.Explanation)
	}
	if e, ok := errors.AsType[*schema.Error](err); ok {
		return e.Error()
	}
	return "the store did not take it; the log has the cause"
}

// refetch fetches the metadata and puts it into the connection, if it is another one.
func (h *Hook) refetch(ctx context.Context, d *directory.Directory, connection *directory.Resource,
	note *refreshed) error {
	address := connection.Text("metadataUrl")
	body, got, err := h.fetcher.fetch(ctx, address, note.validators)
	if err != nil || body == nil {
		return err
	}
	text, err := saml.MetadataText(body)
	if err != nil {
		return saml.Refuse(saml.ReasonMetadata, saml.Say("metadata", "problem", err))
	}
	_, err = d.Update(ctx, func(tx *directory.Tx) error {
		old, err := tx.Get(schema.IdentityProviderType, connection.ID)
		if err != nil || old.Text("metadataUrl") != address {
			return err // somebody set another one meanwhile
		}
		return replaceMetadata(tx, old, string(text))
	})
	if directory.KindOf(err) == directory.NotFound {
		return nil // deleted meanwhile
	}
	if err == nil {
		note.validators = got
	}
	return err
}

// replaceMetadata gives a connection another copy of its metadata. It must be of the same identity provider: nothing
// that a server answers makes a connection trust another one.
func replaceMetadata(tx *directory.Tx, old *directory.Resource, text string) error {
	before, err := schema.IdentityProvider().Decode(old.JSON)
	if err != nil {
		return err
	}
	m, refusal := saml.ParseMetadata([]byte(text), tx.Now())
	if refusal != nil {
		return refusal
	}
	if was := old.Text("idp.entityId"); m.EntityID != was {
		return saml.Refuse(saml.ReasonMetadata, saml.Say("metadata.other", "now", saml.Clip(m.EntityID),
			"before", saml.Clip(was)))
	}
	p := preparation{tx: tx, id: old.ID, before: before, doc: before.Clone()}
	p.doc["metadataXml"] = text
	if err := p.identityProvider(); err != nil {
		return err
	}
	_, err = tx.Replace(old, p.doc)
	return err
}

// refreshed reports whether the message was refused for its key, and the metadata was refreshed for that: once in five
// minutes, whatever comes, and to its end, even if the client hangs up.
func (a *attempt) refreshed(connection *directory.Resource) bool {
	if a.refused == nil {
		return false
	}
	switch a.refused.Reason {
	case saml.ReasonUnknownCertificate, saml.ReasonSignatureInvalid, saml.ReasonCertificateExpired:
	default:
		return false
	}
	s, err := a.snapshot()
	if err != nil || connection.Text("metadataUrl") == "" ||
		a.at.Sub(readRefreshed(s, connection.ID).latest()) < refreshSoonest {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.r.Context()), refreshTimeout)
	defer cancel()
	return a.refresh(ctx, a.org, s, connection, true)
}
