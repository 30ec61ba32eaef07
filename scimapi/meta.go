package scimapi

import (
	"encoding/hex"
	"time"

	"rollcall/directory"
)

// appendMeta appends the resource's meta (RFC 7643 §3.1).
func (v *renderer) appendMeta(dst []byte, r *directory.Resource) []byte {
	dst = append(dst, `{"resourceType":"`...)
	dst = append(dst, v.t.Name...)
	dst = append(dst, `","created":"`...)
	dst = appendTime(dst, r.Created)
	at := len(dst) - timeSize
	dst = append(dst, `","lastModified":"`...)
	if r.LastModified.Equal(r.Created) {
		dst = append(dst, dst[at:at+timeSize]...)
	} else {
		dst = appendTime(dst, r.LastModified)
	}
	dst = append(dst, `","location":"`...)
	dst = v.x.appendLocation(dst, v.t.Endpoint, r.ID)
	dst = append(dst, `","version":"W/\"`...)
	dst = append(dst, r.Version.String()...)
	return append(dst, `\""}`...)
}

// appendLocation appends a resource's URL. Nothing in it needs escaping in JSON: the base comes from the configuration
// and an organization's name, endpoints and ids are made of letters, digits and hyphens.
func (x *exchange) appendLocation(dst []byte, endpoint string, id directory.ID) []byte {
	dst = append(dst, x.base...)
	dst = append(dst, endpoint...)
	dst = append(dst, '/')
	return appendID(dst, id)
}

func appendID(dst []byte, id directory.ID) []byte {
	dst = hex.AppendEncode(dst, id[:4])
	for _, part := range [...][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// timeFormat is an RFC 3339 time of timeSize bytes.
const (
	timeFormat = "2006-01-02T15:04:05.000Z"
	timeSize   = len(timeFormat)
)

func appendTime(dst []byte, t time.Time) []byte { return t.UTC().AppendFormat(dst, timeFormat) }
