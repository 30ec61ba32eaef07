package scimapi

import (
	"cmp"
	"net/http"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
)

// change is what a client wants done to one resource, by a request or by an operation of a Bulk job. Its body is read
// and parsed before it runs. It may run more than once; its results are those of the last run.
type change struct {
	x      *exchange
	t      *schema.ResourceType
	method string       // POST, PUT, PATCH or DELETE
	id     directory.ID // of the resource; for POST, the id that it gets
	when   conditions

	membership directory.MembershipID // that is deleted, of a GroupMembership

	// The body.
	doc     schema.Document // of POST and PUT
	docErr  error           // what is wrong with doc; the run reports it if the resource is as the client expects
	sent    schema.Document // of POST and PUT of an administrative type: doc with what is readOnly in it
	members []string        // of POST and PUT of a Group: ids as sent
	patch   *patch.Change   // of PATCH

	administrative bool // nothing that is sent is dropped in silence

	// The results.
	done         *directory.Resource // as the commit leaves it; nil for DELETE
	secret       string              // of a new AccessToken
	skipped      []string            // members that do not exist
	readsMembers bool                // the run looked at the members that the Group has
	revoked      []directory.RevokedGrant
}

// newChange returns the change that the request asks for, without its body.
func (x *exchange) newChange(t *schema.ResourceType, id directory.ID) *change {
	return &change{x: x, t: t, method: x.r.Method, id: id, when: x.conditions()}
}

// run is the change for [directory.Directory.Update].
func (c *change) run(tx *directory.Tx) error {
	before := len(tx.RevokedGrants()) // by other operations of a job
	err := c.carryOut(tx)
	c.revoked = tx.RevokedGrants()[before:]
	return err
}

func (c *change) carryOut(tx *directory.Tx) error {
	if isMembership(c.t) {
		return c.changeMembership(tx)
	}
	pending, err := c.pending()
	if err != nil {
		return err
	}

	// A new resource.
	if c.method == http.MethodPost {
		if err := c.create(tx); err != nil {
			return err
		}
		return c.join(tx)
	}

	// One that is there.
	c.skipped, c.readsMembers = nil, false
	old, err := c.expected(tx)
	if directory.KindOf(err) == directory.NotFound {
		return cmp.Or(c.judge(), err)
	}
	if err != nil {
		return err
	}
	switch c.method {
	case http.MethodPut:
		err = c.replace(tx, old)
	case http.MethodPatch:
		err = c.modify(tx, old, pending)
	case http.MethodDelete:
		return tx.Delete(old)
	}
	c.done = tx.Touched(old)
	return err
}

// create creates the resource, but a Group without its members.
func (c *change) create(tx *directory.Tx) error {
	c.skipped = nil
	doc, err := c.document()
	if err != nil {
		return err
	}
	if err := c.t.Contradiction(c.sent, nil, nil); err != nil {
		return err
	}
	if err := c.prepare(tx, nil, doc); err != nil {
		return err
	}
	if c.done, err = tx.CreateAs(c.id, c.t.Name, doc); err != nil {
		return err
	}
	c.secret = tx.Secret(c.done)
	return nil
}

// join adds the members of a new Group.
func (c *change) join(tx *directory.Tx) error { return c.addMembers(tx, c.done, c.members) }

// document returns a copy of the document sent, for one run.
func (c *change) document() (schema.Document, error) { return c.doc.Clone(), c.docErr }

func (c *change) replace(tx *directory.Tx, old *directory.Resource) error {
	// The document, with what the client cannot write taken from the stored one.
	doc, err := c.document()
	if err != nil {
		return err
	}
	before, err := c.t.Decode(old.JSON)
	if err != nil {
		return err
	}
	if err := c.contradiction(tx, old, before, c.sent); err != nil {
		return err
	}
	c.t.CarryUnnamed(before, doc)
	if err := c.t.Carry(before, doc); err != nil {
		return err
	}
	if err := tx.CarryPrivileges(old, doc); err != nil {
		return err
	}
	if err := c.prepare(tx, old, doc); err != nil {
		return err
	}
	if _, err := tx.Replace(old, doc); err != nil {
		return err
	}

	// The members of a Group: none if they are left out, as for every attribute.
	if c.t.Name != schema.GroupType {
		return nil
	}
	members, err := c.memberIDs(tx, c.members)
	if err != nil {
		return err
	}
	return tx.SetMembers(old, members)
}

// modify applies a PATCH. A pending one builds on what is pending already.
func (c *change) modify(tx *directory.Tx, old *directory.Resource, pending bool) error {
	base := func() (schema.Document, error) { return c.t.Decode(old.JSON) }
	if pending {
		base = func() (schema.Document, error) { return c.x.o.Hooks[c.t.Kind()].Base(tx, old) }
	}
	doc, err := base()
	if err != nil {
		return err
	}
	if c.administrative {
		sent, err := c.given()
		if err != nil {
			return err
		}
		if err := c.contradiction(tx, old, doc, sent); err != nil {
			return err
		}
	}
	res, err := c.applyPatch(tx, old, doc)
	if err != nil {
		return err
	}
	if c.restate(res.Document) || res.Changed {
		c.x.dropLinks(c.t, res.Document)
		if err := c.prepare(tx, old, res.Document); err != nil {
			return err
		}
		if pending {
			return c.keep(tx, old, res.Document)
		}
		if _, err := tx.Replace(old, res.Document); err != nil {
			return err
		}
	}
	return c.changeMembers(tx, old, res.Members)
}

// applyPatch applies the operations, as work that ends before the commit.
func (c *change) applyPatch(tx *directory.Tx, old *directory.Resource, doc schema.Document) (patch.Result, error) {
	spend, end := c.work()
	defer end()
	return c.patch.Apply(doc, c.currentMembers(tx, old), spend)
}

// judge returns what is wrong with a PATCH of a resource that does not exist.
func (c *change) judge() error {
	if c.patch == nil {
		return nil
	}
	c.x.pause()
	spend, end := c.work()
	defer end()
	return c.patch.Judge(spend)
}

// work returns how a PATCH takes its turns, and what ends them.
func (c *change) work() (spend func(units int) error, end func()) {
	work := c.x.dir.Work()
	return func(units int) error { return work.Pay(c.x.r.Context(), units) }, work.End
}

// expected reads the resource and checks that it is in the state that the client expects.
func (c *change) expected(tx *directory.Tx) (*directory.Resource, error) {
	r, err := tx.Get(c.t.Name, c.id)
	if err != nil || !c.when.any() {
		return r, err
	}
	if c.t.Name == schema.GroupType {
		tx.GuardMembers(r)
	}
	return r, c.when.check(r.Version)
}

// derived returns a function that returns the JSON of an attribute that is not stored, as of the snapshot. A PATCH may
// repeat such a value; it is compared with the state on which the request was judged, however often the change runs.
func (c *change) derived(s *directory.Snapshot) func(*schema.Attribute) []byte {
	return func(a *schema.Attribute) []byte {
		r, err := s.Get(c.t.Name, c.id)
		if err != nil || gjson.GetBytes(r.JSON, a.JSONPath).Exists() {
			return nil
		}
		body, err := c.x.represent(s, c.t, r, &params{attributes: []string{a.Path}}, nil)
		if err != nil {
			return nil
		}
		return []byte(gjson.GetBytes(body, a.JSONPath).Raw)
	}
}
