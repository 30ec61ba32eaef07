package saml

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
)

const (
	// DefaultBodyBytes caps the body of a POST to the ACS: 3,000 groups with typed values are nearly 1 MB in base64.
	DefaultBodyBytes = 2 << 20

	// MaxParameters is how many form parameters a response may come with; identity providers send two.
	MaxParameters = 16

	// maxParameterName is the length above which a parameter cannot be one of ours.
	maxParameterName = 64
)

const formType = "application/x-www-form-urlencoded"

// Post is what came over the HTTP-POST binding (SAML Bindings §3.5).
type Post struct {
	Message    []byte // the decoded SAMLResponse
	RelayState string
}

// ReadPost reads a message from a request to the ACS, and no further than it can be one. limit caps the body in bytes;
// zero means DefaultBodyBytes. The error is a *Refusal, or that of the connection if the body could not be read.
func ReadPost(r *http.Request, limit int64) (Post, error) {
	if limit <= 0 {
		limit = DefaultBodyBytes
	}
	if refusal := checkBinding(r); refusal != nil {
		return Post{}, refusal
	}
	tooLarge := Refuse(ReasonTooLarge, Say("too_large.form", "limit", limit))
	if r.ContentLength > limit {
		return Post{}, tooLarge
	}
	form := formReader{in: http.MaxBytesReader(nil, r.Body, limit), seen: map[string]int{}}
	err := form.read()
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return Post{}, tooLarge
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return Post{}, refusal
	}
	switch {
	case err != nil:
		return Post{}, fmt.Errorf("read the posted form: %w", err)
	case len(form.message) == 0:
		return Post{}, Refuse(ReasonNoResponse)
	}
	return Post{Message: form.message, RelayState: string(form.relay)}, nil
}

// checkBinding refuses what is not HTTP-POST.
func checkBinding(r *http.Request) *Refusal {
	query := r.URL.Query()
	switch {
	case query.Has("SAMLart"):
		return artifact()
	case r.Method != http.MethodPost:
		return Refuse(ReasonNotPost)
	case query.Has("SAMLResponse"):
		return Refuse(ReasonNotPost, Say("not_post.url"))
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != formType {
		return Refuse(ReasonNoResponse, Say("no_response.form", "type", formType))
	}
	return nil
}

func artifact() *Refusal {
	return Refuse(ReasonArtifact)
}
