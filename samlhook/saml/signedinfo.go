package saml

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"

	dsig "github.com/russellhaering/goxmldsig"
)

// signatureMethods are the algorithms of XML Signature that can be verified with a certificate; HMAC is not among them.
var signatureMethods = map[string]x509.SignatureAlgorithm{
	dsig.RSASHA1SignatureMethod:     x509.SHA1WithRSA,
	dsig.RSASHA256SignatureMethod:   x509.SHA256WithRSA,
	dsig.RSASHA384SignatureMethod:   x509.SHA384WithRSA,
	dsig.RSASHA512SignatureMethod:   x509.SHA512WithRSA,
	dsig.ECDSASHA1SignatureMethod:   x509.ECDSAWithSHA1,
	dsig.ECDSASHA256SignatureMethod: x509.ECDSAWithSHA256,
	dsig.ECDSASHA384SignatureMethod: x509.ECDSAWithSHA384,
	dsig.ECDSASHA512SignatureMethod: x509.ECDSAWithSHA512,
}

const digestSHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"

var digestMethods = map[string]crypto.Hash{
	digestSHA1:       crypto.SHA1,
	nsEnc + "sha256": crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	nsEnc + "sha512": crypto.SHA512,
}

const nsExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"

// maxPrefixList bounds the parameter of a canonicalization, in bytes.
const maxPrefixList = 1000

// judgeSignedInfo checks what a signature says of itself; id is that of the element that holds it. The signer lacks its
// certificate.
func (c *Connection) judgeSignedInfo(info *element, id string) (signer, *Refusal) {
	parts := dsigChildren(info)
	if len(parts) < 2 || parts[0].local != "CanonicalizationMethod" || parts[1].local != "SignatureMethod" {
		return signer{}, Refuse(ReasonSignatureShape, Say("signature_shape.signedInfo"))
	}
	if len(parts) != 3 || parts[2].local != "Reference" || id == "" || attr(parts[2], "URI") != "#"+id {
		return signer{}, Refuse(ReasonReference)
	}

	// Algorithms: known ones, and SHA-1 only on request.
	made := signer{algorithm: attr(parts[1], "Algorithm"), id: id}
	if _, known := signatureMethods[made.algorithm]; !known {
		return signer{}, Refuse(ReasonAlgorithm, Say("signature_algorithm", "algorithm", Clip(made.algorithm)))
	}
	if refusal := made.judgeReference(parts[2]); refusal != nil {
		return signer{}, refusal
	}
	made.sha1 = made.hash == crypto.SHA1 || strings.HasSuffix(made.algorithm, "-sha1")
	if made.sha1 && !c.AllowSHA1 {
		return signer{}, Refuse(ReasonWeakAlgorithm)
	}
	return made, nil
}

// judgeReference allows what SAML Core §5.4.4 has: enveloped-signature, then exclusive canonicalization. It reads the
// digest and what it is taken of.
func (by *signer) judgeReference(ref *element) *Refusal {
	parts := dsigChildren(ref)
	if len(parts) != 3 || parts[0].local != "Transforms" || parts[1].local != "DigestMethod" ||
		parts[2].local != "DigestValue" {
		return Refuse(ReasonTransforms, Say("signature_transforms.reference"))
	}
	transforms := dsigChildren(parts[0])
	if len(transforms) != 2 || transforms[0].local != "Transform" || transforms[1].local != "Transform" ||
		attr(transforms[0], "Algorithm") != dsig.EnvelopedSignatureAltorithmId.String() ||
		len(transforms[0].children) > 0 || !isExclusive(attr(transforms[1], "Algorithm")) {
		return Refuse(ReasonTransforms)
	}
	var ok bool
	if by.prefixes, ok = inclusivePrefixes(transforms[1]); !ok {
		return Refuse(ReasonTransforms, Say("signature_transforms.parameter"))
	}
	digest := attr(parts[1], "Algorithm")
	if by.hash, ok = digestMethods[digest]; !ok {
		return Refuse(ReasonAlgorithm, Say("signature_algorithm.digest", "algorithm", Clip(digest)))
	}
	var err error
	if by.digest, err = decodeBase64(text(parts[2])); err != nil || len(parts[2].children) > 0 {
		return Refuse(ReasonSignatureShape, Say("signature_shape.digest"))
	}
	return nil
}

// inclusivePrefixes are the prefixes that the parameter of an exclusive canonicalization names (Exclusive XML
// Canonicalization §4); not ok if there are other parameters.
func inclusivePrefixes(method *element) (prefixes []string, ok bool) {
	if len(method.children) == 0 {
		return nil, true
	}
	parameter := method.children[0]
	list := attr(parameter, "PrefixList")
	if len(method.children) > 1 || parameter.local != "InclusiveNamespaces" || parameter.space != nsExclusive ||
		len(list) > maxPrefixList {
		return nil, false
	}
	for _, prefix := range strings.Fields(list) {
		if prefix == "#default" {
			prefix = ""
		}
		if !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes, len(prefixes) <= maxScope
}

func isExclusive(algorithm string) bool {
	id := dsig.AlgorithmID(algorithm)
	return id == dsig.CanonicalXML10ExclusiveAlgorithmId || id == dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId
}

// signedInfo is what was signed: SignedInfo in the form that its CanonicalizationMethod names. The forms with comments
// are the same here, because a message with comments was refused.
func (o *outline) signedInfo(s signatureSpan, info *element) ([]byte, *Refusal) {
	if parts := dsigChildren(info); len(parts) == 0 || parts[0].local != "CanonicalizationMethod" {
		return nil, Refuse(ReasonSignatureShape, Say("signature_shape.signedInfo"))
	}
	method := info.children[0]
	algorithm := attr(method, "Algorithm")
	var form canonicalForm
	switch dsig.AlgorithmID(algorithm) {
	case dsig.CanonicalXML10ExclusiveAlgorithmId, dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId:
		var ok bool
		if form.prefixes, ok = inclusivePrefixes(method); !ok {
			return nil, Refuse(ReasonTransforms, Say("signature_transforms.parameter"))
		}
	case dsig.CanonicalXML11AlgorithmId, dsig.CanonicalXML11WithCommentsAlgorithmId,
		dsig.CanonicalXML10RecAlgorithmId, dsig.CanonicalXML10WithCommentsAlgorithmId:
		form.inclusive = true
	default:
		return nil, Refuse(ReasonTransforms, Say("signature_transforms.canonicalization", "algorithm", Clip(algorithm)))
	}

	// Its start tag is the first one behind that of the Signature.
	t := tokens{in: o.message, pos: s.from}
	if _, err := t.next(); err != nil {
		return nil, err
	}
	scope, err := t.declare(s.scope[:len(s.scope):len(s.scope)])
	for err == nil {
		var inside token
		if inside, err = t.next(); err == nil && inside.kind == startToken {
			return canonicalize(o.message, inside.from, scope, form)
		}
	}
	return nil, err
}
