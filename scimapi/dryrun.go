package scimapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/directory/schema"
)

// dryRunWarning is the Warning of a reply to a change that was not made (RFC 7234 §5.5.7).
const dryRunWarning = `299 - "dry run"`

// asksDryRun reports whether the request has dryRun=true: the change is judged, and the reply is the one that it would
// have, but nothing is written.
func (x *exchange) asksDryRun() (bool, error) {
	if x.r.URL.RawQuery == "" {
		return false, nil
	}
	query, err := url.ParseQuery(x.r.URL.RawQuery) // a query that is dropped in part would make the change
	if err != nil {
		return false, fail(http.StatusBadRequest, schema.InvalidValue, "the query string is malformed: %v", err)
	}
	var values []string
	for name, given := range query {
		if strings.EqualFold(name, "dryRun") {
			values = append(values, given...)
		}
	}
	switch len(values) {
	case 0:
		return false, nil
	case 1:
		if dry, err := strconv.ParseBool(values[0]); err == nil {
			return dry, nil
		}
		return false, fail(http.StatusBadRequest, schema.InvalidValue, "dryRun: must be true or false, not %s",
			quote(values[0]))
	}
	return false, fail(http.StatusBadRequest, schema.InvalidValue, "dryRun is given %d times", len(values))
}

// readDryRun makes the request a dry run if it asks for that.
func (x *exchange) readDryRun() error {
	dry, err := x.asksDryRun()
	if err != nil || !dry {
		return err
	}
	x.dir = x.dir.DryRun()
	x.w.Header().Add("Warning", dryRunWarning)
	return nil
}

// refuseDryRun refuses a dry run of something whose later steps rest on what earlier ones committed.
func (x *exchange) refuseDryRun(of string) error {
	dry, err := x.asksDryRun()
	if err == nil && dry {
		err = fail(http.StatusNotImplemented, "", "%s has no dry run; try its changes one by one", of)
	}
	return err
}
