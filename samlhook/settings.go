package samlhook

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
)

// defaultSession is how long a session lasts if the connection does not say.
const defaultSession = 8 * time.Hour

// Settings are what an IdentityProvider says about people; saml.Connection is what it says about messages.
type Settings struct {
	ID      directory.ID
	Name    string // to show
	Enabled bool

	LinkBy         []string
	LinkPrivileged bool
	Domains        []string // as domainName spells them

	JIT           bool
	RequireNames  bool
	ReviveDeleted bool
	DefaultGroups []directory.ID
	Update        bool     // whether sign-in changes what it wrote before
	NeverUpdate   []string // attribute paths, in lower case

	AllowPrivileged []directory.ID // Groups that sign-in may touch although they are privileged
	Groups          GroupSync

	Session time.Duration // the longest that a session lasts

	LoginHint bool // whether the identity provider is told the address that was typed
}

// ReadSettings reads the settings out of an IdentityProvider; what is unset has its default.
func ReadSettings(r *directory.Resource) Settings {
	v := gjson.GetManyBytes(r.JSON, "displayName", "linkBy", "linkPrivileged", "domains",
		"jit.enabled", "jit.requireNames", "jit.reviveDeleted", "jit.defaultGroups.#.value",
		"jit.update.default", "jit.update.never", "sessionMinutes", "groupSync.allowPrivileged", "sendLoginHint")
	c := Settings{
		ID: r.ID, Name: v[0].String(), Enabled: directory.Enabled(r.JSON),
		LinkBy: texts(v[1]), LinkPrivileged: v[2].Bool(), Domains: domainNames(texts(v[3])),
		JIT: v[4].Bool(), RequireNames: v[5].Type != gjson.False, ReviveDeleted: v[6].Bool(),
		DefaultGroups: ids(v[7]), AllowPrivileged: ids(v[11]),
		Update: v[8].String() != "never", NeverUpdate: lower(texts(v[9])),
		Session:   time.Duration(v[10].Int()) * time.Minute,
		LoginHint: v[12].Bool(),
	}
	if len(c.LinkBy) == 0 {
		c.LinkBy = []string{linkByUserName}
	}
	c.Groups = readGroupSync(r)
	if c.Session <= 0 {
		c.Session = defaultSession
	}
	return c
}

// updates reports whether sign-in may change the attribute of an existing User. NeverUpdate may name it, or the
// attribute that it is a part of.
func (c Settings) updates(path string) bool {
	path = strings.ToLower(path)
	whole, _, _ := strings.Cut(path, ".")
	return c.Update && !slices.Contains(c.NeverUpdate, path) && !slices.Contains(c.NeverUpdate, whole)
}
