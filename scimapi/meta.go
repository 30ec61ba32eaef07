package scimapi

import (
	"encoding/hex"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// appendMeta appends the resource's meta (RFC 7643 §3.1).
func (v *renderer) appendMeta(dst []byte, r *directory.Resource) []byte {
	dst = append(dst, `{"resourceType":"`...)
	dst = append(dst, v.t.Name...)
	if !r.Created.IsZero() { // else nobody knows
		dst = append(dst, `","created":"`...)
		start := len(dst)
		dst = schema.AppendTime(dst, r.Created)
		created := dst[start:]
		dst = append(dst, `","lastModified":"`...)
		if r.LastModified.Equal(r.Created) {
			dst = append(dst, created...)
		} else {
			dst = schema.AppendTime(dst, r.LastModified)
		}
	}
	dst = append(dst, `","location":"`...)
	dst = v.x.appendURL(dst, v.t, r)
	dst = append(dst, `","version":"W/\"`...)
	dst = append(dst, r.Version.String()...)
	return append(dst, `\""}`...)
}

// appendLocation appends a resource's URL. Nothing in it needs escaping in JSON: the base is from the configuration,
// and organization names, endpoints and ids consist of letters, digits, hyphens and underscores.
func (x *exchange) appendLocation(dst []byte, endpoint string, id directory.ID) []byte {
	dst = append(dst, x.base...)
	dst = append(dst, endpoint...)
	dst = append(dst, '/')
	return appendID(dst, id)
}

// appendURL appends the URL of a resource of the type.
func (x *exchange) appendURL(dst []byte, t *schema.ResourceType, r *directory.Resource) []byte {
	if t.Kind() != schema.GroupMembershipType {
		return x.appendLocation(dst, t.Endpoint, r.ID)
	}
	return append(append(append(append(dst, x.base...), t.Endpoint...), '/'), membershipID(r)...)
}

func appendID(dst []byte, id directory.ID) []byte {
	dst = hex.AppendEncode(dst, id[:4])
	for _, part := range [...][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
