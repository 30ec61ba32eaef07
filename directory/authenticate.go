package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
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

// Authenticate judges a credential on one linearizable snapshot and returns the directory as it may be used with it; its
// first read is that snapshot. Errors: Unauthenticated, the same for an unknown organization and an unknown, expired or
// revoked credential; Unavailable.
func (d *Directory) Authenticate(ctx context.Context, c Credential) (*Directory, error) {
	f, err := d.store.linearizable(ctx)
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if err != nil {
		return nil, errUnauthenticated()
	}
	var a Actor
	switch {
	case c.Bearer != "":
		a, err = s.bearer(c.Bearer)
	case c.Session != "":
		a, err = s.session(c.Session)
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

// bearer judges an access token of the scope or of the system scope, or the operator's.
func (s *Snapshot) bearer(secret string) (Actor, error) {
	hash := secretHash(secret)
	if subtle.ConstantTimeCompare([]byte(hash), []byte(s.store.operatorHash)) == 1 {
		return Actor{Type: "Operator", ID: "operator", Scope: ScopeAdmin, System: true}, nil
	}
	if a, ok := s.token(s.key, hash); ok && s.Active() {
		return a, nil
	}
	if !s.key.system() {
		if a, ok := s.token(scope{}, hash); ok {
			return a, nil
		}
	}
	return Actor{}, errUnauthenticated()
}

func (s *Snapshot) token(in scope, hash string) (Actor, bool) {
	sc := s.frozen.scope(in)
	ord, ok := sc.hashes.Get(hash)
	if !ok {
		return Actor{}, false
	}
	r := sc.at(accessTokenType, ord)
	if r == nil {
		return Actor{}, false
	}
	id := r.ID
	a, ok := tokenActor(sc, in, r, s.store.now())
	a.judge = func(s *Snapshot) ([]condition, error) {
		sc := s.frozen.scope(in)
		r := sc.get(id)
		if r == nil || r.Type != accessTokenType || r.hash != hash {
			return nil, errUnauthenticated()
		}
		again, ok := tokenActor(sc, in, r, s.store.now())
		if !ok || again.Scope < a.Scope {
			return nil, errUnauthenticated()
		}
		conditions := []condition{unchanged(s.store.keys.scope(in).resource(accessTokenType, id), int64(r.Version))}
		if u := sc.get(again.User); u != nil {
			conditions = append(conditions, unchanged(s.store.keys.scope(in).resource(userType, u.ID), int64(u.Version)))
		}
		return conditions, nil
	}
	if ok {
		s.store.used(in, id)
	}
	return a, ok
}

// tokenActor is the actor for an access token; ok is false when it has expired or its User may not sign in.
func tokenActor(sc *scopeState, in scope, r *record, now time.Time) (Actor, bool) {
	v := gjson.GetManyBytes(r.JSON, "scopes", "expiresAt", "user.value", "strict", "lenientMembers")
	a := Actor{Type: accessTokenType, ID: r.ID.String(), System: in.system(), Strict: v[3].Bool(), LenientMembers: v[4].Bool()}
	for _, name := range v[0].Array() {
		if scope, ok := ParseScope(name.String()); ok {
			a.Scope = max(a.Scope, scope)
		}
	}
	if expires, err := time.Parse(time.RFC3339, v[1].String()); err != nil || !now.Before(expires) {
		return Actor{}, false
	}
	if v[2].Exists() {
		id, ok := ParseID(v[2].String())
		u := sc.get(id)
		if !ok || u == nil || u.Type != userType || !Active(u.JSON) {
			return Actor{}, false
		}
		a.User = id
	}
	return a, true
}

// administrator is the role whose sessions may do what the scope admin allows.
const administrator = "administrator"

// session judges a sign-in session: its key is there and its end ahead, the User is active and its epoch the session's, the
// connection is enabled and the organization active.
func (s *Snapshot) session(secret string) (Actor, error) {
	ord, ok := s.scope.hashes.Get(secretHash(secret))
	if !ok || !s.Active() {
		return Actor{}, errUnauthenticated()
	}
	r := s.scope.at(sessionType, ord)
	if r == nil || !s.SessionValid(&r.Resource) {
		return Actor{}, errUnauthenticated()
	}
	id, user := r.ID, sessionUser(r)
	a := Actor{Type: sessionType, ID: id.String(), Scope: ScopeSelf, User: user}
	if _, ok := s.roleGroups(user, administrator); ok {
		a.Scope = ScopeAdmin
	}
	a.judge = func(s *Snapshot) ([]condition, error) {
		r := s.scope.get(id)
		if r == nil || r.Type != sessionType || !s.Active() || !s.SessionValid(&r.Resource) {
			return nil, errUnauthenticated()
		}
		keys := s.store.keys.scope(s.key)
		conditions := []condition{unchanged(keys.resource(sessionType, id), int64(r.Version)),
			unchanged(keys.resource(userType, user), int64(s.scope.get(user).Version))}
		if a.Scope < ScopeAdmin {
			return conditions, nil
		}
		through, ok := s.roleGroups(user, administrator)
		if !ok {
			return nil, errorf(Forbidden, "", "the User is no administrator any more")
		}
		for _, g := range through {
			st, _ := s.scope.stamps.Get(g.ord)
			conditions = append(conditions, unchanged(keys.resource(groupType, g.ID), int64(g.Version)), unchanged(keys.stamp(g.ID), st.revision))
		}
		return conditions, nil
	}
	return a, nil
}

// roleGroups are the Groups through which the User has the role, from the one it is in to the one that gives the role; none
// where the User has the role itself. ok is false where it does not have it.
func (s *Snapshot) roleGroups(user ID, role string) (through []*record, ok bool) {
	r := s.scope.get(user)
	if r == nil || r.Type != userType {
		return nil, false
	}
	if slices.Contains(roleValues(gjson.GetBytes(r.JSON, "roles")), role) {
		return nil, true
	}
	inner := map[uint32]*record{} // by ordinal of a Group: the member through which it was reached
	for queue := []*record{r}; len(queue) > 0; queue = queue[1:] {
		for g := range s.scope.directGroups(queue[0].ord) {
			if inner[g.ord] != nil {
				continue
			}
			inner[g.ord] = queue[0]
			if !slices.Contains(roleValues(groupAccess(g.JSON, "roles")), role) {
				queue = append(queue, g)
				continue
			}
			for ; g != r; g = inner[g.ord] {
				through = append(through, g)
			}
			slices.Reverse(through)
			return through, true
		}
	}
	return nil, false
}

// secretPrefix lets people and secret scanners tell what a secret is.
const secretPrefix = "rollcall_"

// newSecret returns 256 random bits as text.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return secretPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// secretHash is what is stored of a secret. Secrets are random, so a plain hash tells nothing of them.
func secretHash(secret string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	return string(sum[:])
}
