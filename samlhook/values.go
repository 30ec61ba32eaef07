package samlhook

import (
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
)

// texts are the values of a list.
func texts(list gjson.Result) []string {
	var values []string
	for _, v := range list.Array() {
		values = append(values, v.String())
	}
	return values
}

// trimmed are the values of a list without white space around them, and without those that are empty.
func trimmed(list gjson.Result) []string {
	var values []string
	for _, v := range texts(list) {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// textsAt are the values of a list in a resource.
func textsAt(r *directory.Resource, path string) []string { return texts(gjson.GetBytes(r.JSON, path)) }

// ids are those in a list; what is not an id is left out.
func ids(list gjson.Result) []directory.ID {
	var values []directory.ID
	for _, value := range texts(list) {
		if id, ok := directory.ParseID(value); ok {
			values = append(values, id)
		}
	}
	return values
}

func idTexts(ids []directory.ID) []string {
	var values []string
	for _, id := range ids {
		values = append(values, id.String())
	}
	return values
}

func lower(values []string) []string {
	for i, v := range values {
		values[i] = strings.ToLower(v)
	}
	return values
}

// sortedKeys are the names of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// putText sets an attribute, unless the value is empty.
func putText(in map[string]any, name, value string) {
	if value != "" {
		in[name] = value
	}
}

// putTexts sets a list of at most maxRecorded values, unless there are none.
func putTexts(in map[string]any, name string, values []string) {
	var list []any
	for _, v := range values[:min(len(values), maxRecorded)] {
		list = append(list, v)
	}
	if len(list) > 0 {
		in[name] = list
	}
}
