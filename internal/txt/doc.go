// Package txt looks up DNS TXT records, at the host's resolver and at the authoritative name servers of a zone: a
// record that was just made is at the latter before the former has it.
package txt
