package saml

import (
	"crypto/x509"
	"encoding/base64"
	"slices"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// verify checks the signature that el holds against the one certificate that authenticate found. It returns the element
// parsed again from the canonical bytes that were signed, without the Signature. el is not changed. It must be the
// root, or a child of a root whose namespace declarations it inherits.
func verify(el *etree.Element, by signer) (*etree.Element, *Refusal) {
	copied := el.Copy()
	inherit(copied, el.Parent())
	i := slices.IndexFunc(copied.ChildElements(), func(child *etree.Element) bool { return child.Tag == "Signature" })
	if i < 0 {
		return nil, Refuse(ReasonUnsigned, Say("unsigned.element", "element", el.Tag))
	}
	parts := copied.ChildElements()[i].ChildElements()
	value, refusal := signatureValue(parts[1], by.algorithm)
	if refusal != nil {
		return nil, refusal
	}

	// SignatureValue and KeyInfo are not signed: the first is brought into the form that the library decodes, the
	// second removed, so that the library must use the certificate that it is given.
	parts[1].SetText(base64.StdEncoding.EncodeToString(value))
	if len(parts) == 3 {
		copied.ChildElements()[i].RemoveChild(parts[2])
	}
	context := dsig.NewDefaultValidationContext(
		&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{by.certificate}})
	// Validity was judged with our own clock and skew.
	context.Clock = dsig.NewFakeClockAt(by.certificate.NotBefore)
	verified, err := context.Validate(copied)
	if err != nil {
		return nil, Refuse(ReasonContentChanged, Say("content_changed", "element", el.Tag))
	}
	return verified, nil
}

// inherit gives an element that was taken out of its document the namespace declarations that it had from its
// ancestors.
func inherit(el, parent *etree.Element) {
	for ; parent != nil; parent = parent.Parent() {
		for _, a := range parent.Attr {
			if !(a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")) {
				continue
			}
			own := func(b etree.Attr) bool { return b.Space == a.Space && b.Key == a.Key }
			if !slices.ContainsFunc(el.Attr, own) {
				el.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
}
