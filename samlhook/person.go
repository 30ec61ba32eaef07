package samlhook

import (
	"github.com/tidwall/gjson"

	"rollcall/directory"
)

// maxShownGroups bounds the groups on the landing page.
const maxShownGroups = 20

func describePerson(s *directory.Snapshot, user *directory.Resource) person {
	p := person{Name: user.Display(), UserName: user.Text("userName")}
	emails := gjson.GetBytes(user.JSON, "emails").Array()
	for _, e := range emails {
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

// person is what a page says about who is signed in.
type person struct {
	Name, UserName, Email string
	Groups                []string
	MoreGroups            bool
}
