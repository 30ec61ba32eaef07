// Package schema has the SCIM schemas (RFC 7643) of the directory, compiled into what validation, filtering, patching
// and projection need.
//
// Schemas are written in the JSON form of RFC 7643 §7 (schemas/*.json, and the definitions that organizations create),
// read as elimity's schema types and compiled once. A ResourceType joins a schema with its extensions. It parses
// request bodies into a Document ([ResourceType.Parse]), checks and completes it ([ResourceType.Check],
// [ResourceType.Carry]), and writes and reads the canonical JSON that is stored ([ResourceType.Encode],
// [ResourceType.Decode]).
//
// Everything compiled is immutable and safe for concurrent use. The package does no I/O.
package schema
