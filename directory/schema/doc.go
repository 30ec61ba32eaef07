// Package schema holds the SCIM schemas (RFC 7643) of the directory, compiled
// into what validation, filtering, patching and projection need.
//
// Schemas are written in the JSON form of RFC 7643 §7 (schemas/*.json, and what
// administrators register at run time), read as elimity's schema types and
// compiled once. A ResourceType joins a schema with its extensions; it turns
// request bodies into a Document ([ResourceType.Parse]), judges the whole
// ([ResourceType.Check], [ResourceType.Carry]) and writes and reads the canonical
// JSON that is stored ([ResourceType.Encode], [ResourceType.Decode]).
//
// Everything compiled is immutable and safe for concurrent use. The package
// does no I/O.
package schema
