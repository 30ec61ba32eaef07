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

// result is an operation in a BulkResponse (RFC 7644 §3.7).
type result struct {
	Method   string          `json:"method,omitempty"`
	BulkID   string          `json:"bulkId,omitempty"`
	Version  string          `json:"version,omitempty"`
	Location string          `json:"location,omitempty"`
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response,omitempty"`
}

// reply answers with the results of the operations that were tried, in the order of the job, each as it is made.
func (b *bulkRun) reply(ctx context.Context) error {
	// The headers.
	var skipped []string
	var revoked []directory.RevokedGrant
	for _, o := range b.job.operations {
		if o.settled && !o.failed {
			skipped, revoked = append(skipped, o.change.skipped...), append(revoked, o.change.revoked...)
		}
	}
	b.x.reportSkipped(skipped)
	if len(revoked) > 0 {
		if err := b.look(ctx); err != nil {
			return err
		}
		b.x.warnOfGrants(b.after, revoked)
	}
	for _, preference := range []string{"return=minimal", "return=representation"} {
		if prefers(b.x.r.Header["Prefer"], preference) {
			b.x.w.Header().Set("Preference-Applied", preference)
		}
	}

	// The results.
	out := b.x.newStream(http.StatusOK, false)
	defer out.close()
	out.body = append(out.body, `{"schemas":["`+bulkResponseURN+`"],"Operations":[`...)
	separator := ""
	for _, o := range b.job.operations {
		if !o.settled {
			continue
		}
		body, err := b.describe(ctx, o)
		if err != nil {
			return err
		}
		out.body = append(append(out.body, separator...), body...)
		separator = ","
		if err := out.next(renderingWork(len(body))); err != nil {
			return err
		}
	}
	out.body = append(out.body, "]}"...)
	return out.end()
}

// describe returns the result of an operation as JSON.
func (b *bulkRun) describe(ctx context.Context, o *operation) ([]byte, error) {
	r := b.result(o)
	if c := o.change; !o.failed && c.done != nil {
		var err error
		if r.Response, err = b.response(ctx, c); err != nil {
			return nil, err
		}
	}
	return json.Marshal(r)
}

// response returns the resource for the result of a change, if the client asks for it (Prefer: return=representation)
// or it has a secret; otherwise, and for a Group with very many members, nil.
func (b *bulkRun) response(ctx context.Context, c *change) ([]byte, error) {
	if c.secret == "" && !prefers(b.x.r.Header["Prefer"], "return=representation") {
		return nil, nil
	}
	if err := b.look(ctx); err != nil {
		return nil, err
	}
	if b.x.hasManyMembers(b.after, c.done) {
		return nil, nil
	}
	return b.x.represent(b.after, c.t, c.done, &params{specified: c.specifies}, secretMember(c.secret))
}

// look sets b.after.
func (b *bulkRun) look(ctx context.Context) (err error) {
	if b.after == nil {
		b.after, err = b.dir.Snapshot(ctx)
	}
	return err
}

// result returns the result of an operation, without the resource.
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

// location returns the URL of the operation's resource, as far as the client gave it. A POST that failed has none, nor
// has an operation whose bulkId leads nowhere.
func (b *bulkRun) location(o *operation) string {
	switch {
	case o.failed && (o.method == http.MethodPost || o.id.IsZero() && strings.HasPrefix(o.target, bulkIDPrefix)):
		return ""
	case !o.failed && isMembership(o.change.t):
		return b.x.base + o.endpoint + "/" + o.change.membership.String()
	case !o.id.IsZero() && o.endpoint != "":
		return string(b.x.appendLocation(nil, o.endpoint, o.id))
	case o.path != "":
		return b.x.base + "/" + strings.TrimLeft(o.path, "/")
	}
	return ""
}
