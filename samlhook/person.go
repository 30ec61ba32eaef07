package samlhook

import (
	"github.com/tidwall/gjson"

	"rollcall/directory"
)

// person is what a page says about who signs in or is signed in.
type person struct {
	Name, UserName, Email string
	Groups                []string
	MoreGroups            bool
}

// maxShownGroups bounds the groups on the landing page.
const maxShownGroups = 20

func describePerson(s *directory.Snapshot, user *directory.Resource) person {
	p := person{Name: user.Display(), UserName: user.Text("userName")}
	for _, e := range gjson.GetBytes(user.JSON, "emails").Array() {
		if p.Email == "" || e.Get("primary").Bool() {
			p.Email = e.Get("value").String()
		}
	}
	for g := range s.GroupsOf(user) {
		if len(p.Groups) == maxShownGroups {
			p.MoreGroups = true
			break
		}
		p.Groups = append(p.Groups, g.Display)
	}
	return p
}
