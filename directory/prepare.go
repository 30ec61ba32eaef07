package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// formatVersion is the version of the data that this program writes and the newest it reads.
const formatVersion = 1

// format is the value of the format key.
type format struct {
	Version   int    `json:"version"`
	SecretKey string `json:"secretKey"` // fingerprint: a store opened with another key fails at once
}

// FormatKey is the key of the data format below the usual root.
const FormatKey = defaultRoot + "/format"

// SecretKeyOf returns the fingerprint of the secret key that data is sealed under, from the value of its format key.
func SecretKeyOf(value []byte) (fingerprint string, err error) {
	var f format
	if err := json.Unmarshal(value, &f); err != nil {
		return "", fmt.Errorf("the key %q does not hold the data format: %w", FormatKey, err)
	}
	return f.SecretKey, nil
}

// Fingerprint tells a secret key from others and nothing about it.
func Fingerprint(secretKey []byte) string { return fingerprint(secretKey, secretKeyText) }

// DefaultOrganization is the name of the organization that the first start creates.
const DefaultOrganization = "default"

// prepare makes an empty store usable and refuses one that this program cannot read. The organization is created
// together with the format, once: deleted later, it stays deleted.
func (s *Store) prepare(ctx context.Context, c *clientv3.Client) error {
	writes, err := s.firstWrites()
	if err != nil {
		return err
	}
	existing, err := store.Initialize(ctx, c, s.keys.Format(), writes)
	if err != nil {
		return err
	}
	if existing == nil {
		s.log.Info("prepared an empty store", "organization", DefaultOrganization)
		return nil
	}
	return s.checkFormat(existing)
}

// checkFormat refuses data that this program cannot read.
func (s *Store) checkFormat(value []byte) error {
	var f format
	if err := json.Unmarshal(value, &f); err != nil {
		return fmt.Errorf("the key %q does not hold the data format: %w", s.keys.Format(), err)
	}
	if f.Version > formatVersion {
		return fmt.Errorf("the data has format %d; this program reads up to format %d: start a newer one",
			f.Version, formatVersion)
	}
	if !s.sealer.knows(f.SecretKey) {
		return fmt.Errorf("the secret key is not the one this data was sealed under (fingerprint %s, given %s): "+
			"give the right key, or after a rotation the old one as a previous key",
			f.SecretKey, s.sealer.fingerprint())
	}
	return nil
}

// firstWrites are the format and the first organization.
func (s *Store) firstWrites() ([]state.Entry, error) {
	f, err := json.Marshal(format{formatVersion, s.sealer.fingerprint()})
	if err != nil {
		return nil, err
	}
	org := state.NewRecord(schema.OrganizationType, NewID(), s.now().Truncate(time.Millisecond))
	org.JSON, err = schema.Organization().Encode(schema.Document{"id": org.ID.String(), "name": DefaultOrganization,
		"displayName": "Default organization", "active": true})
	if err != nil {
		return nil, err
	}
	name, system := schema.Organization().Lookup("name"), s.keys.System()
	active := state.Control{Active: true}
	return []state.Entry{
		state.Put(s.keys.Format(), f),
		state.Put(s.keys.Complete(), nil),
		state.Put(s.keys.Activity(), nil),
		state.Put(system.Control(), active.Encode()),
		state.Put(s.keys.Organization(org.ID).Control(), active.Encode()),
		state.Put(system.Resource(org.Type, org.ID), org.Encode()),
		state.Put(system.Unique(org.Type, name.Path, name.Key(DefaultOrganization)), []byte(org.ID.Raw())),
	}, nil
}
