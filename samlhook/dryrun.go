package samlhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
	"rollcall/internal/remote"
	"rollcall/samlhook/saml"
)

// dryRunURN names the reply to a dry run.
const dryRunURN = "urn:rollcall:params:scim:api:messages:1.0:DryRun"

// maxDryRun bounds the body of a dry run, in bytes: a response in base64, in JSON.
const maxDryRun = 4 << 20

// dryRunRequest is the body of a dry run: one of its members.
type dryRunRequest struct {
	// Response is a SAML Response, as XML or as it is posted (base64).
	Response string `json:"response"`
	// NameID, NameIDFormat and Attributes are what an assertion says.
	NameID       string              `json:"nameId"`
	NameIDFormat string              `json:"nameIdFormat"`
	Attributes   map[string][]string `json:"attributes"`
	// User is a User's id: what it arrived with last.
	User string `json:"user"`
}

// dryRun serves POST /IdentityProviders/{id}/.dryRun: it says what would become of a sign-in, and writes nothing. It is
// for whoever may read everything, because it tells of anybody.
func (h *Hook) dryRun(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if !d.Actor().Rights.ReadEverything() {
		return &directory.Error{Kind: directory.Forbidden, Detail: "only a credential with the scope admin, an " +
			"administrator or an auditor may do this"}
	}
	asked, err := h.readDryRun(w, r)
	if err != nil {
		return err
	}
	a := &attempt{at: h.now(), trial: &trial{}}
	a.exchange = &exchange{Hook: h, r: r, org: d.Name(), dir: d, connection: id}
	if err := a.ask(r.Context(), asked); err != nil {
		return err
	}
	s, err := d.Snapshot(r.Context())
	if err != nil {
		return err
	}
	connection, err := s.Get(schema.IdentityProviderType, id)
	if err != nil {
		return err
	}
	if err := a.try(s, connection); err != nil {
		return err
	}
	language, reply := h.Language(r), a.dryRunReply()
	tellAll(language, reply)
	w.Header().Set("Content-Language", language)
	w.Header().Add("Vary", "Accept-Language")
	return writeAction(w, http.StatusOK, reply)
}

// administers returns Forbidden unless the actor administers the organization.
func administers(d *directory.Directory) error {
	if d.Actor().Rights.Has(directory.ScopeAdmin) {
		return nil
	}
	return &directory.Error{Kind: directory.Forbidden, Detail: "only a credential with the scope admin may do this"}
}

// readDryRun reads the body. It returns *schema.Error for one that asks nothing, several things at once, or something
// else.
func (h *Hook) readDryRun(w http.ResponseWriter, r *http.Request) (asked dryRunRequest, err error) {
	body := h.bodies.Within(w, r, remote.Network(r.RemoteAddr))
	defer body.Release()
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDryRun))
	if err != nil {
		return asked, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil || decoder.More() {
		return asked, schema.Errorf(schema.InvalidSyntax, "", "a dry run takes a JSON object with response, with "+
			"nameId and attributes, or with user; this is not one")
	}
	given := 0
	for _, is := range []bool{asked.Response != "", asked.NameID != "" || asked.Attributes != nil, asked.User != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return asked, schema.Errorf(schema.InvalidValue, "", "a dry run takes exactly one of response, nameId with "+
			"attributes, and user; %d are given", given)
	}
	return asked, nil
}

// ask prepares the attempt for what is asked.
func (a *attempt) ask(ctx context.Context, asked dryRunRequest) error {
	switch {
	case asked.Response != "":
		message := []byte(asked.Response)
		if !strings.HasPrefix(strings.TrimSpace(asked.Response), "<") {
			decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(asked.Response), ""))
			if err != nil {
				return schema.Errorf(schema.InvalidValue, "response", "must be a SAML Response as XML or in base64")
			}
			message = decoded
		}
		a.post.Message = message
		return nil
	case asked.User != "":
		return a.askOf(ctx, asked.User)
	}
	if strings.TrimSpace(asked.NameID) == "" {
		return schema.Errorf(schema.InvalidValue, "nameId", "is required: it says who signs in")
	}
	a.trial.assertion = &saml.Assertion{NameID: strings.TrimSpace(asked.NameID), NameIDFormat: asked.NameIDFormat}
	for _, name := range sortedKeys(asked.Attributes) {
		attribute := saml.Attribute{Name: name}
		for _, v := range asked.Attributes[name] {
			attribute.Values = append(attribute.Values, strings.TrimSpace(v))
		}
		a.trial.assertion.Attributes = append(a.trial.assertion.Attributes, attribute)
	}
	return nil
}

// askOf looks up what a User arrived with last through the connection.
func (a *attempt) askOf(ctx context.Context, user string) error {
	id, ok := directory.ParseID(user)
	if !ok {
		return schema.Errorf(schema.InvalidValue, "user", "must be the id of a User")
	}
	if _, _, err := a.dir.Get(ctx, schema.UserType, id); err != nil {
		return err
	}
	f, err := filter.Parse(`user.value eq "`+user+`" and connection.value eq "`+a.connection.String()+
		`" and nameId pr and vouched ne false`, filter.Options{})
	if err != nil {
		return err
	}
	page, err := a.dir.Query(ctx, directory.Query{Type: schema.SignInType, Filter: f, Limit: maxLooked})
	if err != nil {
		return err
	}
	for _, r := range page.Resources {
		whole, _, err := a.dir.Get(ctx, schema.SignInType, r.ID)
		if directory.KindOf(err) == directory.NotFound {
			continue // trimmed meanwhile
		}
		if err != nil {
			return err
		}
		if identity, ok := keptIdentity(whole.JSON); ok {
			a.trial.identity = &identity
			a.trial.assertion = &saml.Assertion{NameID: identity.NameID, NameIDFormat: identity.NameIDFormat}
			return nil
		}
	}
	return schema.Errorf(schema.InvalidValue, "user", "the User has never arrived here through this connection, or so "+
		"long ago that nothing is kept of it")
}

// maxLooked bounds the SignIns in which a User's identity is looked for.
const maxLooked = 10

// dryRunReply is what the trial has come to.
func (a *attempt) dryRunReply() schema.Document {
	reply := schema.Document{}
	maps.Copy(reply, a.trial.doc)
	maps.Copy(reply, a.trial.effects)
	for _, name := range []string{"correlationId", "connection"} {
		delete(reply, name)
	}
	reply["schemas"] = []string{dryRunURN}
	return reply
}
