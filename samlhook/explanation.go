package samlhook

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// An explanation is recorded as data and told in the language of whoever reads it, by the API as on our pages. Its
// words are in explanations/{language}.json, by the key of each sentence; the names of checks are there, too.

//go:embed explanations
var explanationFiles embed.FS

var explanations = web.MustLoadWords(explanationFiles, "explanations")

// Attributes of a SignIn that hold an explanation as data: a list of sentences, each as its key and its values, in the
// form of a URL with a query. Of a text, attributeArgs stands beside it, in the obstacles and checks as well.
const (
	attributeArgs         = "args"
	attributeDecisionArgs = "decisionArgs"
)

// putSaid records an explanation as data, unless nothing is said.
func putSaid(in map[string]any, name string, e saml.Explanation) {
	var list []any
	for _, s := range e {
		values := url.Values{}
		for name, value := range s.Values {
			values.Set(name, value)
		}
		text := url.QueryEscape(s.Key)
		if len(values) > 0 {
			text += "?" + values.Encode()
		}
		list = append(list, text)
	}
	if len(list) > 0 {
		in[name] = list
	}
}

// saidIn reads back what putSaid recorded.
func saidIn(list any) (e saml.Explanation) {
	all, _ := list.([]any)
	for _, one := range all {
		text, _ := one.(string)
		escaped, query, _ := strings.Cut(text, "?")
		key, err := url.QueryUnescape(escaped)
		values, wrong := url.ParseQuery(query)
		if err != nil || wrong != nil {
			key, values = text, nil
		}
		s := saml.Sentence{Key: key, Values: map[string]string{}}
		for name := range values {
			s.Values[name] = values.Get(name)
		}
		e = append(e, s)
	}
	return e
}

// tell is an explanation in words. A sentence that the catalogue does not have, from a record of another version, is
// told by its key and its values.
func tell(language string, e saml.Explanation) string {
	var told []string
	for _, s := range e {
		values := make(map[string]any, len(s.Values))
		for name, value := range s.Values {
			values[name] = value
		}
		text, err := explanations.Text(language, s.Key, values)
		if err != nil {
			text = fmt.Sprintf("[%s]", saml.Explanation{s})
		}
		told = append(told, text)
	}
	return strings.Join(told, " ")
}

// english is an explanation for what has one language: the errors of SCIM, and health.
func english(e saml.Explanation) string { return tell("en", e) }

// tellAlso adds an explanation to what was told before.
func tellAlso(language, before, more string) string {
	if before == "" {
		return more
	}
	also, err := explanations.Text(language, "also", map[string]any{"explanation": more})
	if err != nil {
		also = more
	}
	return before + " " + also
}

// checkName is the name of a check to show.
func checkName(language, name string) string {
	text, err := explanations.Text(language, "check."+name, nil)
	if err != nil {
		return name
	}
	return text
}

// Language is the language in which explanations are told to whoever sent the request.
func (h *Hook) Language(r *http.Request) string { return explanations.Match(r) }

// Explain adds its explanations to the body of a SignIn, in the language. What is recorded as a text, by an earlier
// version, stays.
func (h *Hook) Explain(language string, body map[string]any) { tellAll(language, body) }

// tellAll is Explain.
func tellAll(language string, body map[string]any) {
	put := func(in map[string]any, name, args string) {
		if e := saidIn(in[args]); e != nil {
			in[name] = tell(language, e)
		}
	}
	put(body, "explanation", attributeArgs)
	put(body, "decision", attributeDecisionArgs)
	each := func(name string, do func(map[string]any)) {
		list, _ := body[name].([]any)
		for _, one := range list {
			if in, ok := one.(map[string]any); ok {
				do(in)
			}
		}
	}
	each("checks", func(check map[string]any) { put(check, "detail", attributeArgs) })

	// The whole is told by its obstacles.
	all := ""
	each("obstacles", func(obstacle map[string]any) {
		if put(obstacle, "explanation", attributeArgs); obstacle[attributeArgs] != nil {
			told, _ := obstacle["explanation"].(string)
			all = tellAlso(language, all, told)
		}
	})
	if all != "" {
		body["explanation"] = all
	}
}
