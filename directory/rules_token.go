package directory

import (
	"math"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// tokenLifetime is how long an access token lasts unless its creator says otherwise.
const tokenLifetime = 365 * 24 * time.Hour

func createAccessToken(tx *Tx, r *state.Record, doc schema.Document) error {
	if _, ok := doc["expiresAt"]; !ok {
		doc["expiresAt"] = schema.FormatTime(tx.at.Add(min(tokenLifetime, longestLifetime(tx, doc))))
	}
	if err := checkAccessToken(tx, nil, doc); err != nil {
		return err
	}
	delete(doc, "token")
	secret := newSecret()
	r.Hash = secretHash(secret)
	tx.secrets[r.ID] = secret
	return nil
}

func replaceAccessToken(tx *Tx, was, r *state.Record, doc schema.Document) error {
	before, err := schema.AccessToken().Decode(was.JSON)
	if err != nil {
		return err
	}
	for _, name := range []string{"expiresAt", "adopted"} { // a client that leaves them out does not mean them
		if _, ok := doc[name]; !ok && before[name] != nil {
			doc[name] = before[name]
		}
	}
	delete(doc, "token")
	return checkAccessToken(tx, before, doc)
}

func deleteAccessToken(tx *Tx, r *state.Record) error {
	tx.delete(tx.keys().Note(usedNote, r.ID))
	return nil
}

// checkAccessToken rejects a token with rights that its creator lacks, without an end or with one too far away, or of a
// User who does not exist, and completes it with who made it; before is nil for a new one.
func checkAccessToken(tx *Tx, before, doc schema.Document) error {
	if err := onlyProfile(before, doc); err != nil {
		return err
	}
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
	if err := setMaker(tx, before, doc); err != nil {
		return err
	}
	if err := checkExpiry(tx, before, doc); err != nil {
		return err
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

// A token with the scope admin that a session makes would outlive the administrator who made it. It depends on that
// User until another administrator adopts it. Tokens with the other scopes live on: a provisioning client must not stop
// because it deactivated the administrator who set it up. Tokens without createdBy are from before, and depend on
// nobody.

// setMaker writes who made the token, or gave it the scope admin, and checks who adopts it.
func setMaker(tx *Tx, before, doc schema.Document) error {
	widened := before != nil && isAdminToken(doc) && !isAdminToken(before)
	delete(doc, "createdBy")
	if before != nil && !widened {
		if by, ok := before["createdBy"]; ok {
			doc["createdBy"] = by
		}
	} else {
		doc["createdBy"] = tx.maker()
	}
	if widened {
		delete(doc, "adopted")
	}

	// Whoever made it cannot adopt it.
	was, _ := before["adopted"].(bool)
	by, _ := doc["createdBy"].(map[string]any)
	if is, _ := doc["adopted"].(bool); is && !was && by["value"] == tx.dir.actor.maker.String() {
		return errorf(Forbidden, "adopted", "only another administrator can adopt this token")
	}
	return nil
}

// maker is who makes a token, as createdBy names them.
func (tx *Tx) maker() map[string]any {
	id := tx.dir.actor.maker
	if id.IsZero() {
		return tx.actor()
	}
	by := map[string]any{"type": schema.UserType, "value": id.String()}
	if u := tx.snap.scope.Of(schema.UserType, id); u != nil && u.Display() != "" {
		by["display"] = u.Display()
	}
	return by
}

// makerOf is the User who made the token; ok is false for other tokens.
func makerOf(token *state.Record) (maker ID, ok bool) {
	v := gjson.GetManyBytes(token.JSON, "createdBy.type", "createdBy.value")
	if v[0].String() != schema.UserType {
		return ID{}, false
	}
	return ParseID(v[1].String())
}

// dependsOnMaker reports whether a token that a User made is valid only as long as the User has its rights.
func dependsOnMaker(token []byte) bool {
	if gjson.GetBytes(token, "adopted").Bool() {
		return false
	}
	for _, s := range gjson.GetBytes(token, "scopes").Array() {
		if s.String() == "admin" {
			return true
		}
	}
	return false
}

func isAdminToken(token schema.Document) bool {
	scopes, _ := token["scopes"].([]any)
	return slices.Contains(scopes, any("admin"))
}

// noLimit is longer than any token lasts.
const noLimit = math.MaxInt64

// longestLifetime is how long the token may be valid from now. Credentials of the system scope have no limit.
func longestLifetime(tx *Tx, token schema.Document) time.Duration {
	org := tx.snap.Organization()
	if org == nil || tx.dir.actor.System || !isAdminToken(token) {
		return noLimit
	}
	tx.guard(tx.snap.record(org.Type, org.ID), true)
	if days := gjson.GetBytes(org.JSON, "adminTokenDays").Int(); days > 0 {
		return time.Duration(min(days, maxTokenDays)) * 24 * time.Hour
	}
	if !tx.dir.actor.maker.IsZero() {
		return tokenLifetime
	}
	return noLimit
}

// maxTokenDays keeps a lifetime in the range of a Duration.
const maxTokenDays = 100 * 365

// checkExpiry rejects a token without an end, and one whose end, or scope, changes to what lasts too long.
func checkExpiry(tx *Tx, before, doc schema.Document) error {
	text, _ := doc["expiresAt"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errorf(Invalid, "expiresAt", "must be a dateTime with a time zone")
	}
	if before != nil && before["expiresAt"] == doc["expiresAt"] && isAdminToken(before) {
		return nil
	}
	if longest := longestLifetime(tx, doc); longest != noLimit && at.After(tx.at.Add(longest)) {
		return errorf(Invalid, "expiresAt", "a token with the scope admin may be valid for %d days at most",
			longest/(24*time.Hour))
	}
	return nil
}

// Secret is the secret of an AccessToken that this change creates: it is stored nowhere and shown once.
func (tx *Tx) Secret(token *Resource) string { return tx.secrets[token.ID] }
