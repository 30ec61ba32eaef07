package saml

import (
	"crypto/x509"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
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

var digestMethods = []string{
	digestSHA1,
	"http://www.w3.org/2001/04/xmlenc#sha256",
	"http://www.w3.org/2001/04/xmldsig-more#sha384",
	"http://www.w3.org/2001/04/xmlenc#sha512",
}

// maxPrefixList bounds the parameter of a canonicalization, in bytes.
const maxPrefixList = 1000

// judgeSignedInfo checks what a signature says of itself. The signer lacks its certificate.
func (c *Connection) judgeSignedInfo(info *etree.Element, id string) (signer, *Refusal) {
	parts := dsigChildren(info)
	if len(parts) < 2 || parts[0].Tag != "CanonicalizationMethod" || parts[1].Tag != "SignatureMethod" {
		return signer{}, Refuse(ReasonSignatureShape, Say("signature_shape.signedInfo"))
	}
	if len(parts) != 3 || parts[2].Tag != "Reference" || id == "" || attr(parts[2], "URI") != "#"+id {
		return signer{}, Refuse(ReasonReference)
	}

	// Algorithms: known ones, and SHA-1 only on request.
	if canonicalizer(attr(parts[0], "Algorithm")) == nil {
		return signer{}, Refuse(ReasonTransforms, Say("signature_transforms.canonicalization",
			"algorithm", Clip(attr(parts[0], "Algorithm"))))
	}
	made := signer{algorithm: attr(parts[1], "Algorithm")}
	if _, known := signatureMethods[made.algorithm]; !known {
		return signer{}, Refuse(ReasonAlgorithm, Say("signature_algorithm", "algorithm", Clip(made.algorithm)))
	}
	digest, refusal := judgeReference(parts[2])
	if refusal != nil {
		return signer{}, refusal
	}
	made.sha1 = digest == digestSHA1 || strings.HasSuffix(made.algorithm, "-sha1")
	if made.sha1 && !c.AllowSHA1 {
		return signer{}, Refuse(ReasonWeakAlgorithm)
	}
	return made, nil
}

// judgeReference allows what SAML Core §5.4.4 has: enveloped-signature, then exclusive canonicalization. It returns the
// digest algorithm.
func judgeReference(ref *etree.Element) (string, *Refusal) {
	parts := dsigChildren(ref)
	if len(parts) != 3 || parts[0].Tag != "Transforms" || parts[1].Tag != "DigestMethod" ||
		parts[2].Tag != "DigestValue" {
		return "", Refuse(ReasonTransforms, Say("signature_transforms.reference"))
	}
	transforms := dsigChildren(parts[0])
	if len(transforms) != 2 || transforms[0].Tag != "Transform" || transforms[1].Tag != "Transform" ||
		attr(transforms[0], "Algorithm") != dsig.EnvelopedSignatureAltorithmId.String() ||
		len(transforms[0].ChildElements()) > 0 || !isExclusive(attr(transforms[1], "Algorithm")) {
		return "", Refuse(ReasonTransforms)
	}
	for _, el := range transforms[1].ChildElements() {
		if el.Tag != "InclusiveNamespaces" || len(attr(el, "PrefixList")) > maxPrefixList {
			return "", Refuse(ReasonTransforms, Say("signature_transforms.parameter"))
		}
	}
	digest := attr(parts[1], "Algorithm")
	if !slices.Contains(digestMethods, digest) {
		return "", Refuse(ReasonAlgorithm, Say("signature_algorithm.digest", "algorithm", Clip(digest)))
	}
	return digest, nil
}

func isExclusive(algorithm string) bool {
	id := dsig.AlgorithmID(algorithm)
	return id == dsig.CanonicalXML10ExclusiveAlgorithmId || id == dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId
}

// canonicalizer is for SignedInfo; nil if the algorithm is not known. The forms with comments are the same here,
// because a message with comments was refused.
func canonicalizer(algorithm string) dsig.Canonicalizer {
	if isExclusive(algorithm) {
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	}
	switch dsig.AlgorithmID(algorithm) {
	case dsig.CanonicalXML11AlgorithmId, dsig.CanonicalXML11WithCommentsAlgorithmId,
		dsig.CanonicalXML10RecAlgorithmId, dsig.CanonicalXML10WithCommentsAlgorithmId:
		return dsig.MakeC14N11Canonicalizer()
	}
	return nil
}

// canonicalSignedInfo is what was signed: SignedInfo with the namespaces that are in scope where it stands.
func canonicalSignedInfo(sig, info *etree.Element) ([]byte, error) {
	scope, err := etreeutils.NSBuildParentContext(sig)
	if err != nil {
		return nil, err
	}
	if scope, err = scope.SubContext(sig); err != nil {
		return nil, err
	}
	detached, err := etreeutils.NSDetatch(scope, info)
	if err != nil {
		return nil, err
	}
	return canonicalizer(attr(dsigChildren(info)[0], "Algorithm")).Canonicalize(detached)
}
