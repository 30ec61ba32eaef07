package refserver

import (
	"fmt"
	"net/http"
	"strings"
)

// asynchronous reports whether the client wants the answer later and without
// waiting for it.
func (c *call) asynchronous() bool {
	p := c.r.Header.Get("Prefer")
	write := c.r.Method != http.MethodGet && c.r.Method != http.MethodHead
	return !c.s.opts.Minimal && write && strings.Contains(p, "respond-async") && !strings.Contains(p, "wait=") &&
		!strings.HasSuffix(c.r.URL.Path, "/.search")
}

// respondAsync does the work at once but answers 202, and puts the result
// where the completion event can be had.
func (c *call) respondAsync(path string) (*answer, error) {
	a, err := c.dispatch(path)
	var results arr
	if err == nil && path == "/Bulk" {
		results = a.body.(obj)["Operations"].(arr)
		byOrder := c.bulkOrder(results)
		for i, r := range results {
			c.complete(fmt.Sprintf("%s:%d", c.txn, byOrder[i]), "/Bulk", r.(obj))
		}
	} else {
		c.complete(c.txn, path, c.completed(path, a, err))
	}
	h := http.Header{"Location": {c.base() + "/.completions/" + c.txn}, "Set-Txn": {c.txn},
		"Preference-Applied": {"respond-async"}}
	return &answer{status: 202, header: h}, nil
}

// bulkOrder finds each result's place in the request by its txn suffix, which
// runBulk leaves in the result.
func (c *call) bulkOrder(results arr) []int {
	var out []int
	for _, r := range results {
		o := r.(obj)
		n, _ := o["~index"].(int)
		delete(o, "~index")
		out = append(out, n)
	}
	return out
}

// completed is the result in the form of a bulk response operation.
func (c *call) completed(path string, a *answer, err error) obj {
	out := obj{"method": c.r.Method}
	if err != nil {
		a = errorAnswer(err)
		out["response"] = a.body
	}
	out["status"] = fmt.Sprint(a.status)
	if loc := a.header.Get("Location"); loc != "" {
		out["location"] = loc
	} else if c.r.Method != http.MethodPost {
		out["location"] = c.base() + path
	}
	if tag := a.header.Get("ETag"); tag != "" {
		out["version"] = tag
	}
	return out
}

func (c *call) complete(txn, path string, payload obj) {
	uri := path
	if loc, ok := payload["location"].(string); ok {
		uri = strings.TrimPrefix(loc, c.base())
	}
	s := c.s.sign(obj{"sub_id": obj{"format": "scim", "uri": uri}, "txn": txn,
		"events": obj{ev + "misc:asyncresp": payload}})
	c.t.sets = append(c.t.sets, s)
	c.t.async[txn] = s.jwt
}

// rawJWT is a body that is a token itself.
type rawJWT string

// completion serves the event a 202 named: a token, or several for a job.
func (c *call) completion(txn string) (*answer, error) {
	if jwt, ok := c.t.async[txn]; ok {
		return &answer{status: 200, body: rawJWT(jwt), header: http.Header{}}, nil
	}
	sets := obj{}
	for t, jwt := range c.t.async {
		if strings.HasPrefix(t, txn+":") {
			sets[t] = jwt
		}
	}
	if len(sets) == 0 {
		return nil, fail(404, "", "no such completion event")
	}
	return &answer{status: 200, body: obj{"sets": sets}, header: http.Header{}}, nil
}
