package heal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// cluster is what a client sees of three members, of which the second is the leader. It notes what is asked of them.
type cluster struct {
	clientv3.KV
	clientv3.Cluster
	clientv3.Maintenance
	silent map[string]bool  // endpoints that do not answer
	sizes  map[string]int64 // of the files after defragmentation; of a quota of 100
	alarms []*etcdserverpb.AlarmMember
	did    []string
}

const leader = 2

var corrupt = &etcdserverpb.AlarmMember{MemberID: 3, Alarm: etcdserverpb.AlarmType_CORRUPT}

func noSpace(member uint64) *etcdserverpb.AlarmMember {
	return &etcdserverpb.AlarmMember{MemberID: member, Alarm: etcdserverpb.AlarmType_NOSPACE}
}

func (c *cluster) Get(context.Context, string, ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return &clientv3.GetResponse{Header: &etcdserverpb.ResponseHeader{Revision: 77}}, nil
}

func (c *cluster) Compact(_ context.Context, rev int64, _ ...clientv3.CompactOption) (
	*clientv3.CompactResponse, error) {
	c.did = append(c.did, fmt.Sprint("compact ", rev))
	return nil, nil
}

func (c *cluster) MemberList(context.Context, ...clientv3.OpOption) (*clientv3.MemberListResponse, error) {
	resp := &clientv3.MemberListResponse{}
	for id := range uint64(3) {
		resp.Members = append(resp.Members, &etcdserverpb.Member{ID: id + 1, Name: fmt.Sprint("m", id+1),
			ClientURLs: []string{fmt.Sprint("http://", id+1)}})
	}
	return resp, nil
}

func (c *cluster) Status(_ context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	if c.silent[endpoint] {
		return nil, errors.New("no answer")
	}
	var id uint64
	fmt.Sscanf(endpoint, "http://%d", &id)
	size := int64(100)
	if slices.Contains(c.did, "defragment "+endpoint) {
		size = c.sizes[endpoint]
	}
	return &clientv3.StatusResponse{Header: &etcdserverpb.ResponseHeader{MemberId: id}, Leader: leader,
		DbSize: size, DbSizeQuota: 100}, nil
}

func (c *cluster) Defragment(_ context.Context, endpoint string) (*clientv3.DefragmentResponse, error) {
	c.did = append(c.did, "defragment "+endpoint)
	return nil, nil
}

func (c *cluster) AlarmList(context.Context) (*clientv3.AlarmResponse, error) {
	return &clientv3.AlarmResponse{Alarms: slices.Clone(c.alarms)}, nil
}

func (c *cluster) AlarmDisarm(_ context.Context, a *clientv3.AlarmMember) (*clientv3.AlarmResponse, error) {
	c.did = append(c.did, fmt.Sprintf("disarm %d", a.MemberID))
	return nil, nil
}

func TestEtcd(t *testing.T) {
	const compacted, one, two, three = "compact 77", "defragment http://1", "defragment http://2", "defragment http://3"
	only, first := Options{Endpoints: []string{"http://3"}}, Options{Endpoints: []string{"http://1"}}
	raised := []*etcdserverpb.AlarmMember{noSpace(1)}
	for _, c := range []struct {
		name    string
		cluster cluster
		options Options
		want    []string // what is done
		says    string   // the error
	}{
		{"the leader comes last", cluster{}, Options{Endpoints: []string{"http://2", "http://1", "http://3"}},
			[]string{compacted, one, three, two}, ""},
		{"one endpoint leads to the others", cluster{}, only,
			[]string{compacted, one, three, two}, ""},
		{"alarms are disarmed, but not others", cluster{alarms: append(raised, corrupt, noSpace(2))}, first,
			[]string{compacted, one, three, two, "disarm 1", "disarm 2"}, ""},
		{"still full", cluster{alarms: raised, sizes: map[string]int64{"http://3": 90}}, first,
			[]string{compacted, one, three, two}, "takes too much of the quota"},
		{"just room enough", cluster{alarms: raised, sizes: map[string]int64{"http://3": 89}}, first,
			[]string{compacted, one, three, two, "disarm 1"}, ""},
		{"a silent member", cluster{silent: map[string]bool{"http://3": true}}, first,
			nil, "of 3 members 1 do not answer, and nothing was done: m3 (http://3): no answer"},
		{"a silent member is left out", cluster{silent: map[string]bool{"http://3": true}},
			Options{Endpoints: []string{"http://1"}, Partial: true}, []string{compacted, one, two}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := clientv3.NewCtxClient(t.Context())
			cl.KV, cl.Cluster, cl.Maintenance = &c.cluster, &c.cluster, &c.cluster
			err := Etcd(t.Context(), cl, c.options)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if !slices.Equal(c.cluster.did, c.want) {
				t.Errorf("did %v, want %v", c.cluster.did, c.want)
			}
		})
	}
}
