package filter

import (
	"errors"

	"rollcall/directory/schema"
)

// PatchPath is the path of a PATCH operation (RFC 7644 §3.5.2): an attribute, an attribute with a sub-attribute (in
// Path.Sub), or a value path with or without a sub-attribute (in Sub):
//
//	name.givenName                 Path{Name: "name", Sub: "givenName"}
//	emails[type eq "work"].value   Path{Name: "emails"}, Filter, Sub: "value"
type PatchPath struct {
	Path   Path
	Filter Expr // nil without brackets
	Sub    string
}

// ParsePath reads the path of a PATCH operation. The error is a *schema.Error: invalidFilter inside brackets, otherwise
// invalidPath.
func ParsePath(s string, o Options) (path PatchPath, err error) {
	p := newParser("path", s, o)
	if err := p.checkText(); err != nil {
		return PatchPath{}, pathError(err)
	}
	if path.Path, err = p.path(); err != nil {
		return PatchPath{}, pathError(err)
	}
	if p.next() == '[' && p.pos+1 < len(p.s) {
		if path.Filter, err = p.brackets(); err != nil {
			return PatchPath{}, err
		}
		if p.take('.') {
			if path.Sub, err = p.subAttribute(); err != nil {
				return PatchPath{}, pathError(err)
			}
		}
	}
	if p.pos < len(s) || s == "" {
		return PatchPath{}, pathError(p.unexpected("the end of the path"))
	}
	return path, nil
}

// subAttribute takes the sub-attribute after a value path.
func (p *parser) subAttribute() (string, error) {
	start := p.pos
	sub, err := p.path()
	if err == nil && sub.URN != "" {
		err = p.fail(start, "a sub-attribute cannot have a URN")
	}
	return sub.String(), err
}

// pathError is what is wrong with the path itself, not with a filter in it.
func pathError(err error) error {
	if e, ok := errors.AsType[*schema.Error](err); ok {
		return &schema.Error{Type: schema.InvalidPath, Attr: e.Attr, Detail: e.Detail}
	}
	return err
}
