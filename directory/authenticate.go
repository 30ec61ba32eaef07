package directory

import (
	"context"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// Credential is what a request presents: a bearer secret or a session's.
type Credential struct {
	Bearer  string
	Session string
}

// errUnauthenticated is the one answer to every invalid credential and every unknown organization.
func errUnauthenticated() error {
	return errorf(Unauthenticated, "", "the credential is missing or not valid here")
}

// Authenticate judges a credential on one linearizable snapshot and returns the directory as it may be used with it;
// its first read is that snapshot. Errors: Unauthenticated, the same for an unknown organization and an unknown,
// expired or revoked credential; Unavailable.
func (d *Directory) Authenticate(ctx context.Context, c Credential) (*Directory, error) {
	f, err := d.store.node.Linearizable(ctx)
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if err != nil {
		return nil, errUnauthenticated()
	}

	// Judge the credential on the very snapshot that answers the first read.
	var a Actor
	switch {
	case c.Bearer != "":
		a, err = s.judgeBearer(c.Bearer)
	case c.Session != "":
		a, err = s.judgeSession(c.Session)
	default:
		err = errUnauthenticated()
	}
	if err != nil {
		return nil, err
	}
	s.actor = a
	bound := d.As(a)
	bound.first.Store(s)
	return bound, nil
}

// judgeBearer judges an access token of the scope or of the system scope, or the operator's.
func (s *Snapshot) judgeBearer(secret string) (Actor, error) {
	hash := secretHash(secret)
	if s.store.operator.knows(hash) {
		return Actor{Type: operatorType, ID: "operator", Rights: ScopeAdmin, System: true}, nil
	}
	if a, ok := s.judgeToken(s.id, hash); ok && s.Active() {
		return a, nil
	}
	if !s.id.IsSystem() {
		if a, ok := s.judgeToken(state.System, hash); ok {
			return a, nil
		}
	}
	return Actor{}, errUnauthenticated()
}

func (s *Snapshot) judgeToken(in state.ScopeID, hash string) (Actor, bool) {
	r := s.frozen.Scope(in).WithHash(schema.AccessTokenType, hash)
	if r == nil {
		return Actor{}, false
	}
	a, ok := s.tokenActor(in, r)
	if !ok {
		return Actor{}, false
	}
	s.store.usage.saw(in, r.ID)
	a.judge = tokenJudge{in, r.ID, hash, a.Rights}.judge
	return a, true
}

// tokenJudge finds an access token on later snapshots.
type tokenJudge struct {
	in     state.ScopeID
	id     ID
	hash   string
	rights Rights // what it had at first
}

// judge returns as conditions the token, its User, and what gives its rights to the User it depends on. Error:
// Unauthenticated if the token is not what it was.
func (t tokenJudge) judge(s *Snapshot) ([]store.Condition, error) {
	sc, keys := s.frozen.Scope(t.in), s.store.keys.Scope(t.in)
	r := sc.WithHash(schema.AccessTokenType, t.hash)
	if r == nil || r.ID != t.id {
		return nil, errUnauthenticated()
	}
	now, ok := s.tokenActor(t.in, r)
	if !ok || !now.Rights.Has(t.rights) {
		return nil, errUnauthenticated()
	}
	conditions := []store.Condition{unchangedRecord(keys, r)}
	if u := sc.Get(now.User); u != nil {
		conditions = append(conditions, unchangedRecord(keys, u))
	}
	if !now.maker.IsZero() {
		more, _ := s.rightsConditions(now.maker, now.Rights) // has them, or the token were not valid
		conditions = append(conditions, more...)
	}
	return conditions, nil
}

// unchangedRecord compares that the record is as it was.
func unchangedRecord(keys state.ScopeKeys, r *state.Record) store.Condition {
	return store.Unchanged(keys.Resource(r.Type, r.ID), int64(r.Version))
}

// tokenActor is the actor for an access token of a scope. ok is false when it has expired, its User may not sign in, or
// the User whom it depends on may not do what it may.
func (s *Snapshot) tokenActor(in state.ScopeID, r *state.Record) (a Actor, ok bool) {
	v := gjson.GetManyBytes(s.store.held.document(in, r), "scopes", "expiresAt", "user.value", "strict",
		"lenientMembers", "profile", `compatibility.#(=="noPagination")`)
	a = Actor{Type: r.Type, ID: r.ID.String(), System: in.IsSystem(), Profile: profileOf(v[5].String(), v[3].Bool()),
		LenientMembers: v[4].Bool(), NoPagination: v[6].Exists()}
	for _, name := range v[0].Array() {
		if scope, ok := ParseScope(name.String()); ok {
			a.Rights |= scope
		}
	}
	if expires, err := time.Parse(time.RFC3339, v[1].String()); err != nil || !s.store.now().Before(expires) {
		return Actor{}, false
	}
	if maker, ok := makerOf(r); ok && dependsOnMaker(r.JSON) {
		a.maker = maker
		u := s.scope.Of(schema.UserType, maker)
		if rights, _ := s.sessionRights(maker); u == nil || !Active(s.store.held.document(s.id, u)) || !rights.Has(a.Rights) {
			return Actor{}, false
		}
	}
	if !v[2].Exists() {
		return a, true
	}
	if a.User, ok = ParseID(v[2].String()); !ok {
		return Actor{}, false
	}
	u := s.frozen.Scope(in).Of(schema.UserType, a.User)
	return a, u != nil && Active(s.store.held.document(in, u))
}

// judgeSession judges a sign-in session: it is valid, and the organization active.
func (s *Snapshot) judgeSession(secret string) (Actor, error) {
	r := s.scope.WithHash(schema.SessionType, secretHash(secret))
	if r == nil || !s.Active() || !s.SessionValid(&r.Resource) {
		return Actor{}, errUnauthenticated()
	}
	a := Actor{Type: r.Type, ID: r.ID.String(), User: state.SessionUser(r), maker: state.SessionUser(r)}
	a.Rights, _ = s.sessionRights(a.User)
	s.store.usage.sawSession(s, a.User)
	a.judge = sessionJudge{r.ID, a.User, a.Rights}.judge
	return a, nil
}

// sessionJudge finds a session on later snapshots.
type sessionJudge struct {
	id, user ID
	rights   Rights // what it had at first
}

// judge returns the session, its connection, its User and the Groups that give the User its rights as conditions.
// Errors: Unauthenticated if the session is not valid any more; Forbidden if the User has lost some of the rights.
func (j sessionJudge) judge(s *Snapshot) ([]store.Condition, error) {
	r := s.scope.Of(schema.SessionType, j.id)
	if r == nil || !s.Active() || !s.SessionValid(&r.Resource) {
		return nil, errUnauthenticated()
	}
	conditions, ok := s.rightsConditions(j.user, j.rights)
	if !ok {
		return nil, errorf(Forbidden, "", "the User no longer has the roles that this session had")
	}
	id, _ := ParseID(r.Text("connection.value"))
	connection := s.scope.Of(schema.IdentityProviderType, id) // there is one, or the session were not valid
	return append(conditions, unchangedRecord(s.keys(), r), unchangedRecord(s.keys(), connection)), nil
}

// rightsConditions compare that the User, and the Groups that give it its rights, are as they are. ok is false where it
// has no longer all of the rights.
func (s *Snapshot) rightsConditions(user ID, rights Rights) (conditions []store.Condition, ok bool) {
	keys := s.keys()
	has, through := s.sessionRights(user)
	if !has.Has(rights) {
		return nil, false
	}
	conditions = []store.Condition{unchangedRecord(keys, s.scope.Get(user))}
	for _, g := range through {
		conditions = append(conditions, unchangedRecord(keys, g),
			store.Unchanged(keys.Stamp(g.ID), s.scope.StampRevision(g)))
	}
	return conditions, true
}
