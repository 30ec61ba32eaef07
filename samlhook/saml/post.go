package saml

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// DefaultBodyBytes caps the body of a POST to the ACS: 3,000 groups with typed
// values are nearly 1 MB in base64.
const DefaultBodyBytes = 2 << 20

// MaxParameters is how many form parameters a response may come with; identity
// providers send two.
const MaxParameters = 16

// Post is what came over the HTTP-POST binding (SAML Bindings §3.5).
type Post struct {
	Message    []byte // the decoded SAMLResponse
	RelayState string
}

// ReadPost reads a message from a request to the ACS. limit caps the body in
// bytes; zero means DefaultBodyBytes. The error is a *Refusal, or an error of the
// connection when the body could not be read.
func ReadPost(r *http.Request, limit int64) (Post, error) {
	if limit <= 0 {
		limit = DefaultBodyBytes
	}
	query := r.URL.Query()
	switch {
	case query.Has("SAMLart"):
		return Post{}, Refuse(ReasonArtifact, "The identity provider used the artifact binding; set it to HTTP-POST.")
	case r.Method != http.MethodPost:
		return Post{}, Refuse(ReasonNotPost, "Responses are accepted by POST only; set the identity provider to the HTTP-POST binding.")
	case query.Has("SAMLResponse"):
		return Post{}, Refuse(ReasonNotPost, "The response came in the URL instead of the body; set the identity provider to the HTTP-POST binding.")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return Post{}, Refuse(ReasonNoResponse, "The body is not an HTML form (application/x-www-form-urlencoded).")
	}
	tooLarge := Refuse(ReasonTooLarge, fmt.Sprintf("The posted form is larger than %d bytes.", limit))
	if r.ContentLength > limit {
		return Post{}, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if err != nil {
		if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
			return Post{}, tooLarge
		}
		return Post{}, fmt.Errorf("read the posted form: %w", err)
	}
	return parsePost(string(body))
}

// parsePost takes a form apart. Not url.ParseQuery, which would unescape and keep
// every parameter of a form made to be expensive.
func parsePost(body string) (Post, error) {
	var response string
	var post Post
	seen := map[string]int{}
	for count := 0; body != ""; count++ {
		if count == MaxParameters {
			return Post{}, Refuse(ReasonTooLarge, fmt.Sprintf("The posted form has more than %d parameters.", MaxParameters))
		}
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		rawName, rawValue, _ := strings.Cut(pair, "=")
		if len(rawName) > 64 {
			continue
		}
		name, err := url.QueryUnescape(rawName)
		if err != nil || (name != "SAMLResponse" && name != "RelayState" && name != "SAMLart") {
			continue
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return Post{}, Refuse(ReasonNotBase64, "The form parameter "+name+" is not percent-encoded correctly.")
		}
		seen[name]++
		switch name {
		case "SAMLResponse":
			response = value
		case "RelayState":
			post.RelayState = value
		}
	}
	switch {
	case seen["SAMLart"] > 0:
		return Post{}, Refuse(ReasonArtifact, "The identity provider used the artifact binding; set it to HTTP-POST.")
	case seen["SAMLResponse"] > 1 || seen["RelayState"] > 1:
		return Post{}, Refuse(ReasonSeveralResponses, "The form holds more than one SAMLResponse or RelayState.")
	case response == "":
		return Post{}, Refuse(ReasonNoResponse, "The form holds no SAMLResponse.")
	}
	message, err := decodeBase64(response)
	if err != nil {
		return Post{}, Refuse(ReasonNotBase64, "SAMLResponse is not standard base64.")
	}
	post.Message = message
	return post, nil
}
