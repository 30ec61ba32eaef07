package samlhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"rollcall/directory"
)

// Action does something with a resource that SCIM has no method for: it serves POST {endpoint}/{id}/{name}. Its errors
// are *directory.Error, *schema.Error, those of reading the body, or unknown.
type Action = func(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error

// Actions are the actions of IdentityProviders by name.
func (h *Hook) Actions() map[string]Action {
	return map[string]Action{".dryRun": h.dryRun, ".testLink": h.testLink, ".discardPending": h.discardPending,
		".applyHeld": h.applyHeld, ".discardHeld": h.discardHeld}
}

// Inquiries are the actions of IdentityProviders that change nothing.
func (h *Hook) Inquiries() []string { return []string{".dryRun"} }

// UserActions are the actions of Users by name.
func (h *Hook) UserActions() map[string]Action {
	return map[string]Action{".link": h.link, ".unlink": h.unlink, ".claim": h.claim}
}

// OrganizationActions are the actions of Organizations by name.
func (h *Hook) OrganizationActions() map[string]Action {
	return map[string]Action{".checkDomains": h.checkDomains, ".verifyDomain": h.verifyDomain}
}

// maxAction bounds the body of an action, in bytes.
const maxAction = 16 << 10

// readAction reads the JSON body of an action into in. An empty body reads as {}. Error: Invalid, for what is not one
// object with the members of in.
func readAction(w http.ResponseWriter, r *http.Request, in any) error {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction))
	body.DisallowUnknownFields()
	if err := body.Decode(in); err != nil && !errors.Is(err, io.EOF) {
		return invalidAction("", "the body is not what the action takes: %s", err)
	}
	if _, err := body.Token(); !errors.Is(err, io.EOF) {
		return invalidAction("", "the body must be one JSON object")
	}
	return nil
}

// invalidAction is the error for a value that an action cannot use.
func invalidAction(attribute, format string, args ...any) error {
	return &directory.Error{Kind: directory.Invalid, Attr: attribute, Detail: fmt.Sprintf(format, args...)}
}

// writeAction replies with JSON, as the API does (RFC 7644 §3.1).
func writeAction(w http.ResponseWriter, status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/scim+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that is gone reads nothing
	return nil
}
