package main

import (
	"context"
	"errors"
	"fmt"

	"rollcall/directory/heal"
)

// EtcdHeal is `rollcall etcd heal`.
type EtcdHeal struct {
	Etcd    Etcd `embed:"" prefix:"etcd-"`
	Partial bool `env:"-" help:"Go on without the members that do not answer."`
}

// Run gives an etcd cluster that ran out of its quota its room back, and prints what it did. It may be repeated.
func (c *EtcdHeal) Run(ctx context.Context, s Streams) error {
	if len(c.Etcd.Endpoints) == 0 {
		return errors.New("--etcd-endpoints is required; an embedded etcd heals itself")
	}
	if err := c.Etcd.check(); err != nil {
		return err
	}
	etcd, err := c.Etcd.connect()
	if err != nil {
		return err
	}
	defer etcd.close()
	if err := etcd.ping(ctx); err != nil {
		return err
	}
	return heal.Etcd(ctx, etcd.client, heal.Options{
		Endpoints: c.Etcd.Endpoints, Partial: c.Partial,
		Tell: func(step string) { fmt.Fprintln(s.Out, step) },
	})
}
