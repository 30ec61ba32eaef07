package samlhook

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// privileged checks the Groups that sign-in may touch although they are privileged, and returns their ids. Here and in
// defaultGroups, one that was named before is not judged again, so that the rest may change: sign-in judges what has
// become of it.
func (p *preparation) privileged() ([]directory.ID, error) {
	sync, _ := p.doc["groupSync"].(map[string]any)
	was, _ := p.before["groupSync"].(map[string]any)
	before, _ := was["allowPrivileged"].([]any)
	list, _ := sync["allowPrivileged"].([]any)
	var allowed []directory.ID
	for i, e := range list {
		value, _ := e.(string)
		id, _ := directory.ParseID(value)
		if !slices.Contains(before, e) {
			if err := p.group(value); err != nil {
				return nil, wrong(fmt.Sprintf("groupSync.allowPrivileged[%d]", i), "%s", err)
			}
		}
		allowed = append(allowed, id)
	}
	return allowed, nil
}

// maxDefaultGroups is how many default groups a connection may have: a User is created with all its memberships in one
// transaction, which compares each group and what else the sign-in rests on (directory.MaxConditions).
const maxDefaultGroups = 100

// defaultGroups checks that they exist, and give no more than membership unless they are listed.
func (p *preparation) defaultGroups() error {
	allowed, err := p.privileged()
	if err != nil {
		return err
	}

	// The groups now and before.
	jit, _ := p.doc["jit"].(map[string]any)
	was, _ := p.before["jit"].(map[string]any)
	before, _ := was["defaultGroups"].([]any)
	list, _ := jit["defaultGroups"].([]any)
	if len(list) > maxDefaultGroups && len(list) > len(before) {
		return wrong("jit.defaultGroups", "names %d groups; at most %d can be joined at once", len(list), maxDefaultGroups)
	}
	valueOf := func(e any) string {
		group, _ := e.(map[string]any)
		value, _ := group["value"].(string)
		return value
	}

	// Each that was not named before.
	for i, e := range list {
		if group, ok := e.(map[string]any); ok {
			delete(group, "display")
		}
		value := valueOf(e)
		if slices.ContainsFunc(before, func(b any) bool { return valueOf(b) == value }) {
			continue
		}
		err := p.group(value)
		id, _ := directory.ParseID(value)
		if err == nil && !slices.Contains(allowed, id) && p.tx.Snapshot().PrivilegedGroup(id) {
			err = fmt.Errorf("the Group %s has roles or is protected, itself or through a Group that it is in, and "+
				"sign-in would add every User that it creates; to allow that, list the Group in "+
				"groupSync.allowPrivileged", id)
		}
		if err != nil {
			return wrong(fmt.Sprintf("jit.defaultGroups[%d].value", i), "%s", err)
		}
	}
	return nil
}

// group checks that there is a Group with the id. The change rests on that.
func (p *preparation) group(value string) error {
	if id, ok := directory.ParseID(value); ok {
		if _, err := p.tx.Get(schema.GroupType, id); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no Group has the id %s", saml.Clip(value))
}

// mayTouch reports whether sign-in may change who is in the Group: not if that gives more than membership, unless an
// administrator listed it.
func (c Settings) mayTouch(s *directory.Snapshot, group directory.ID) bool {
	return slices.Contains(c.AllowPrivileged, group) || !s.PrivilegedGroup(group)
}

// addGroups divides the default groups of a User to be created.
func (d *decider) addGroups(decision *Decision) {
	for _, g := range d.settings.DefaultGroups {
		switch _, err := d.snapshot.Get(schema.GroupType, g); {
		case err != nil:
			decision.MissingGroups = append(decision.MissingGroups, g)
		case !d.settings.mayTouch(d.snapshot, g):
			decision.PrivilegedGroups = append(decision.PrivilegedGroups, g)
		default:
			decision.Groups = append(decision.Groups, g)
		}
	}
	if passed := decision.PrivilegedGroups; len(passed) > 0 {
		decision.Explanation = append(decision.Explanation, saml.Say("default_groups_passed",
			"groups", saml.Clip(strings.Join(idTexts(passed), ", "))))
	}
}
