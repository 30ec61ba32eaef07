package directorytest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
)

// commit is what one revision of a store changed, as "Type id", and what its Events are about.
type commit struct{ changed, told map[string]bool }

// CheckEvents reads every revision below the root, whoever made it, and checks that each resource that changed has an
// Event in the same revision, that no Event tells of what did not change, and that none has more than 4 KiB. It returns
// the number of changed resources by type. SignIns, Sessions and Events tell of themselves, and a DeletedUser shares
// the Event of its User. An Event of a User may be about its Sessions, that of a Group about its members.
func CheckEvents(t testing.TB, c *clientv3.Client, root string) map[string]int {
	t.Helper()
	changed := map[string]int{}
	all := history(t, c, root)
	for i, revision := range slices.Sorted(maps.Keys(all)) {
		if i == 0 { // the store's first revision makes the organization "default"
			continue
		}
		c := all[revision]
		for key := range c.changed {
			typ, id, _ := strings.Cut(key, " ")
			if typ == "DeletedUser" && c.told["User "+id] {
				continue
			}
			if changed[typ]++; !c.told[key] {
				t.Errorf("revision %d changed %s; its Events tell of %v", revision, key, c.told)
			}
		}
		for key := range c.told {
			typ, _, _ := strings.Cut(key, " ")
			if !c.changed[key] && !slices.Contains([]string{"Session", "SignIn", "Group", "User"}, typ) {
				t.Errorf("revision %d tells of %s, which it did not change", revision, key)
			}
		}
	}
	return changed
}

// eventKeys are the ends of what the keys of Events begin with.
var eventKeys = regexp.MustCompile(`/e(-access|-admin)?/$`)

// maxEvent is how large an Event may be.
const maxEvent = 4096

// history reads what every revision changed.
func history(t testing.TB, c *clientv3.Client, root string) map[int64]*commit {
	t.Helper()
	all := map[int64]*commit{}
	of := func(revision int64) *commit {
		if all[revision] == nil {
			all[revision] = &commit{map[string]bool{}, map[string]bool{}}
		}
		return all[revision]
	}

	// Stores of other tests may have compacted what was before this one.
	format, err := c.Get(t.Context(), root+"/format")
	if err != nil || len(format.Kvs) == 0 {
		t.Fatalf("no store at %s: %v", root, err)
	}
	w := c.Watch(clientv3.WithRequireLeader(t.Context()), root, clientv3.WithPrefix(),
		clientv3.WithRev(format.Kvs[0].CreateRevision), clientv3.WithProgressNotify())
	end := root + "/end"
	if _, err := c.Put(t.Context(), end, ""); err != nil {
		t.Fatal(err)
	}
	for resp := range w {
		if err := resp.Err(); err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.Events {
			key := string(e.Kv.Key)
			if key == end {
				return all
			}
			if _, rest, ok := strings.Cut(key, "/r/"); ok {
				typ, raw, _ := strings.Cut(rest, "/")
				if len(raw) == len(directory.ID{}) && typ != "Session" { // else a random part of the key has these letters
					of(e.Kv.ModRevision).changed[typ+" "+directory.ID([]byte(raw)).String()] = true
				}
				continue
			}
			if e.Type != clientv3.EventTypePut || !eventKeys.MatchString(key[:max(len(key)-16, 0)]) {
				continue
			}
			if about := told(t, e.Kv.Value); about != "" {
				of(e.Kv.ModRevision).told[about] = true
			}
		}
	}
	t.Fatal("the watch ended")
	return nil
}

// told is the resource that a stored Event is about; "" for none.
func told(t testing.TB, value []byte) string {
	t.Helper()
	_, doc, ok := strings.Cut(string(value), "\n")
	var event struct {
		Resource struct{ Type, Value string }
	}
	if !ok || json.Unmarshal([]byte(doc), &event) != nil {
		t.Fatalf("an Event %q", value)
	}
	if len(doc) > maxEvent {
		t.Errorf("an Event of %d bytes: %s", len(doc), doc)
	}
	if event.Resource.Type == "" {
		return ""
	}
	return event.Resource.Type + " " + event.Resource.Value
}
