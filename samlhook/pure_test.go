package samlhook

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// Decisions that rest on nothing but what they are given.

// A code is bound to the value of one cookie: no other value, and none at all.
func TestBoundToItsCookie(t *testing.T) {
	o := handOver{Binding: hashOf("right")}
	for cookie, want := range map[string]bool{"right": true, "wrong": false, "": false, "righ": false, "Right": false} {
		if o.boundTo(cookie) != want {
			t.Errorf("bound to %q: %v", cookie, !want)
		}
	}
	for _, binding := range [][]byte{hashOf(""), {}, nil} {
		if (handOver{Binding: binding}).boundTo("") {
			t.Errorf("a code with the binding %x is bound to no cookie", binding)
		}
	}
}

// A RelayState belongs to a test only with the id of a test request, of this connection and in time.
func TestRequestOfATest(t *testing.T) {
	key := requestKey(strings.Repeat("a", 32))
	now := samltest.Now
	id := func(p purpose, connection string) string {
		id, _ := key.issue(p, connection, now.Add(time.Minute))
		return id
	}
	l := &loaded{requests: key}
	l.Connection = &saml.Connection{ID: "c1"}
	for name, c := range map[string]struct {
		state string
		at    time.Time
		want  bool
	}{
		"a test":                {testState + id(forTest, "c1"), now, true},
		"a sign-in":             {testState + id(forSession, "c1"), now, false},
		"a claim":               {testState + id(forClaim, "c1"), now, false},
		"of another connection": {testState + id(forTest, "c2"), now, false},
		"too old":               {testState + id(forTest, "c1"), now.Add(time.Minute), false},
		"no id":                 {testState, now, false},
		"an id alone":           {id(forTest, "c1"), now, false},
		"nothing":               {"", now, false},
	} {
		if got := l.testRequest(c.state, c.at); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	none := &loaded{}
	none.Connection = &saml.Connection{ID: "c1"}
	if none.testRequest(testState+id(forTest, "c1"), now) {
		t.Error("a test of an organization that has made no request")
	}
}

// What was seen of a domain counts for it while it has the challenge that was looked for.
func TestSetDomainByChallenge(t *testing.T) {
	at := samltest.Now
	doc := func() schema.Document {
		return schema.Document{"domains": []any{
			map[string]any{"value": "other.example", "challenge": "c"},
			map[string]any{"value": "A.example", "challenge": "c"},
			map[string]any{"value": "old.example", "challenge": "c", "verified": true, "verifiedAt": "before"}}}
	}
	for _, c := range []struct {
		name, challenge string
		place           int // of the domain; -1 where there is none
	}{{"a.example", "c", 1}, {"a.example", "earlier", -1}, {"a.example", "", -1}, {"none.example", "c", -1},
		{"old.example", "c", 2}} {
		for _, state := range []string{domainVerified, domainStale, domainLost, domainPending} {
			d := doc()
			before := d["domains"].([]any)
			set := setDomain(d, c.name, c.challenge, setState(state, at))
			for i, e := range d["domains"].([]any) {
				domain := e.(map[string]any)
				if changed := domain["state"] != nil; changed != (i == c.place) || set != (c.place >= 0) {
					t.Errorf("%s with %q: %v", c.name, c.challenge, domain)
				}
				if i != c.place {
					continue
				}
				verified := state == domainVerified || state == domainStale
				since := any(nil)
				switch {
				case i == 2:
					since = "before"
				case verified:
					since = schema.FormatTime(at)
				}
				if domain["verified"] != verified || domain["verifiedAt"] != since {
					t.Errorf("%s becomes %s: %v", c.name, state, domain)
				}
			}
			if before[1].(map[string]any)["state"] != nil || before[2].(map[string]any)["state"] != nil {
				t.Error("the list that was given is changed")
			}
		}
	}
}

// The guard counts removals by Group and minute, forgets those outside its window, and holds one list for each User.
func TestRemovalsAreCounted(t *testing.T) {
	a, b, u, v := directory.NewID(), directory.NewID(), directory.NewID(), directory.NewID()
	at := time.Unix(6000, 0)
	var r removals
	for _, c := range []struct {
		group directory.ID
		at    time.Time
	}{{a, at}, {a, at.Add(59 * time.Second)}, {b, at}, {a, at.Add(time.Minute)}, {b, at}} {
		r.count(c.group, c.at)
	}
	if want := []removal{{a, 100, 2}, {b, 100, 2}, {a, 101, 1}}; !slices.Equal(r.Done, want) || !r.changed {
		t.Errorf("counted %v, want %v", r.Done, want)
	}
	guard := RemovalGuard{Removals: 9, Percent: 50, Within: 10 * time.Minute}
	for _, c := range []struct {
		after time.Duration
		left  int
	}{{9*time.Minute + 59*time.Second, 3}, {10 * time.Minute, 1}, {11 * time.Minute, 0}} {
		next := r.next(guard, at.Add(c.after))
		if len(next.Done) != c.left || next.changed || len(r.Done) != 3 {
			t.Errorf("after %v: %v of %v", c.after, next.Done, r.Done)
		}
	}

	// Who is held, and for which Groups.
	for _, c := range []struct {
		name    string
		user    directory.ID
		groups  []directory.ID
		changed bool
		held    []directory.ID // Users
	}{
		{"nothing to hold", u, nil, false, nil},
		{"a group", u, []directory.ID{a}, true, []directory.ID{u}},
		{"the same", u, []directory.ID{a}, false, []directory.ID{u}},
		{"another User", v, []directory.ID{a}, true, []directory.ID{u, v}},
		{"more groups", u, []directory.ID{a, b}, true, []directory.ID{v, u}},
		{"none any more", v, nil, true, []directory.ID{u}},
		{"none again", v, nil, false, []directory.ID{u}},
		{"too many", v, make([]directory.ID, maxHeld-1), true, []directory.ID{u}},
		{"as many as may be", v, make([]directory.ID, maxHeld-2), true, []directory.ID{u, v}},
	} {
		r.changed = false
		r.hold(c.user, c.groups, at)
		var users []directory.ID
		for _, h := range r.Held {
			users = append(users, h.User)
		}
		if r.changed != c.changed || !slices.Equal(users, c.held) {
			t.Errorf("%s: changed %v, held %v", c.name, r.changed, users)
		}
	}
	if n := r.heldCount(); n != maxHeld {
		t.Errorf("%d held, want %d", n, maxHeld)
	}
	copied := r.next(guard, at)
	copied.hold(u, nil, at)
	if len(r.Held) != 2 || r.Held[0].User != u {
		t.Error("a copy changes what it was copied from")
	}
}

// A node remembers used messages by connection and until their time; when there are too many, those that are over go
// first.
func TestUsedIDsAreForgotten(t *testing.T) {
	var used usedIDs
	now := samltest.Now
	one, two := directory.NewID(), directory.NewID()
	used.add(one, "a", now.Add(time.Minute), now)
	for _, c := range []struct {
		connection directory.ID
		id         string
		at         time.Time
		want       bool
	}{{one, "a", now, true}, {one, "b", now, false}, {two, "a", now, false}, {one, "a", now.Add(time.Minute), false}} {
		if used.has(c.connection, c.id, c.at) != c.want {
			t.Errorf("%q used: %v", c.id, !c.want)
		}
	}
	const over = maxUsedIDs / 2
	for i := range maxUsedIDs {
		until := now
		if i >= over {
			until = now.Add(time.Hour)
		}
		used.add(two, string(rune(i+0x10000)), until, now)
	}
	kept := 0
	for i := over; i < maxUsedIDs; i++ {
		if used.has(two, string(rune(i+0x10000)), now) {
			kept++
		}
	}
	if kept != maxUsedIDs-over || !used.has(one, "a", now) || len(used.until) > maxUsedIDs {
		t.Errorf("%d of %d that are not over are known, of %d", kept, maxUsedIDs-over, len(used.until))
	}
}
