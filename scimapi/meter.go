package scimapi

import (
	"io"
	"net/http"
)

// meter reads JSON of which only lists may be large: it fails when the bytes outside of them exceed limit. A list is
// free of the limit from a level of nesting on.
type meter struct {
	r     io.Reader
	limit int64
	from  int // lists inside so many objects and lists are free

	outside         int64
	level, list     int // list: the level of the free list we are in; 0: none
	quoted, escaped bool
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	for _, c := range b[:n] {
		if m.list == 0 {
			m.outside++
		}
		m.step(c)
	}
	if m.outside > m.limit {
		return 0,
			fail(http.StatusRequestEntityTooLarge, "",
				"the body without its members is larger than the limit of %d bytes", m.limit)
	}
	return n, err
}

func (m *meter) step(c byte) {
	switch {
	case m.escaped:
		m.escaped = false
	case m.quoted:
		m.escaped, m.quoted = c == '\\', c != '"'
	case c == '"':
		m.quoted = true
	case c == '{' || c == '[':
		m.level++
		if c == '[' && m.list == 0 && m.level > m.from {
			m.list = m.level
		}
	case c == '}' || c == ']':
		if m.level == m.list {
			m.list = 0
		}
		m.level--
	}
}
