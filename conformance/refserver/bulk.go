package refserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bulkOp is one operation of a job.
type bulkOp struct {
	method, path, bulkID, version string
	data                          any
	index                         int
	result                        obj
	rec                           *rec
	failed                        bool
}

func (c *call) bulk() (*answer, error) {
	if c.s.opts.Minimal {
		return nil, fail(501, "", "Bulk is not supported")
	}
	if c.r.Method != http.MethodPost {
		return allow("POST")
	}
	body, err := c.body(maxPayload)
	if err != nil {
		var e *scimError
		if errors.As(err, &e) && e.status == 413 {
			return nil, fail(413, "", "the body is larger than maxPayloadSize, %d bytes", maxPayload)
		}
		return nil, err
	}
	ops, stopAfter, err := c.parseBulk(body)
	if err != nil {
		return nil, err
	}
	done := c.runBulk(ops, stopAfter)
	results := arr{}
	for _, o := range done {
		results = append(results, o.result)
	}
	return &answer{status: 200, body: obj{"schemas": arr{messages + "BulkResponse"}, "Operations": results},
		header: http.Header{}}, nil
}

func (c *call) parseBulk(body obj) ([]*bulkOp, int, error) {
	syntax := func(format string, args ...any) ([]*bulkOp, int, error) {
		return nil, 0, fail(400, "invalidSyntax", format, args...)
	}
	if v, _ := get(body, "schemas"); len(asList(v)) != 1 || asList(v)[0] != messages+"BulkRequest" {
		return syntax("schemas: must be [%sBulkRequest]", messages)
	}
	v, _ := get(body, "Operations")
	list, ok := v.(arr)
	if !ok || len(list) == 0 {
		return syntax("Operations: must be an array of one or more")
	}
	if len(list) > maxOps {
		return nil, 0, fail(413, "", "%d operations are more than maxOperations, %d", len(list), maxOps)
	}
	stop := 0
	if v, ok := get(body, "failOnErrors"); ok {
		n, _ := v.(json.Number)
		stop, _ = strconv.Atoi(n.String())
	}
	var ops []*bulkOp
	seen := map[string]bool{}
	for i, it := range list {
		m, ok := it.(obj)
		if !ok {
			return syntax("Operations: must hold objects")
		}
		s := func(k string) string { v, _ := get(m, k); return str(v) }
		o := &bulkOp{method: strings.ToUpper(s("method")), path: s("path"), bulkID: s("bulkId"), version: s("version"),
			index: i}
		o.data, _ = get(m, "data")
		if o.method == "" || o.path == "" {
			return syntax("Operations[%d]: method and path are required", i)
		}
		if o.bulkID != "" && seen[o.bulkID] {
			return syntax("bulkId %q is used twice", o.bulkID)
		}
		seen[o.bulkID] = true
		ops = append(ops, o)
	}
	return ops, stop, nil
}

// runBulk processes operations in an order in which references resolve:
// operations whose references are not there yet wait for the others; creations
// that wait for each other are made without their references first.
func (c *call) runBulk(ops []*bulkOp, stopAfter int) []*bulkOp {
	byID := map[string]*bulkOp{}
	for _, o := range ops {
		if o.bulkID != "" && o.method == http.MethodPost {
			byID[o.bulkID] = o
		}
	}
	var done []*bulkOp
	waiting := ops
	errs := 0
	for len(waiting) > 0 {
		var next []*bulkOp
		for _, o := range waiting {
			if stopAfter > 0 && errs >= stopAfter {
				return done
			}
			data, state := c.substitute(o.data, byID)
			path, _ := c.substitute(o.path, byID)
			if state == "wait" {
				next = append(next, o)
				continue
			}
			if state == "dead" {
				o.finish(c, nil, nil, fail(409, "invalidValue",
					"a bulkId in data names no operation of this job, or one that failed"))
			} else {
				c.runOne(o, str(path), data)
			}
			if done = append(done, o); o.failed {
				errs++
			}
		}
		if len(next) == len(waiting) { // a circle
			for _, o := range next {
				o.finish(c, nil, nil, fail(409, "", "the circular reference cannot be resolved"))
				done = append(done, o)
			}
			return done
		}
		waiting = next
	}
	return done
}

// substitute puts real ids for "bulkId:x". The state is "wait" while one is
// not known yet, "dead" if it never will be.
func (c *call) substitute(v any, byID map[string]*bulkOp) (any, string) {
	state := ""
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case obj:
			out := obj{}
			for k, x := range v {
				out[k] = walk(x)
			}
			return out
		case arr:
			out := arr{}
			for _, x := range v {
				out = append(out, walk(x))
			}
			return out
		case string:
			i := strings.Index(v, "bulkId:")
			if i != 0 && (i < 0 || v[i-1] != '/') {
				return v
			}
			o := byID[v[i+len("bulkId:"):]]
			switch {
			case o == nil || o.failed:
				state = "dead"
			case o.rec == nil:
				if state == "" {
					state = "wait"
				}
			default:
				return v[:i] + o.rec.id
			}
		}
		return v
	}
	return walk(v), state
}

func (c *call) runOne(o *bulkOp, path string, data any) {
	if o.method == http.MethodPost && o.bulkID == "" {
		o.finish(c, nil, nil, fail(400, "invalidSyntax", "bulkId: is required for POST"))
		return
	}
	if o.method != http.MethodDelete && o.data == nil {
		o.finish(c, nil, nil, fail(400, "invalidSyntax", "data: is required for %s", o.method))
		return
	}
	raw, _ := json.Marshal(data)
	req, err := http.NewRequest(o.method, c.base()+(&url.URL{Path: path}).EscapedPath(), strings.NewReader(string(raw)))
	if err != nil {
		o.finish(c, nil, nil, fail(400, "invalidSyntax", "path: %q is malformed", path))
		return
	}
	req.Header.Set("Content-Type", mediaType)
	if o.version != "" {
		req.Header.Set("If-Match", o.version)
	}
	sub := &call{s: c.s, t: c.t, r: req, host: c.host, reader: c.reader, txn: fmt.Sprintf("%s:%d", c.txn, o.index)}
	target := c.t.find(path[strings.LastIndex(path, "/")+1:])
	var a *answer
	switch {
	case strings.HasPrefix(path, "/Bulk"), strings.HasPrefix(path, "/Me"), strings.HasSuffix(path, "/.search"):
		err = fail(400, "invalidSyntax", "path: %q cannot be used in a job", path)
	default:
		a, err = sub.dispatch(path)
	}
	if o.method == http.MethodPost && err == nil {
		target = c.t.recs[len(c.t.recs)-1]
		o.rec = target
	}
	o.finish(c, a, target, err)
}

// finish writes the operation's result.
func (o *bulkOp) finish(c *call, a *answer, target *rec, err error) {
	o.result = obj{"method": o.method}
	if o.bulkID != "" {
		o.result["bulkId"] = o.bulkID
	}
	switch {
	case target != nil:
		o.result["location"] = c.location(target)
	case o.method != http.MethodPost:
		o.result["location"] = c.base() + o.path
	}
	if err != nil {
		a = errorAnswer(err)
		o.failed = true
		o.result["response"] = a.body
	} else if target != nil && o.method != http.MethodDelete {
		o.result["version"] = target.etag()
	}
	o.result["status"] = fmt.Sprint(a.status)
	if c.asynchronous() {
		o.result["~index"] = o.index
	}
}
