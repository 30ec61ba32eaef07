package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rollcall/directory"
)

// result is an operation of a BulkResponse (RFC 7644 §3.7).
type result struct {
	Method   string          `json:"method,omitempty"`
	BulkID   string          `json:"bulkId,omitempty"`
	Version  string          `json:"version,omitempty"`
	Location string          `json:"location,omitempty"`
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response,omitempty"`
}

// reply answers with the result of each operation that was tried, in the order of the job. Resources are in it for
// those who ask (Prefer: return=representation), and where a secret is to be told.
func (b *bulkRun) reply(ctx context.Context) error {
	x := b.x
	whole := prefers(x.r.Header["Prefer"], "return=representation")
	var s *directory.Snapshot
	var skipped []string
	results := []result{}
	for _, o := range b.job.operations {
		if !o.settled {
			continue
		}
		r := b.result(o)
		if c := o.change; !o.failed && c.done != nil {
			skipped = append(skipped, c.skipped...)
			if whole || c.secret != "" {
				if s == nil {
					var err error
					if s, err = b.dir.Snapshot(ctx); err != nil {
						return err
					}
				}
				body, err := x.represent(s, c.t, c.done, &params{}, secretMember(c.secret))
				if err != nil {
					return err
				}
				r.Response = body
			}
		}
		results = append(results, r)
	}
	body, err := json.Marshal(struct {
		Schemas    []string `json:"schemas"`
		Operations []result `json:"Operations"`
	}{[]string{bulkResponseURN}, results})
	if err != nil {
		return err
	}
	x.reportSkipped(skipped)
	for _, preference := range []string{"return=minimal", "return=representation"} {
		if prefers(x.r.Header["Prefer"], preference) {
			x.w.Header().Set("Preference-Applied", preference)
		}
	}
	x.send(http.StatusOK, body)
	return nil
}

// result is what the client learns of an operation.
func (b *bulkRun) result(o *operation) result {
	r := result{Method: o.method, BulkID: o.bulkID, Location: b.location(o)}
	if o.failed {
		f := translate(o.err)
		if f.status >= http.StatusInternalServerError {
			b.x.cause = errors.Join(b.x.cause, o.err) // for the log
		}
		r.Status, r.Response = strconv.Itoa(f.status), b.x.errorBody(f)
		return r
	}
	switch o.method {
	case http.MethodPost:
		r.Status = strconv.Itoa(http.StatusCreated)
	case http.MethodDelete:
		r.Status = strconv.Itoa(http.StatusNoContent)
		return r
	default:
		r.Status = strconv.Itoa(http.StatusOK)
	}
	r.Version = etag(o.change.done.Version)
	return r
}

// location is the resource's URL. A POST that failed has none; otherwise it is said as far as the client said it.
func (b *bulkRun) location(o *operation) string {
	switch {
	case o.failed && o.method == http.MethodPost:
		return ""
	case !o.id.IsZero() && o.endpoint != "":
		return string(b.x.appendLocation(nil, o.endpoint, o.id))
	case o.path != "":
		return b.x.base + "/" + strings.TrimLeft(o.path, "/")
	}
	return ""
}
