package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	// maxSignatureBytes bounds a Signature element, which is judged before anything
	// is known of its maker; with a chain of certificates it has about 8 KB.
	maxSignatureBytes = 64 << 10

	// minRSABits is the shortest RSA key that may sign.
	minRSABits = 2048
)

// signatureMethods are the algorithms of XML Signature that can be verified with
// a certificate; HMAC is not among them.
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

// signer is who made a signature, and how.
type signer struct {
	certificate *x509.Certificate
	algorithm   string // identifier of the SignatureMethod
	sha1        bool   // in the signature or the digest
}

// authenticate judges a Signature element apart from what it signs: its shape,
// its algorithms, that its one Reference points at its own parent, and that a
// certificate of the connection made it. It reads no more of the message than the
// start tags above the Signature, so that a large message with a signature that
// is not genuine costs no more than a small one. The digest is judged by verify.
func (c *Connection) authenticate(o *outline, s signatureSpan, now time.Time) (signer, error) {
	if s.to-s.from > maxSignatureBytes {
		return signer{}, Refuse(ReasonSignatureShape, fmt.Sprintf("The Signature is larger than %d bytes.", maxSignatureBytes))
	}
	skeleton := slices.Clone(o.message[o.response.from:o.response.to])
	ends := 1
	if s.parent == "Assertion" {
		skeleton, ends = append(skeleton, o.message[o.assertion.from:o.assertion.to]...), 2
	}
	skeleton = append(skeleton, o.message[s.from:s.to]...)
	root, err := parseOpen(skeleton, ends)
	if err != nil {
		return signer{}, Refuse(ReasonMalformed, "The Signature is not well-formed XML.")
	}
	parent := root
	if ends == 2 {
		parent = root.ChildElements()[0]
	}
	return c.judge(parent.ChildElements()[0], attr(parent, "ID"), now)
}

// parseOpen parses XML whose outermost elements have no end tags.
func parseOpen(xml []byte, open int) (*etree.Element, error) {
	doc := etree.NewDocument()
	names := make([]string, 0, open)
	rest := xml
	for range open {
		tag := rest[1:]
		names = append(names, string(tag[:bytes.IndexAny(tag, " \t\r\n>/")]))
		if i := bytes.IndexByte(tag, '<'); i >= 0 {
			rest = tag[i:]
		}
	}
	for _, name := range slices.Backward(names) {
		xml = append(xml, "</"+name+">"...)
	}
	if err := doc.ReadFromBytes(xml); err != nil {
		return nil, err
	}
	if doc.Root() == nil {
		return nil, etree.ErrXML
	}
	return doc.Root(), nil
}

// judge is authenticate for a Signature element that stands under its ancestors'
// start tags; id is the ID of its parent.
func (c *Connection) judge(sig *etree.Element, id string, now time.Time) (signer, error) {
	parts := dsigChildren(sig)
	if len(parts) < 2 || len(parts) > 3 || parts[0].Tag != "SignedInfo" || parts[1].Tag != "SignatureValue" || (len(parts) == 3 && parts[2].Tag != "KeyInfo") {
		return signer{}, Refuse(ReasonSignatureShape, "A Signature must hold one SignedInfo, one SignatureValue and at most one KeyInfo, and nothing else.")
	}
	made, err := c.judgeSignedInfo(parts[0], id)
	if err != nil {
		return signer{}, err
	}
	value, err := signatureValue(parts[1], made.algorithm)
	if err != nil {
		return signer{}, err
	}
	canonical, err := canonicalSignedInfo(sig, parts[0])
	if err != nil {
		return signer{}, Refuse(ReasonSignatureShape, "The SignedInfo cannot be brought into canonical form.")
	}
	weak := false
	for _, cert := range c.Certificates {
		if cert.CheckSignature(signatureMethods[made.algorithm], canonical, value) != nil {
			continue
		}
		if weak = UsableKey(cert) != nil; weak {
			continue
		}
		made.certificate = cert
		if now.Before(cert.NotBefore.Add(-c.skew())) || now.After(cert.NotAfter.Add(c.skew())) {
			return made, Refuse(ReasonCertificateExpired, fmt.Sprintf("The certificate %s that signed is valid from %s to %s; give the connection the identity provider's new one.",
				Fingerprint(cert), stamp(cert.NotBefore), stamp(cert.NotAfter)))
		}
		return made, nil
	}
	if weak {
		return signer{}, Refuse(ReasonWeakAlgorithm, fmt.Sprintf("The key that signed is too weak: RSA needs %d bits.", minRSABits))
	}
	return signer{}, c.notOurs(parts)
}

// notOurs says what is wrong with a signature that no certificate verifies. It
// looks into KeyInfo, which is never trusted, only to give the better hint.
func (c *Connection) notOurs(parts []*etree.Element) error {
	if len(parts) == 3 {
		for _, el := range parts[2].FindElements(".//X509Certificate") {
			der, err := decodeBase64(text(el))
			if err != nil {
				continue
			}
			if slices.ContainsFunc(c.Certificates, func(known *x509.Certificate) bool { return bytes.Equal(known.Raw, der) }) {
				return Refuse(ReasonSignatureInvalid, "The signature names a certificate of the connection but was not made with its key.")
			}
			sum := sha256.Sum256(der)
			return Refuse(ReasonUnknownCertificate, "The message is signed with the certificate "+hex.EncodeToString(sum[:])+", which the connection does not know; if the identity provider changed its certificate, update the connection's metadata.")
		}
	}
	return Refuse(ReasonSignatureInvalid, "No certificate of the connection verifies the signature; if the identity provider changed its certificate, update the connection's metadata.")
}

