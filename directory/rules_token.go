package directory

import (
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// tokenLifetime is how long an access token lasts unless its creator says otherwise.
const tokenLifetime = 365 * 24 * time.Hour

func createAccessToken(tx *Tx, r *state.Record, doc schema.Document) error {
	if _, ok := doc["expiresAt"]; !ok {
		doc["expiresAt"] = schema.FormatTime(tx.at.Add(tokenLifetime))
	}
	if err := checkAccessToken(tx, doc); err != nil {
		return err
	}
	delete(doc, "token")
	secret := newSecret()
	r.Hash = secretHash(secret)
	tx.secrets[r.ID] = secret
	return nil
}

func replaceAccessToken(tx *Tx, was, r *state.Record, doc schema.Document) error {
	if _, ok := doc["expiresAt"]; !ok {
		before, err := schema.AccessToken().Decode(was.JSON)
		if err != nil {
			return err
		}
		doc["expiresAt"] = before["expiresAt"]
	}
	delete(doc, "token")
	return checkAccessToken(tx, doc)
}

func deleteAccessToken(tx *Tx, r *state.Record) error {
	tx.delete(tx.keys().Note(usedNote, r.ID))
	return nil
}

// checkAccessToken rejects a token with a wider scope than its creator's, without an end, or of a User who does not
// exist.
func checkAccessToken(tx *Tx, doc schema.Document) error {
	scopes, _ := doc["scopes"].([]any)
	for _, v := range scopes {
		name, _ := v.(string)
		s, ok := ParseScope(name)
		if !ok {
			return errorf(Invalid, "scopes", "%q is not one of read, write, admin", name)
		}
		if !tx.dir.actor.Rights.Has(s) {
			return errorf(Forbidden, "scopes", "this credential cannot give the scope %s, which it does not have", name)
		}
	}
	text, _ := doc["expiresAt"].(string)
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return errorf(Invalid, "expiresAt", "must be a dateTime with a time zone")
	}
	if user, ok := doc["user"].(map[string]any); ok {
		text, _ := user["value"].(string)
		id, _ := ParseID(text)
		if _, err := tx.Get(schema.UserType, id); err != nil {
			return errorf(Invalid, "user.value", "no User has the id %q", text)
		}
	}
	return nil
}

// Secret is the secret of an AccessToken that this change creates: it is stored nowhere and shown once.
func (tx *Tx) Secret(token *Resource) string { return tx.secrets[token.ID] }
