package scimapi

import (
	"io"
	"net/http"
)

// meter reads JSON in which only lists may be large: it fails once the bytes outside of lists exceed the limit. Lists
// count as such from a level of nesting on.
type meter struct {
	r     io.Reader
	limit int64
	from  int // a list inside this many objects and lists is free of the limit

	outside         int64
	level           int
	list            int // the level of the free list that the reader is in; 0: none
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
		return 0, tooLargeWithoutMembers(m.limit)
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

func tooLargeWithoutMembers(limit int64) error {
	return fail(http.StatusRequestEntityTooLarge, "",
		"the body, not counting members, is larger than the limit of %d bytes",
		limit)
}