// judgeSignedInfo checks what a signature says of itself.
func (c *Connection) judgeSignedInfo(info *etree.Element, id string) (signer, error) {
	parts := dsigChildren(info)
	if len(parts) < 2 || parts[0].Tag != "CanonicalizationMethod" || parts[1].Tag != "SignatureMethod" {
		return signer{}, Refuse(ReasonSignatureShape, "The SignedInfo must start with CanonicalizationMethod and SignatureMethod.")
	}
	if len(parts) != 3 || parts[2].Tag != "Reference" || id == "" || attr(parts[2], "URI") != "#"+id {
		return signer{}, Refuse(ReasonReference, "The signature must have exactly one Reference, to the ID of the element that holds it.")
	}
	if canonicalizer(attr(parts[0], "Algorithm")) == nil {
		return signer{}, Refuse(ReasonTransforms, "The canonicalization "+Clip(attr(parts[0], "Algorithm"))+" is not supported.")
	}
	made := signer{algorithm: attr(parts[1], "Algorithm")}
	if _, known := signatureMethods[made.algorithm]; !known {
		return signer{}, Refuse(ReasonAlgorithm, "The signature algorithm "+Clip(made.algorithm)+" is not accepted; use RSA or ECDSA with SHA-256.")
	}
	digest, err := judgeReference(parts[2])
	if err != nil {
		return signer{}, err
	}
	made.sha1 = digest == digestSHA1 || strings.HasSuffix(made.algorithm, "-sha1")
	if made.sha1 && !c.AllowSHA1 {
		return signer{}, Refuse(ReasonWeakAlgorithm, "The message is signed with SHA-1; set the identity provider to SHA-256, or allowSha1 on the connection while it cannot.")
	}
	return made, nil
}

// judgeReference allows what SAML Core §5.4.4 has: enveloped-signature, then
// exclusive canonicalization. It returns the digest algorithm.
func judgeReference(ref *etree.Element) (string, error) {
	parts := dsigChildren(ref)
	if len(parts) != 3 || parts[0].Tag != "Transforms" || parts[1].Tag != "DigestMethod" || parts[2].Tag != "DigestValue" {
		return "", Refuse(ReasonTransforms, "The Reference must hold Transforms, DigestMethod and DigestValue.")
	}
	transforms := dsigChildren(parts[0])
	if len(transforms) != 2 || attr(transforms[0], "Algorithm") != dsig.EnvelopedSignatureAltorithmId.String() || !isExclusive(attr(transforms[1], "Algorithm")) ||
		transforms[0].Tag != "Transform" || transforms[1].Tag != "Transform" || len(transforms[0].ChildElements()) > 0 {
		return "", Refuse(ReasonTransforms, "The transforms must be enveloped-signature and then exclusive canonicalization.")
	}
	for _, el := range transforms[1].ChildElements() {
		if el.Tag != "InclusiveNamespaces" || len(attr(el, "PrefixList")) > 1000 {
			return "", Refuse(ReasonTransforms, "The canonicalization has a parameter that is not supported.")
		}
	}
	digest := attr(parts[1], "Algorithm")
	if !slices.Contains(digestMethods, digest) {
		return "", Refuse(ReasonAlgorithm, "The digest algorithm "+Clip(digest)+" is not accepted; use SHA-256.")
	}
	return digest, nil
}

func isExclusive(algorithm string) bool {
	id := dsig.AlgorithmID(algorithm)
	return id == dsig.CanonicalXML10ExclusiveAlgorithmId || id == dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId
}

// canonicalizer is for SignedInfo; nil when the algorithm is not known. The forms
// with comments are the same here, because a message with comments was refused.
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

// signatureValue decodes a SignatureValue into what crypto/x509 verifies. XML
// Signature writes ECDSA's two numbers side by side (RFC 4050 §3.3), crypto/x509
// wants them in ASN.1.
func signatureValue(el *etree.Element, algorithm string) ([]byte, error) {
	value, err := decodeBase64(text(el))
	if err != nil || len(value) == 0 || len(el.ChildElements()) > 0 {
		return nil, Refuse(ReasonSignatureEmpty, "The SignatureValue is empty or not base64.")
	}
	if !strings.Contains(algorithm, "#ecdsa-") || len(value)%2 != 0 || len(value) > 132 {
		return value, nil
	}
	r, s := new(big.Int).SetBytes(value[:len(value)/2]), new(big.Int).SetBytes(value[len(value)/2:])
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}

// UsableKey says why a certificate's key may not sign assertions; nil when it may:
// RSA of at least 2048 bits, or ECDSA on P-256, P-384 or P-521.
func UsableKey(cert *x509.Certificate) error {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("the certificate %s has an RSA key of %d bits, at least %d are needed", Fingerprint(cert), bits, minRSABits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return fmt.Errorf("the certificate %s has an ECDSA key of %d bits, at least 256 are needed", Fingerprint(cert), bits)
		}
	default:
		return fmt.Errorf("the certificate %s has a %s key, RSA or ECDSA is needed", Fingerprint(cert), cert.PublicKeyAlgorithm)
	}
	return nil
}

// Fingerprint is the SHA-256 of a certificate in lower-case hex.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}
