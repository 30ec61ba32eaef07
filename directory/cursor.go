package directory

import "encoding/base64"

// SealCursor makes an opaque text of unreserved URI characters that only the same actor in the same scope can open
// again, on any node.
func (d *Directory) SealCursor(s *Snapshot, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(d.store.sealer.seal(d.cursorContext(s), payload))
}

// OpenCursor opens what SealCursor made; ok is false for anything else, a text that was changed or was made for another
// actor.
func (d *Directory) OpenCursor(s *Snapshot, text string) (payload []byte, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, false
	}
	payload, _, err = d.store.sealer.open(d.cursorContext(s), sealed)
	return payload, err == nil
}

func (d *Directory) cursorContext(s *Snapshot) string {
	return "cursor\x00" + s.id.Path() + "\x00" + d.actor.Type + "\x00" + d.actor.ID
}
