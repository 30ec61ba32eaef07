package samlhook

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Names of resource types, as the directory spells them.
const (
	typeUser         = schema.UserType
	typeGroup        = schema.GroupType
	typeConnection   = schema.IdentityProviderType
	typeOrganization = schema.OrganizationType
	typeSession      = schema.SessionType
)

// Ways to find a User to link (IdentityProvider.linkBy).
const (
	linkByUserName   = "userName"
	linkByExternalID = "externalId"
	linkByEmail      = "email"
)

// defaultSession is how long a session lasts where the connection does not say.
const defaultSession = 8 * time.Hour

// Settings are what an IdentityProvider says about people; Connection is what it
// says about messages.
type Settings struct {
	ID      directory.ID
	Name    string // to show
	Enabled bool

	LinkBy         []string
	LinkPrivileged bool
	Domains        []string // folded

	JIT           bool
	RequireNames  bool
	ReviveDeleted bool
	DefaultGroups []directory.ID
	Update        bool     // whether sign-in changes what it wrote before
	NeverUpdate   []string // attribute paths, in lower case

	AllowPrivileged []directory.ID // Groups that sign-in may touch although they are privileged

	Session time.Duration // the longest a session lasts
}

// ReadSettings reads them out of an IdentityProvider; what is unset has its default.
func ReadSettings(r *directory.Resource) Settings {
	v := gjson.GetManyBytes(r.JSON, "displayName", "linkBy", "linkPrivileged", "domains", "jit.enabled", "jit.requireNames",
		"jit.reviveDeleted", "jit.defaultGroups.#.value", "jit.update.default", "jit.update.never", "sessionMinutes",
		"groupSync.allowPrivileged")
	c := Settings{
		ID: r.ID, Name: v[0].String(), Enabled: directory.Enabled(r.JSON),
		LinkBy: texts(v[1]), LinkPrivileged: v[2].Bool(), Domains: foldDomains(texts(v[3])),
		JIT: v[4].Bool(), RequireNames: v[5].Type != gjson.False, ReviveDeleted: v[6].Bool(),
		Update: v[8].String() != "never", NeverUpdate: lower(texts(v[9])),
		Session:       time.Duration(v[10].Int()) * time.Minute,
		DefaultGroups: ids(v[7]), AllowPrivileged: ids(v[11]),
	}
	if len(c.LinkBy) == 0 {
		c.LinkBy = []string{linkByUserName}
	}
	if c.Session <= 0 {
		c.Session = defaultSession
	}
	return c
}

// mayTouch says whether sign-in may change who is in the Group: not where that gives
// more than membership, unless an administrator listed it.
func (c Settings) mayTouch(s *directory.Snapshot, group directory.ID) bool {
	return slices.Contains(c.AllowPrivileged, group) || !s.PrivilegedGroup(group)
}

// updates says whether sign-in may change the attribute of an existing User. never
// may name it, or the attribute it is a part of.
func (c Settings) updates(path string) bool {
	path = strings.ToLower(path)
	whole, _, _ := strings.Cut(path, ".")
	return c.Update && !slices.Contains(c.NeverUpdate, path) && !slices.Contains(c.NeverUpdate, whole)
}

// verifiedHere says whether a value lies inside a domain that the organization has
// verified and assigned to this connection: what follows its last @. A value
// without one lies in no domain.
func (c Settings) verifiedHere(value string, verified []string) bool {
	domain := domainOf(value)
	return domain != "" && slices.Contains(c.Domains, domain) && slices.Contains(verified, domain)
}

// domainOf is what follows the last @ of the folded value; empty where there is none.
func domainOf(value string) string {
	value = wideFold(value)
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return ""
	}
	return value[at+1:]
}

// foldDomains are domains as domainOf spells them.
func foldDomains(values []string) []string {
	for i, v := range values {
		values[i] = wideFold(v)
	}
	return values
}

// verifiedDomains are the domains of an Organization whose control was shown.
func verifiedDomains(organization *directory.Resource) []string {
	var verified []string
	if organization == nil {
		return nil
	}
	for _, d := range gjson.GetBytes(organization.JSON, "domains").Array() {
		if d.Get("verified").Bool() {
			verified = append(verified, wideFold(d.Get("value").String()))
		}
	}
	return verified
}

// divideDomains divides the organization's verified domains as the connection sees
// them: those that it may hold, and those that another connection holds. Prepare
// assigns a domain once; if two changes of one moment have assigned it twice all the
// same, it counts for neither.
func divideDomains(s *directory.Snapshot, connection directory.ID) (free, taken []string) {
	var others []string
	for r := range s.All(typeConnection) {
		if r.ID != connection {
			others = append(others, foldDomains(textsAt(r, "domains"))...)
		}
	}
	for _, domain := range verifiedDomains(s.Organization()) {
		if slices.Contains(others, domain) {
			taken = append(taken, domain)
		} else {
			free = append(free, domain)
		}
	}
	return free, taken
}

func texts(list gjson.Result) []string {
	var values []string
	for _, v := range list.Array() {
		values = append(values, v.String())
	}
	return values
}

// ids are those of a list; what is no id is left out.
func ids(list gjson.Result) []directory.ID {
	var values []directory.ID
	for _, value := range texts(list) {
		if id, ok := directory.ParseID(value); ok {
			values = append(values, id)
		}
	}
	return values
}

func lower(values []string) []string {
	for i, v := range values {
		values[i] = strings.ToLower(v)
	}
	return values
}

// textsAt reads a list of texts out of a resource.
func textsAt(r *directory.Resource, path string) []string {
	return texts(gjson.GetBytes(r.JSON, path))
}
