package demoidp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/internal/web"
)

const (
	pathMetadata = "/metadata"
	pathSSO      = "/sso"
	pathStart    = "/start"

	formatPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatBasic      = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
)

// Attribute is one attribute that a person's assertions carry.
type Attribute struct {
	Name   string
	Values []string
}

// Person can sign in at the identity provider.
type Person struct {
	Login      string // what to type into the form
	NameID     string // persistent, shaped like an e-mail address
	Attributes []Attribute
}

// NewPerson is a person of the domain example.com with the attributes firstName, lastName and email; an empty name is
// left out of the assertion altogether.
func NewPerson(login, firstName, lastName string) Person {
	p := Person{Login: login, NameID: login + "@example.com"}
	if firstName != "" {
		p.Attributes = append(p.Attributes, Attribute{"firstName", []string{firstName}})
	}
	if lastName != "" {
		p.Attributes = append(p.Attributes, Attribute{"lastName", []string{lastName}})
	}
	p.Attributes = append(p.Attributes, Attribute{"email", []string{p.NameID}})
	return p
}

// People are those of the demonstration: alice is complete, bob too (SCIM makes him beforehand), carol has no lastName,
// admin administers the organization.
func People() []Person {
	return []Person{
		NewPerson("alice", "Alice", "Archer"),
		NewPerson("bob", "Bob", "Baker"),
		NewPerson("carol", "Carol", ""),
		NewPerson("admin", "Ada", "Admin"),
	}
}

// IdP is a running demo identity provider; it is safe for concurrent use.
type IdP struct {
	saml saml.IdentityProvider

	mu       sync.RWMutex
	people   []Person
	services map[string]*saml.EntityDescriptor
}

// New makes an identity provider for a base URL such as http://127.0.0.1:8081 with a new key and certificate, valid for
// a year. Its metadata is at {base}/metadata, which is also its entity id, single sign-on at {base}/sso.
func New(base string, people []Person) (*IdP, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return nil, fmt.Errorf("demo identity provider: %q is not a base URL without path", base)
	}
	key, cert, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("demo identity provider: %w", err)
	}
	idp := &IdP{people: people, services: map[string]*saml.EntityDescriptor{}}
	idp.saml = saml.IdentityProvider{
		Key: key, Certificate: cert,
		SignatureMethod: dsig.RSASHA256SignatureMethod,
		MetadataURL:     *u.JoinPath(pathMetadata), SSOURL: *u.JoinPath(pathSSO),
		ServiceProviderProvider: services{idp}, SessionProvider: sessions{idp},
		Logger:               log.New(io.Discard, "", 0),
		ResponseFormTemplate: pages.Template("en", "response"),
	}
	return idp, nil
}

func newKey() (*rsa.PrivateKey, *x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Rollcall demo identity provider"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return key, cert, err
}

// EntityID is the identity provider's, and the address of its metadata.
func (idp *IdP) EntityID() string { return idp.saml.MetadataURL.String() }

// Metadata is the identity provider's metadata.
func (idp *IdP) Metadata() ([]byte, error) {
	entity := idp.saml.Metadata()
	role := &entity.IDPSSODescriptors[0]
	role.NameIDFormats = []saml.NameIDFormat{formatPersistent} // the library announces transient
	role.KeyDescriptors = role.KeyDescriptors[:1]              // and a key for encryption, which nobody uses
	entity.ValidUntil = idp.saml.Certificate.NotAfter
	return xml.MarshalIndent(entity, "", "  ")
}

// Trust registers a service provider by its metadata; a later one of the same entity id replaces it. Requests of others
// are refused.
func (idp *IdP) Trust(metadata []byte) error {
	var entity saml.EntityDescriptor
	if err := xml.Unmarshal(metadata, &entity); err != nil {
		return fmt.Errorf("demo identity provider: service provider's metadata: %w", err)
	}
	if entity.EntityID == "" || len(entity.SPSSODescriptors) == 0 {
		return errors.New("demo identity provider: the metadata describes no service provider")
	}
	idp.mu.Lock()
	defer idp.mu.Unlock()
	idp.services[entity.EntityID] = &entity
	return nil
}

// SetPeople replaces who can sign in.
func (idp *IdP) SetPeople(people []Person) {
	idp.mu.Lock()
	defer idp.mu.Unlock()
	idp.people = people
}

func (idp *IdP) person(login string) (Person, bool) {
	idp.mu.RLock()
	defer idp.mu.RUnlock()
	for _, p := range idp.people {
		if p.Login == login {
			return p, true
		}
	}
	return Person{}, false
}

// Handler serves the metadata, single sign-on (redirect and POST binding), and at /start?sp={entityID} a sign-in that
// the identity provider begins by itself.
func (idp *IdP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathMetadata, func(w http.ResponseWriter, _ *http.Request) {
		metadata, err := idp.Metadata()
		if err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		w.Write(metadata)
	})
	mux.HandleFunc(pathSSO, responseHeaders(idp.saml.ServeSSO))
	mux.HandleFunc(pathStart, responseHeaders(func(w http.ResponseWriter, r *http.Request) {
		idp.saml.ServeIDPInitiated(w, r, r.FormValue("sp"), "")
	}))
	mux.Handle(web.AssetsPath, web.Assets())
	return mux
}

// services and sessions are the two sides that saml.IdentityProvider asks.
type services struct{ idp *IdP }

func (s services) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	s.idp.mu.RLock()
	defer s.idp.mu.RUnlock()
	if entity, known := s.idp.services[id]; known {
		return entity, nil
	}
	return nil, os.ErrNotExist
}

type sessions struct{ idp *IdP }

// GetSession takes the user name from the posted form, or shows the form. There is no session to speak of: every
// sign-in asks.
func (s sessions) GetSession(w http.ResponseWriter, r *http.Request, req *saml.IdpAuthnRequest) *saml.Session {
	login := r.PostFormValue("user")
	person, known := s.idp.person(login)
	if !known {
		s.idp.writeLogin(w, req, login)
		return nil
	}
	session := &saml.Session{
		ID: random(), Index: random(), CreateTime: req.Now, ExpireTime: req.Now.Add(8 * time.Hour),
		NameID: person.NameID, NameIDFormat: formatPersistent,
	}
	for _, a := range person.Attributes {
		attribute := saml.Attribute{Name: a.Name, NameFormat: formatBasic}
		for _, value := range a.Values {
			attribute.Values = append(attribute.Values, saml.AttributeValue{Type: "xs:string", Value: value})
		}
		session.CustomAttributes = append(session.CustomAttributes, attribute)
	}
	return session
}

func random() string {
	raw := make([]byte, 16)
	rand.Read(raw)
	return "_" + hex.EncodeToString(raw)
}
