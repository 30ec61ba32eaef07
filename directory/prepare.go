package directory

import (
	"context"
	"encoding/json"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/schema"
)

// formatVersion is the version of the data that this program writes and the newest it reads.
const formatVersion = 1

// format is the value of the format key.
type format struct {
	Version   int    `json:"version"`
	SecretKey string `json:"secretKey"` // fingerprint: a store opened with another key fails at once
}

// DefaultOrganization is the name of the organization that the first start makes.
const DefaultOrganization = "default"

// prepare makes an empty store usable and refuses one that this program cannot read. The organization is made together
// with the format, once: deleted later, it stays deleted. The format is read first, because an etcd without space refuses
// every transaction that holds a put, even in the branch not taken.
func (s *Store) prepare(ctx context.Context) error {
	key := s.keys.format()
	stored, err := s.value(ctx, key)
	if err == nil && stored == "" {
		stored, err = s.makeFirst(ctx)
	}
	if err != nil || stored == "" {
		return err
	}
	var f format
	if err := json.Unmarshal([]byte(stored), &f); err != nil {
		return fmt.Errorf("the key %q does not hold the data format: %w", key, err)
	}
	if f.Version > formatVersion {
		return fmt.Errorf("the data has format %d; this program reads up to format %d: start a newer one", f.Version, formatVersion)
	}
	if !s.sealer.knows(f.SecretKey) {
		return fmt.Errorf("the secret key is not the one this data was sealed under (fingerprint %s, given %s): "+
			"give the right key, or after a rotation the old one as a previous key", f.SecretKey, s.sealer.fingerprint())
	}
	return nil
}

// makeFirst makes an empty store usable. It returns "", or the format where another node was faster.
func (s *Store) makeFirst(ctx context.Context) (string, error) {
	writes, err := s.firstWrites()
	if err != nil {
		return "", err
	}
	var ops []clientv3.Op
	for _, w := range writes {
		ops = append(ops, clientv3.OpPut(w.key, string(w.value)))
	}
	key := s.keys.format()
	resp, err := s.client.Txn(ctx).If(absent(key).compare()).Then(ops...).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return "", unavailable(err)
	}
	if !resp.Succeeded {
		return string(resp.Responses[0].GetResponseRange().Kvs[0].Value), nil
	}
	s.log.Info("prepared an empty store", "organization", DefaultOrganization)
	return "", nil
}

func (s *Store) firstWrites() ([]entry, error) {
	f, err := json.Marshal(format{formatVersion, s.sealer.fingerprint()})
	if err != nil {
		return nil, err
	}
	now := s.now().Truncate(1e6)
	org := &record{Resource: Resource{Type: organizationType, ID: NewID(), Created: now, LastModified: now}}
	org.JSON, err = schema.Organization().Encode(schema.Document{"id": org.ID.String(), "name": DefaultOrganization,
		"displayName": "Default organization", "active": true})
	if err != nil {
		return nil, err
	}
	a := schema.Organization().Lookup("name")
	sys := s.keys.system()
	active := control{Active: true}
	return []entry{
		{key: s.keys.format(), value: f},
		{key: sys.scope(), value: active.encode()},
		{key: s.keys.org(org.ID).scope(), value: active.encode()},
		{key: sys.resource(organizationType, org.ID), value: org.encode()},
		{key: sys.unique(organizationType, a.Path, a.Key(DefaultOrganization)), value: []byte(org.ID.raw())},
	}, nil
}
