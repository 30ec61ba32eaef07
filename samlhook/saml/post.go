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

// ReadPost reads a message from a request to the ACS. limit caps the body in bytes; zero means DefaultBodyBytes. The
// error is a *Refusal, or that of the connection if the body could not be read.
func ReadPost(r *http.Request, limit int64) (Post, error) {
	if limit <= 0 {
		limit = DefaultBodyBytes
	}
	if refusal := checkBinding(r); refusal != nil {
		return Post{}, refusal
	}
	tooLarge := Refuse(ReasonTooLarge, fmt.Sprintf("The posted form is larger than %d bytes.", limit))
	if r.ContentLength > limit {
		return Post{}, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return Post{}, tooLarge
	}
	if err != nil {
		return Post{}, fmt.Errorf("read the posted form: %w", err)
	}
	post, refusal := parsePost(string(body))
	if refusal != nil {
		return Post{}, refusal
	}
	return post, nil
}

// checkBinding refuses what is not HTTP-POST.
func checkBinding(r *http.Request) *Refusal {
	query := r.URL.Query()
	switch {
	case query.Has("SAMLart"):
		return artifact()
	case r.Method != http.MethodPost:
		return Refuse(ReasonNotPost,
			"Responses are accepted by POST only; set the identity provider to the HTTP-POST binding.")
	case query.Has("SAMLResponse"):
		return Refuse(ReasonNotPost,
			"The response came in the URL, not in the body; set the identity provider to the HTTP-POST binding.")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != formType {
		return Refuse(ReasonNoResponse, "The body is not an HTML form ("+formType+").")
	}
	return nil
}

func artifact() *Refusal {
	return Refuse(ReasonArtifact, "The identity provider used the artifact binding; set it to HTTP-POST.")
}

// parsePost takes a form apart. It does not use url.ParseQuery, which would unescape and keep every parameter of a form
// that is made to be expensive.
func parsePost(body string) (Post, *Refusal) {
	// What is ours is unescaped and counted.
	seen, values := map[string]int{}, map[string]string{}
	for count := 0; body != ""; count++ {
		if count == MaxParameters {
			return Post{}, Refuse(ReasonTooLarge,
				fmt.Sprintf("The posted form has more than %d parameters.", MaxParameters))
		}
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		name, raw, ok := parameter(pair)
		if !ok {
			continue
		}
		value, err := url.QueryUnescape(raw)
		if err != nil {
			return Post{}, Refuse(ReasonNotBase64, "The form parameter "+name+" is not percent-encoded correctly.")
		}
		seen[name]++
		values[name] = value
	}

	// Exactly one response, by this binding.
	switch {
	case seen["SAMLart"] > 0:
		return Post{}, artifact()
	case seen["SAMLResponse"] > 1 || seen["RelayState"] > 1:
		return Post{}, Refuse(ReasonSeveralResponses, "The form holds more than one SAMLResponse or RelayState.")
	case values["SAMLResponse"] == "":
		return Post{}, Refuse(ReasonNoResponse, "The form holds no SAMLResponse.")
	}
	message, err := decodeBase64(values["SAMLResponse"])
	if err != nil {
		return Post{}, Refuse(ReasonNotBase64, "SAMLResponse is not standard base64.")
	}
	return Post{Message: message, RelayState: values["RelayState"]}, nil
}

// parameter splits a parameter, whose value stays escaped. ok is false for one that SAML does not define.
func parameter(pair string) (name, raw string, ok bool) {
	rawName, raw, _ := strings.Cut(pair, "=")
	if len(rawName) > maxParameterName {
		return "", "", false
	}
	name, err := url.QueryUnescape(rawName)
	return name, raw, err == nil && (name == "SAMLResponse" || name == "RelayState" || name == "SAMLart")
}
