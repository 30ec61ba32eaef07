package scimapi

import (
	"compress/gzip"
	"io"
	"net/http"

	"rollcall/internal/fair"
)

// chunk is the size from which what a stream holds is written, and up to which its buffer is used again.
const (
	chunk     = 64 << 10
	keptChunk = 4 * chunk
)

// stream writes a reply of many parts as they are made: a client that reads slowly holds a chunk and no turn. A reply
// that fits into a chunk has a Content-Length.
type stream struct {
	x        *exchange
	work     *fair.Task // of the request; ended by close
	compress bool       // if the client accepts that
	body     []byte     // is not written yet

	kept  *[]byte // the buffer from the pool
	begun bool
	z     *gzip.Writer // nil: not compressed
}

func (x *exchange) newStream(compress bool) *stream {
	kept, _ := x.buffers.Get().(*[]byte)
	if kept == nil {
		kept = new([]byte)
	}
	return &stream{x: x, work: x.dir.Work(), compress: compress, kept: kept, body: (*kept)[:0]}
}

// next is called after each part; from is where the part begins in body. Errors: that of the context, and of the
// connection.
func (s *stream) next(from int) error {
	if err := s.work.Spend(s.x.r.Context(), renderingWork(len(s.body)-from)); err != nil {
		return err
	}
	if len(s.body) < chunk {
		return nil
	}
	return s.flush()
}

// renderingWork is how many units of work it is to render as many bytes.
func renderingWork(bytes int) int { return 1 + bytes>>9 }

// flush writes what there is.
func (s *stream) flush() error {
	s.work.End() // nobody waits for a client that reads slowly
	if !s.begun {
		s.begin()
	}
	var w io.Writer = s.x.w
	if s.z != nil {
		w = s.z
	}
	_, err := w.Write(s.body)
	s.body = s.body[:0]
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
			s.z = s.x.compressor(s.x.w)
		}
	}
	s.x.w.WriteHeader(http.StatusOK)
}

// end writes the rest.
func (s *stream) end() error {
	if !s.begun {
		if s.compress {
			s.x.writeList(s.body)
		} else {
			s.x.send(http.StatusOK, s.body)
		}
		return nil
	}
	err := s.flush()
	if s.z != nil && err == nil {
		err = s.z.Close()
	}
	if err == nil {
		s.x.streams = false
	}
	return err
}

// close gives back what the stream uses. It is called whether the reply was written or not.
func (s *stream) close() {
	s.work.End()
	if s.z != nil {
		s.x.gzip.Put(s.z)
	}
	if cap(s.body) <= keptChunk {
		*s.kept = s.body
		s.x.buffers.Put(s.kept)
	}
}
