package scimapi

import (
	"bytes"
	"compress/gzip"

	"rollcall/directory"
)

// chunk is the size from which a stream is written; keptChunk is the size up to which its buffer is used again.
const (
	chunk     = 64 << 10
	keptChunk = 4 * chunk
)

// stream is a reply that is written while its parts are rendered, so a client that reads slowly keeps a chunk in memory
// and no turn. A reply that fits into a chunk has a Content-Length.
type stream struct {
	x        *exchange
	status   int
	compress bool   // if the client accepts that
	whole    bool   // nothing is written: all of it is needed in memory
	reserved bool   // what documents take was paid before
	body     []byte // is not written yet

	kept   *[]byte // the buffer from the pool
	begun  bool
	z      *gzip.Writer // into packed; nil: not compressed
	packed bytes.Buffer

	paced, pacedOf *directory.Snapshot
	steps          int   // of rendering that are not owed yet
	err            error // why a walk ended early
}

func (x *exchange) newStream(status int, compress bool) *stream {
	kept, _ := x.buffers.Get().(*[]byte)
	if kept == nil {
		kept = new([]byte)
	}
	return &stream{x: x, status: status, compress: compress, kept: kept, body: (*kept)[:0]}
}

// pace returns the snapshot with walks that wait for the reply's turns. Whoever uses it looks at s.err afterwards.
func (s *stream) pace(of *directory.Snapshot) *directory.Snapshot {
	if s.pacedOf != of {
		s.pacedOf, s.paced = of, s.x.pace(of, &s.err)
	}
	return s.paced
}

// document is next before a stored document of so many bytes is rendered.
func (s *stream) document(bytes int) error {
	if s.reserved {
		if err := s.x.spend(renderingWork(bytes)); err != nil {
			return err
		}
		return s.drain()
	}
	return s.next(renderingWork(bytes))
}

// next is called between parts; units is the work of one that follows or was not counted yet. It returns errors of the
// context and of the connection.
func (s *stream) next(units int) error {
	if err := s.x.owe(units); err != nil {
		return err
	}
	return s.drain()
}

// drain writes what there is once that is a chunk.
func (s *stream) drain() error {
	if len(s.body) < chunk || s.whole {
		return nil
	}
	return s.flush()
}

// renderingWork returns the units of work that rendering so many bytes takes.
func renderingWork(bytes int) int { return 1 + bytes>>10 }

// compressionWork returns the units of work that compressing so many bytes takes.
func compressionWork(bytes int) int { return bytes >> 7 }

// flush writes what is in the buffer.
func (s *stream) flush() error {
	if !s.begun {
		s.begin()
	}
	body := s.body
	if s.z != nil {
		if err := s.x.owe(compressionWork(len(s.body))); err != nil {
			return err
		}
		_, _ = s.z.Write(s.body) // a Buffer never fails
		body = s.packed.Bytes()
	}
	s.x.pause() // others do not wait for a client that reads slowly
	_, err := s.x.w.Write(body)
	s.body = s.body[:0]
	s.packed.Reset()
	return err
}

func (s *stream) begin() {
	s.begun, s.x.streams = true, true
	s.x.release()
	h := s.x.w.Header()
	s.x.set("Content-Type", accepts(s.x.r.Header["Accept"]))
	if s.compress {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(s.x.r.Header["Accept-Encoding"]) {
			h.Set("Content-Encoding", "gzip")
			s.z = s.x.compressor(&s.packed)
		}
	}
	s.x.w.WriteHeader(s.status)
}

// end writes the rest.
func (s *stream) end() error {
	switch {
	case !s.begun && s.compress:
		if err := s.x.owe(compressionWork(len(s.body))); err != nil {
			return err
		}
		s.x.writeList(s.body)
		return nil
	case !s.begun:
		s.x.send(s.status, s.body)
		return nil
	}
	err := s.flush()
	if s.z != nil && err == nil {
		_ = s.z.Close() // a Buffer never fails
		_, err = s.x.w.Write(s.packed.Bytes())
	}
	if err == nil {
		s.x.streams = false
	}
	return err
}

// close releases what the stream uses. It must be called whether the reply was written or not.
func (s *stream) close() {
	s.x.pause()
	if s.z != nil {
		s.x.gzip.Put(s.z)
	}
	if cap(s.body) <= keptChunk {
		*s.kept = s.body
		s.x.buffers.Put(s.kept)
	}
}
