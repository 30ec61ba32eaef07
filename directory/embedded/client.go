package embedded

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// newClient is v3client's in-process client with a Defragment that works.
func newClient(server *etcdserver.EtcdServer) *clientv3.Client {
	c := v3client.New(server)
	c.Maintenance = maintenance{c.Maintenance, server}
	return c
}

// maintenance defragments by the server itself. v3client makes its maintenance server without a health notifier, which
// Defragment, and nothing else, dereferences.
type maintenance struct {
	clientv3.Maintenance
	server *etcdserver.EtcdServer
}

// Defragment writes etcd's file anew without its free pages; endpoint means nothing in-process. It is what etcd's
// maintenance server calls too: it holds the server's lock on its backend, which keeps a snapshot from taking the
// backend's place meanwhile (Backend().Defrag() alone would not), then the backend's on transactions, the file and
// reads. Whoever reads or writes waits until it is over. Once begun it cannot be interrupted. If the copy fails, the
// file stays as it was.
func (m maintenance) Defragment(ctx context.Context, _ string) (*clientv3.DefragmentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := m.server.Defragment(); err != nil {
		return nil, err
	}
	return &clientv3.DefragmentResponse{}, nil
}
