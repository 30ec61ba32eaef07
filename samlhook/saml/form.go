package saml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
)

// formReader takes a form apart as it arrives. What is ours is unescaped and decoded on the way; everything else is
// passed over, and what cannot become a message ends the reading at once.
type formReader struct {
	in    io.Reader
	buf   [16 << 10]byte
	rest  []byte // of buf, yet to be looked at
	ended bool

	message []byte // decoded so far
	pending []byte // base64 digits that do not make up a group of four yet
	padded  bool   // the base64 has ended
	started bool   // a character that is not white space was decoded
	relay   []byte
	seen    map[string]int // parameters that SAML defines
}

// maxRelayState bounds a RelayState, in bytes as escaped. Bindings §3.5.3 allows 80.
const maxRelayState = 4096

// fill reads more of the form; io.EOF at its end.
func (f *formReader) fill() error {
	for len(f.rest) == 0 {
		if f.ended {
			return io.EOF
		}
		n, err := f.in.Read(f.buf[:])
		f.rest = f.buf[:n]
		if errors.Is(err, io.EOF) {
			f.ended = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// until hands on what comes before the next of the delimiters, piece by piece, and takes the delimiter, which is 0 at
// the end of the form.
func (f *formReader) until(delimiters string, take func([]byte) error) (byte, error) {
	for {
		if err := f.fill(); errors.Is(err, io.EOF) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		end := len(f.rest)
		for i := range len(delimiters) {
			if at := bytes.IndexByte(f.rest[:end], delimiters[i]); at >= 0 {
				end = at
			}
		}
		piece, found := f.rest[:end], end < len(f.rest)
		var delimiter byte
		if f.rest = f.rest[end:]; found {
			delimiter, f.rest = f.rest[0], f.rest[1:]
		}
		if err := take(piece); err != nil {
			return 0, err
		}
		if found {
			return delimiter, nil
		}
	}
}

// read reads the whole form. Its error is a *Refusal, or that of the connection.
func (f *formReader) read() error {
	for count := 0; ; count++ {
		if err := f.fill(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if count == MaxParameters {
			return Refuse(ReasonTooLarge, Say("too_large.parameters", "limit", MaxParameters))
		}
		var raw []byte
		delimiter, err := f.until("=&", func(piece []byte) error {
			if len(raw) <= maxParameterName { // a longer one is not ours
				raw = append(raw, piece...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := f.value(parameterName(raw), delimiter); err != nil {
			return err
		}
	}
}

// parameterName is the name of a parameter that SAML defines; empty for any other.
func parameterName(raw []byte) string {
	if len(raw) > maxParameterName {
		return ""
	}
	var u unescaper
	name, err := u.append(nil, raw)
	if s := string(name); err == nil && u.done() && (s == "SAMLResponse" || s == "RelayState" || s == "SAMLart") {
		return s
	}
	return ""
}

// value reads the value of a parameter, if the delimiter behind its name begins one.
func (f *formReader) value(name string, delimiter byte) error {
	if name != "" {
		if f.seen[name]++; name == "SAMLart" {
			return artifact()
		} else if f.seen[name] > 1 {
			return Refuse(ReasonSeveralResponses)
		}
	}
	if delimiter != '=' {
		return nil
	}
	var u unescaper
	take := func([]byte) error { return nil }
	switch name {
	case "SAMLResponse":
		var text []byte
		take = func(piece []byte) (err error) {
			if text, err = u.append(text[:0], piece); err != nil {
				return badEscape(name)
			}
			return f.decode(text)
		}
	case "RelayState":
		take = func(piece []byte) (err error) {
			if f.relay, err = u.append(f.relay, piece); err != nil {
				return badEscape(name)
			}
			if len(f.relay) > maxRelayState {
				return Refuse(ReasonTooLarge, Say("too_large.relayState", "limit", maxRelayState))
			}
			return nil
		}
	}
	if _, err := f.until("&", take); err != nil {
		return err
	}
	if !u.done() {
		return badEscape(name)
	}
	if name == "SAMLResponse" && len(f.pending) > 0 {
		return notBase64()
	}
	return nil
}

func badEscape(name string) *Refusal {
	return Refuse(ReasonNotBase64, Say("not_base64.percent", "parameter", name))
}

func notBase64() *Refusal { return Refuse(ReasonNotBase64) }

// decode decodes base64, with white space anywhere. A message begins with <.
func (f *formReader) decode(text []byte) error {
	if bytes.ContainsAny(text, " \t\r\n") {
		text = bytes.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n", r) {
				return -1
			}
			return r
		}, text)
	}
	if len(f.pending) > 0 {
		need := min(4-len(f.pending), len(text))
		f.pending, text = append(f.pending, text[:need]...), text[need:]
		if len(f.pending) < 4 {
			return nil
		}
		group := f.pending
		f.pending = f.pending[:0]
		if err := f.decodeGroups(group); err != nil {
			return err
		}
	}
	whole := len(text) / 4 * 4
	if err := f.decodeGroups(text[:whole]); err != nil {
		return err
	}
	f.pending = append(f.pending, text[whole:]...)
	return nil
}

// decodeGroups decodes whole groups of four digits.
func (f *formReader) decodeGroups(groups []byte) error {
	if len(groups) == 0 {
		return nil
	}
	if f.padded {
		return notBase64()
	}
	f.padded = groups[len(groups)-1] == '='
	from := len(f.message)
	var err error
	if f.message, err = base64.StdEncoding.AppendDecode(f.message, groups); err != nil {
		return notBase64()
	}
	if !f.started {
		head := bytes.TrimLeft(bytes.TrimPrefix(f.message[from:], []byte("\xef\xbb\xbf")), " \t\r\n")
		if f.started = len(head) > 0; f.started && head[0] != '<' {
			return Refuse(ReasonMalformed, Say("malformed_xml.start"))
		}
	}
	return nil
}

// unescaper undoes percent-encoding piece by piece (application/x-www-form-urlencoded: + is a space).
type unescaper struct{ open []byte } // of an escape that the last piece did not end

var errEscape = errors.New("a bad escape")

// append appends the unescaped piece.
func (u *unescaper) append(to, piece []byte) ([]byte, error) {
	for len(piece) > 0 {
		if len(u.open) > 0 {
			need := min(3-len(u.open), len(piece))
			u.open, piece = append(u.open, piece[:need]...), piece[need:]
			if len(u.open) < 3 {
				return to, nil
			}
			high, low := hexDigit(u.open[1]), hexDigit(u.open[2])
			if u.open = u.open[:0]; high < 0 || low < 0 {
				return to, errEscape
			}
			to = append(to, byte(high<<4|low))
			continue
		}
		end := bytes.IndexByte(piece, '%')
		if end < 0 {
			end = len(piece)
		}
		from := len(to)
		to = append(to, piece[:end]...)
		for i := from; i < len(to); i++ {
			at := bytes.IndexByte(to[i:], '+')
			if at < 0 {
				break
			}
			i += at
			to[i] = ' '
		}
		if piece = piece[end:]; len(piece) > 0 {
			u.open, piece = append(u.open, '%'), piece[1:]
		}
	}
	return to, nil
}

// done reports whether the last escape is complete.
func (u *unescaper) done() bool { return len(u.open) == 0 }

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}
