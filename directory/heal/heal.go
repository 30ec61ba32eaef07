// Package heal gives an etcd that ran out of its quota its room back.
package heal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Below is the share of its quota that a member's file may take for the alarm to be disarmed: above, the first writes
// would raise it again.
const Below = 0.9

// answerTimeout bounds how long a member may take to tell its status.
const answerTimeout = 5 * time.Second

// ErrStillFull says that all was done and the data still takes more than Below of the quota.
var ErrStillFull = errors.New("the data itself takes too much of the quota: delete what is not needed, or raise the " +
	"quota of every member, and heal again")

// Options of Etcd.
type Options struct {
	Endpoints []string     // of the members; the client's unless given
	Partial   bool         // go on without the members that do not answer
	Tell      func(string) // is told what was done, step by step; may be nil
}

// member is one member of the cluster and what it said of itself.
type member struct {
	name, endpoint string
	id             uint64
	status         *clientv3.StatusResponse
}

// Etcd compacts the history, which frees pages inside the members' files; defragments the members one after the other,
// the leader last, which shrinks the files; and disarms the NOSPACE alarm. It may be called at any time and any number
// of times. While a member is defragmented it answers nobody.
//
// Errors: a member does not answer (not with Partial); ErrStillFull, with the alarm as it was; etcd's own.
func Etcd(ctx context.Context, c *clientv3.Client, o Options) error {
	tell := o.Tell
	if tell == nil {
		tell = func(string) {}
	}
	members, err := reach(ctx, c, o, tell)
	if err != nil {
		return err
	}
	revision, err := Compact(ctx, c)
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	tell(fmt.Sprintf("compacted the history before revision %d", revision))
	for i := range members {
		if err := members[i].defragment(ctx, c, tell); err != nil {
			return err
		}
	}
	return disarm(ctx, c, members, tell)
}

// Compact forgets the history before etcd's revision, which it returns; it waits until that is done.
func Compact(ctx context.Context, c *clientv3.Client) (int64, error) {
	resp, err := c.Get(ctx, "\x00", clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	_, err = c.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical())
	if errors.Is(rpctypes.Error(err), rpctypes.ErrCompacted) {
		err = nil // already
	}
	return resp.Header.Revision, err
}

// reach asks every member of the cluster for its status: at the given endpoints, and those that are not among them at
// the addresses that the cluster has of them. The leader comes last.
func reach(ctx context.Context, c *clientv3.Client, o Options, tell func(string)) ([]member, error) {
	list, err := c.MemberList(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the members: %w", err)
	}
	endpoints := o.Endpoints
	if len(endpoints) == 0 {
		endpoints = c.Endpoints()
	}
	if len(endpoints) == 0 {
		endpoints = []string{""} // in-process
	}
	var at []member
	failed := map[string]error{}
	for _, e := range endpoints {
		status, err := ask(ctx, c, e)
		if err != nil {
			failed[e] = err
			continue
		}
		at = append(at, member{endpoint: e, id: status.Header.MemberId, status: status})
	}

	var members []member
	var silent []string
	for _, m := range list.Members {
		i := slices.IndexFunc(at, func(a member) bool { return a.id == m.ID })
		if i >= 0 {
			at[i].name = m.Name
			members = append(members, at[i])
			continue
		}
		found, err := askAny(ctx, c, m, failed)
		if err != nil {
			silent = append(silent, fmt.Sprintf("%s (%s): %v", m.Name, strings.Join(m.ClientURLs, ", "), err))
			continue
		}
		members = append(members, found)
	}
	if len(silent) > 0 && !o.Partial {
		return nil, fmt.Errorf("of %d members %d do not answer, and nothing was done: %s",
			len(list.Members), len(silent), strings.Join(silent, "; "))
	}
	for _, s := range silent {
		tell("does not answer and is left out: " + s)
	}
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.leads(), b.leads()) })
	return members, nil
}

// leads is 1 for the leader.
func (m *member) leads() int {
	if m.status.Leader == m.id {
		return 1
	}
	return 0
}

func ask(ctx context.Context, c *clientv3.Client, endpoint string) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.Status(ctx, endpoint)
}

// askAny asks a member at the addresses that it advertises, but not at one that has failed already.
func askAny(ctx context.Context, c *clientv3.Client, m *etcdserverpb.Member, failed map[string]error) (member, error) {
	err := errors.New("it advertises no address")
	for _, url := range m.ClientURLs {
		known, was := failed[url]
		if was {
			err = known
			continue
		}
		status, asked := ask(ctx, c, url)
		if asked == nil && status.Header.MemberId == m.ID {
			return member{name: m.Name, endpoint: url, id: m.ID, status: status}, nil
		}
		if err = asked; err == nil {
			err = errors.New("another member answers there")
		}
	}
	return member{}, err
}

// defragment shrinks a member's file and looks at it again.
func (m *member) defragment(ctx context.Context, c *clientv3.Client, tell func(string)) error {
	before := m.status.DbSize
	if _, err := c.Defragment(ctx, m.endpoint); err != nil {
		return fmt.Errorf("defragment %s: %w", m.name, err)
	}
	status, err := ask(ctx, c, m.endpoint)
	if err != nil {
		return fmt.Errorf("the size of %s: %w", m.name, err)
	}
	m.status = status
	tell(fmt.Sprintf("defragmented %s: %s before, %s now, of %s", m.name, size(before), size(status.DbSize),
		size(status.DbSizeQuota)))
	return nil
}

// disarm ends the NOSPACE alarm where there is room again. Other alarms are left alone.
func disarm(ctx context.Context, c *clientv3.Client, members []member, tell func(string)) error {
	alarms, err := c.AlarmList(ctx)
	if err != nil {
		return fmt.Errorf("list the alarms: %w", err)
	}
	alarms.Alarms = slices.DeleteFunc(alarms.Alarms, func(a *etcdserverpb.AlarmMember) bool {
		return a.Alarm != etcdserverpb.AlarmType_NOSPACE
	})
	if len(alarms.Alarms) == 0 {
		tell("no NOSPACE alarm is raised")
		return nil
	}
	for _, m := range members {
		if q := m.status.DbSizeQuota; q > 0 && float64(m.status.DbSize) >= Below*float64(q) {
			return fmt.Errorf("%w (%s: %s of %s)", ErrStillFull, m.name, size(m.status.DbSize), size(q))
		}
	}
	for _, a := range alarms.Alarms {
		if _, err := c.AlarmDisarm(ctx, (*clientv3.AlarmMember)(a)); err != nil {
			return fmt.Errorf("disarm: %w", err)
		}
	}
	tell("disarmed the NOSPACE alarm: etcd accepts writes again")
	return nil
}

// size is a number of bytes for people.
func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
