package samlhook

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
)

func requestConnection() *Connection {
	c := testConnection()
	c.SSOURL, c.Binding = "https://idp.example.com/sso", BindingRedirect
	c.Key, c.Certificate, c.SignRequests = keys().sp.key.(*rsa.PrivateKey), keys().sp.cert, true
	return c
}

// inflate reads the request out of a redirect.
func inflate(t *testing.T, location string) (*url.URL, []byte) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return u, message
}

func TestRedirectURL(t *testing.T) {
	c := requestConnection()
	c.SSOURL += "?tenant=a%20b"
	location, err := c.RedirectURL("_r1", "to&ken", testNow)
	if err != nil {
		t.Fatal(err)
	}
	u, message := inflate(t, location)
	if u.Query().Get("tenant") != "a b" || u.Query().Get("RelayState") != "to&ken" {
		t.Errorf("query = %v", u.Query())
	}
	var request saml.AuthnRequest
	if err := xml.Unmarshal(message, &request); err != nil {
		t.Fatal(err)
	}
	if request.ID != "_r1" || request.Version != "2.0" || request.Destination != c.SSOURL || request.AssertionConsumerServiceURL != testACS ||
		request.ProtocolBinding != BindingPost || request.Issuer.Value != testEntityID || !request.IssueInstant.Equal(testNow) {
		t.Errorf("request = %s", message)
	}
	if request.NameIDPolicy != nil || request.ForceAuthn != nil || request.RequestedAuthnContext != nil || request.Signature != nil {
		t.Errorf("the request asks for more than the connection says: %s", message)
	}
	signedText, _, _ := strings.Cut(u.RawQuery, "&Signature=")
	_, signedText, _ = strings.Cut(signedText, "&") // without our tenant
	signature, err := base64.StdEncoding.DecodeString(u.Query().Get("Signature"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(signedText))
	if err := rsa.VerifyPKCS1v15(&c.Key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Errorf("signature of %q: %v", signedText, err)
	}
}

func TestAuthnRequestOptions(t *testing.T) {
	c := requestConnection()
	c.SignRequests, c.Key, c.Certificate = false, nil, nil
	c.NameIDFormat, c.ForceAuthn = NameIDEmail, true
	c.RequestedAuthnContext = []string{"urn:one", "urn:two"}
	location, err := c.RedirectURL("_r1", "token", testNow)
	if err != nil {
		t.Fatal(err)
	}
	u, message := inflate(t, location)
	if u.Query().Has("Signature") || u.Query().Has("SigAlg") {
		t.Error("signed although the connection does not sign")
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(message); err != nil {
		t.Fatal(err)
	}
	root := doc.Root()
	if attr(root, "ForceAuthn") != "true" || attr(root.FindElement("NameIDPolicy"), "Format") != NameIDEmail {
		t.Errorf("request = %s", message)
	}
	var classes []string
	for _, el := range root.FindElements("RequestedAuthnContext/AuthnContextClassRef") {
		classes = append(classes, el.Text())
	}
	if strings.Join(classes, " ") != "urn:one urn:two" {
		t.Errorf("contexts = %q", classes)
	}
	for _, bad := range []string{"", "ftp://x/", "/sso", "https://u:p@x/", "javascript:alert(1)"} {
		c.SSOURL = bad
		if _, err := c.RedirectURL("_r1", "token", testNow); err == nil {
			t.Errorf("a request to %q was made", bad)
		}
	}
	c.SSOURL, c.SignRequests = "https://idp.example.com", true
	if _, err := c.PostForm("_r1", "token", testNow); err == nil {
		t.Error("signed without a key")
	}
}

func TestPostForm(t *testing.T) {
	c := requestConnection()
	form, err := c.PostForm("_r1", "token", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if form.Action != c.SSOURL || form.RelayState != "token" {
		t.Errorf("form = %+v", form)
	}
	message, err := base64.StdEncoding.DecodeString(form.SAMLRequest)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(message); err != nil {
		t.Fatal(err)
	}
	if order := doc.Root().ChildElements(); order[0].Tag != "Issuer" || order[1].Tag != "Signature" {
		t.Errorf("the Signature does not follow the Issuer: %s", message)
	}
	verifier := testConnection()
	verifier.Certificates[0] = keys().sp.cert
	by, err := verifier.judge(doc.Root().ChildElements()[1], "_r1", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(doc.Root(), by); err != nil {
		t.Errorf("our own request does not verify: %v", err)
	}
}

func TestRequestKey(t *testing.T) {
	key, other := RequestKey(strings.Repeat("a", 32)), RequestKey(strings.Repeat("b", 32))
	expires := testNow.Add(10 * time.Minute)
	id, made := key.New("c1", expires)
	if !regexp.MustCompile(`^_[A-Za-z0-9_-]{64}$`).MatchString(id) {
		t.Errorf("%q is no XML ID of the expected size", id)
	}
	if second, _ := key.New("c1", expires); second == id {
		t.Error("two requests have one id")
	}
	got, err := key.Check("c1", id, testNow)
	if err != nil || got != made || !got.Expires.Equal(expires) || len(got.Nonce) != 22 || got.CookieName() != LoginCookiePrefix+got.Nonce {
		t.Errorf("Check = %+v, %v; New said %+v", got, err, made)
	}
	flip := []byte(id)
	flip[40] ^= 1
	for _, c := range []struct {
		name, connection, id string
		key                  RequestKey
		now                  time.Time
		want                 Reason
	}{
		{"another connection's", "c2", id, key, testNow, ReasonRequestForeign},
		{"another organization's", "c1", id, other, testNow, ReasonRequestUnknown},
		{"expired to the second", "c1", id, key, expires, ReasonRequestExpired},
		{"one bit changed", "c1", string(flip), key, testNow, ReasonRequestUnknown},
		{"cut", "c1", id[:40], key, testNow, ReasonRequestUnknown},
		{"empty", "c1", "", key, testNow, ReasonRequestUnknown},
		{"without underscore", "c1", id[1:], key, testNow, ReasonRequestUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.key.Check(c.connection, c.id, c.now)
			wantReason(t, err, c.want)
		})
	}
}

func TestLoginCookie(t *testing.T) {
	key := RequestKey(strings.Repeat("a", 32))
	login := Login{Request: "_r1", Target: "/orgs/acme/me?x=1", Expires: testNow.Add(time.Minute)}
	value := key.SealLogin(login)
	if got, err := key.OpenLogin(value, testNow); err != nil || got != login {
		t.Errorf("OpenLogin = %+v, %v", got, err)
	}
	if regexp.MustCompile(`[^A-Za-z0-9._-]`).MatchString(value) {
		t.Errorf("%q needs quoting in a cookie", value)
	}
	body, mac, _ := strings.Cut(value, ".")
	forged := RequestKey(strings.Repeat("b", 32)).SealLogin(login)
	for name, bad := range map[string]string{
		"empty": "", "no MAC": body, "MAC only": "." + mac, "other body": base64.RawURLEncoding.EncodeToString([]byte(`{"r":"_r2"}`)) + "." + mac, "other key": forged, "garbage": "%%%.%%%",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := key.OpenLogin(bad, testNow)
			wantReason(t, err, ReasonLoginCookie)
		})
	}
	_, err := key.OpenLogin(value, login.Expires)
	wantReason(t, err, ReasonLoginCookie)
}
