package saml

import "crypto/subtle"

// verify compares the digest of the element that begins at from, which holds the Signature of the signer, with what was
// signed. It returns the tree of the very bytes that were signed.
func (o *outline) verify(what string, from int, scope namespaces, signature span, by signer) (*element, *Refusal) {
	canonical, refusal := canonicalize(o.message, from, scope, canonicalForm{prefixes: by.prefixes, without: signature})
	if refusal != nil {
		return nil, refusal
	}
	h := by.hash.New()
	h.Write(canonical)
	if subtle.ConstantTimeCompare(h.Sum(nil), by.digest) != 1 {
		return nil, Refuse(ReasonContentChanged, Say("content_changed", "element", what))
	}
	return parse(canonical)
}

// element is the tree of an element as it was received.
func (o *outline) element(from int, scope namespaces, without span) (*element, *Refusal) {
	canonical, refusal := canonicalize(o.message, from, scope, canonicalForm{without: without})
	if refusal != nil {
		return nil, refusal
	}
	return parse(canonical)
}
