package refserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const ev = "urn:ietf:params:scim:event:"

// set is a security event token on the stream.
type set struct{ jti, jwt string }

// sign makes a JWT of claims.
func (s *Server) sign(claims obj) set {
	key := rand.Text()
	claims["iss"], claims["jti"], claims["iat"] = "https://example.com", key, s.now.Unix()
	claims["aud"] = "https://example.com/receiver"
	if s.opts.Event != nil {
		s.opts.Event(claims)
	}
	alg := "HS256"
	if v, ok := claims["~alg"]; ok {
		alg = v.(string)
		delete(claims, "~alg")
	}
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(obj{"alg": alg, "typ": "secevent+jwt"}) + "." + part(claims)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return set{key, text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))}
}

// emit puts the events of a change on the stream.
func (c *call) emit(r *rec, kind string, body obj) {
	if c.s.opts.Minimal {
		return
	}
	subject := func() obj {
		id := obj{"format": "scim", "uri": r.typ.endpoint + "/" + r.id, "id": r.id}
		if x, ok := r.data["externalId"]; ok {
			id["externalId"] = x
		}
		return id
	}
	send := func(events obj) {
		c.t.sets = append(c.t.sets, c.s.sign(obj{"sub_id": subject(), "txn": c.txn, "events": events}))
	}
	switch kind {
	case "delete":
		send(obj{ev + "prov:delete": obj{}})
		return
	case "activate":
		send(obj{ev + "prov:activate": obj{}, ev + "feed:add": obj{}})
		return
	case "deactivate":
		send(obj{ev + "prov:deactivate": obj{}, ev + "feed:remove": obj{}})
		return
	}
	var changed arr
	for k := range without(body, kind) {
		changed = append(changed, k)
	}
	data := any(projection{}.show(r.typ, c.render(r)))
	if kind == "patch" && body != nil {
		data = withoutSecrets(body)
	}
	send(obj{ev + "prov:" + kind + ":notice": obj{"attributes": changed, "version": r.etag()}})
	send(obj{ev + "prov:" + kind + ":full": obj{"data": data, "version": r.etag()}})
	if kind == "create" {
		send(obj{ev + "feed:add": obj{}})
	}
}

// without gives the attributes a body sets, as PATCH paths.
func without(body obj, kind string) obj {
	if kind == "patch" {
		return patched(body)
	}
	out := copyOf(body).(obj)
	delete(out, "schemas")
	return out
}

func secret(name string) bool {
	return strings.EqualFold(name, "password") || strings.EqualFold(name, "pin")
}

// withoutSecrets leaves out secrets and the operations on them.
func withoutSecrets(v any) any {
	switch v := v.(type) {
	case obj:
		out := obj{}
		for k, x := range v {
			if !secret(k) {
				out[k] = withoutSecrets(x)
			}
		}
		return out
	case arr:
		out := arr{}
		for _, x := range v {
			o, _ := x.(obj)
			if path, _ := get(o, "path"); !secret(str(path)) {
				out = append(out, withoutSecrets(x))
			}
		}
		return out
	}
	return v
}

// poll is delivery by RFC 8936.
func (c *call) poll() (*answer, error) {
	if c.r.Method != http.MethodPost {
		return allow("POST")
	}
	c.r.Header.Set("Content-Type", mediaType)
	body, err := c.body(maxBodyBytes)
	if err != nil {
		return nil, err
	}
	acks := asList(body["ack"])
	c.t.sets = slices.DeleteFunc(c.t.sets, func(s set) bool { return slices.Contains(acks, any(s.jti)) })
	out := obj{}
	for _, s := range c.t.sets {
		out[s.jti] = s.jwt
	}
	return &answer{status: 200, body: obj{"sets": out, "moreAvailable": false}, header: http.Header{}}, nil
}
