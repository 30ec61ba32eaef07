package filter

import (
	"errors"

	"rollcall/directory/schema"
)

// PatchPath is the path of a PATCH operation (RFC 7644 §3.5.2): attribute, attribute
// with sub-attribute (in Path.Sub), or a value path with or without a sub-attribute
// (in Sub):
//
//	name.givenName                 Path{Name: "name", Sub: "givenName"}
//	emails[type eq "work"].value   Path{Name: "emails"}, Filter, Sub: "value"
type PatchPath struct {
	Path   Path
	Filter Expr // nil without brackets
	Sub    string
}

// ParsePath reads the path of a PATCH operation. The error is a *schema.Error:
// invalidFilter inside brackets, else invalidPath.
func ParsePath(s string, o Options) (PatchPath, error) {
	p := parser{s: s, strict: o.Strict, limits: o.limits()}
	if err := p.checkText(); err != nil {
		return PatchPath{}, pathError(err)
	}
	var path PatchPath
	var err error
	if path.Path, err = p.path(); err != nil {
		return PatchPath{}, pathError(err)
	}
	if p.next() == '[' && p.pos+1 < len(p.s) {
		if path.Filter, err = p.brackets(); err != nil {
			return PatchPath{}, err
		}
		if p.take('.') {
			start := p.pos
			sub, err := p.path()
			if err != nil {
				return PatchPath{}, pathError(err)
			}
			if sub.URN != "" {
				return PatchPath{}, pathError(p.fail(start, "a sub-attribute has no URN"))
			}
			path.Sub = sub.String()
		}
	}
	if p.pos < len(s) || s == "" {
		return PatchPath{}, pathError(p.unexpected("the end of the path"))
	}
	return path, nil
}

func pathError(err error) error {
	var e *schema.Error
	if errors.As(err, &e) {
		return &schema.Error{Type: schema.InvalidPath, Attr: e.Attr, Detail: e.Detail}
	}
	return err
}
