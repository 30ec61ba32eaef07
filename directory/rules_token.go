package directory

import (
	"time"

	"rollcall/directory/schema"
)

// tokenLifetime is how long an access token lasts unless its creator says otherwise.
const tokenLifetime = 365 * 24 * time.Hour

func createAccessToken(tx *Tx, r *record, doc schema.Document) error {
	if _, ok := doc["expiresAt"]; !ok {
		doc["expiresAt"] = schema.FormatTime(tx.at.Add(tokenLifetime))
	}
	if err := tx.checkAccessToken(doc); err != nil {
		return err
	}
	delete(doc, "token")
	secret := newSecret()
	r.hash = secretHash(secret)
	if tx.secrets == nil {
		tx.secrets = map[ID]string{}
	}
	tx.secrets[r.ID] = secret
	return nil
}

func replaceAccessToken(tx *Tx, was, r *record, doc schema.Document) error {
	if _, ok := doc["expiresAt"]; !ok {
		before, err := schema.AccessToken().Decode(was.JSON)
		if err != nil {
			return err
		}
		doc["expiresAt"] = before["expiresAt"]
	}
	delete(doc, "token")
	return tx.checkAccessToken(doc)
}

func deleteAccessToken(tx *Tx, r *record) error {
	tx.delete(tx.keys().note(usedNote, r.ID))
	return nil
}

// checkAccessToken holds that nobody mints a scope wider than his own, that a token ends, and that its User exists.
func (tx *Tx) checkAccessToken(doc schema.Document) error {
	scopes, _ := doc["scopes"].([]any)
	for _, v := range scopes {
		name, _ := v.(string)
		s, ok := ParseScope(name)
		if !ok {
			return errorf(Invalid, "scopes", "%q is none of read, write, admin", name)
		}
		if s > tx.dir.actor.Scope {
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
		if _, err := tx.Get(userType, id); err != nil {
			return errorf(Invalid, "user.value", "no User has the id %q", text)
		}
	}
	return nil
}

// Secret is the secret of an AccessToken that this change creates: it is stored nowhere and shown once.
func (tx *Tx) Secret(token *Resource) string { return tx.secrets[token.ID] }
