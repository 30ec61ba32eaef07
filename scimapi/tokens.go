package scimapi

import "github.com/tidwall/gjson"

// once is the secret of a new AccessToken as a member of its representation; nil for other resources. No other reply has it:
// only its hash is stored.
func once(secret string) []byte {
	if secret == "" {
		return nil
	}
	return gjson.AppendJSONString([]byte(`,"token":`), secret)
}
