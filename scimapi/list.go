package scimapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"

	"rollcall/directory"
	"rollcall/directory/schema"
)

const listHead = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":`

// list answers a query of one type (RFC 7644 §3.4.2).
func (x *exchange) list(t *schema.ResourceType) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	if q.filter, err = (localizer{base: x.base}).expr(q.filter); err != nil {
		return err
	}
	v, err := x.newRenderer(t, q)
	if err != nil {
		return err
	}
	page, err := x.dir.Query(x.r.Context(), directory.Query{
		Type: t.Name, Filter: q.filter, Options: x.filterOptions(), Offset: q.startIndex - 1, Limit: q.count,
		Meta: func(r *directory.Resource) []byte { return v.appendMeta(nil, r) },
	})
	if err != nil {
		return err
	}
	size := 256
	for _, r := range page.Resources {
		size += len(r.JSON) + derivedSize
	}
	body := strconv.AppendInt(append(make([]byte, 0, size), listHead...), int64(page.Total), 10)
	body = append(body, `,"startIndex":`...)
	body = strconv.AppendInt(body, int64(q.startIndex), 10)
	body = append(body, `,"itemsPerPage":`...)
	body = strconv.AppendInt(body, int64(len(page.Resources)), 10)
	body = append(body, `,"Resources":[`...)
	for i, r := range page.Resources {
		if i > 0 {
			body = append(body, ',')
		}
		if body, err = v.appendTo(body, page.Snapshot, r); err != nil {
			return err
		}
	}
	x.writeList(append(body, "]}"...))
	return nil
}

// compressible is the size from which a list is worth compressing: one packet.
const compressible = 1400

// writeList sends a list, compressed when the client asks for it.
func (x *exchange) writeList(body []byte) {
	h := x.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= compressible && acceptsGzip(x.r.Header["Accept-Encoding"]) {
		var b bytes.Buffer
		z, _ := x.gzip.Get().(*gzip.Writer)
		if z == nil {
			z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
		}
		z.Reset(&b)
		_, _ = z.Write(body) // a Buffer does not fail
		_ = z.Close()
		x.gzip.Put(z)
		h.Set("Content-Encoding", "gzip")
		body = b.Bytes()
	}
	x.write(http.StatusOK, body)
}
