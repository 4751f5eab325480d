package imds

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

// instance answers the document of the asked version, or a part of it by path.
func instance(w http.ResponseWriter, r *http.Request, v world.View) {
	version, _ := apiVersion(r)
	doc, err := Document(v.Spec, version, r.URL.Query().Get("extended") == "true")
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]any{"error": err.Error()})
		return
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/metadata/instance"), "/")
	part, ok := find(doc, path)
	if !ok {
		reject(w, r, http.StatusNotFound, "Not found")
		return
	}
	text := r.URL.Query().Get("format") == "text"
	switch x := part.(type) {
	case map[string]any, []any:
		if text {
			writeText(w, listing(x))
			return
		}
		answer(w, http.StatusOK, x)
	default:
		if !text {
			reject(w, r, http.StatusBadRequest, "Bad request. A leaf needs format=text")
			return
		}
		writeText(w, fmt.Sprint(x))
	}
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte(text)) //nolint:errcheck // the client may have gone
}

// find follows a path of names and indices.
func find(doc any, path string) (any, bool) {
	if path == "" {
		return doc, true
	}
	name, rest, _ := strings.Cut(path, "/")
	switch x := doc.(type) {
	case map[string]any:
		for key, value := range x {
			if strings.EqualFold(key, name) {
				return find(value, rest)
			}
		}
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(x) {
			return find(x[i], rest)
		}
	}
	return nil, false
}

// listing is a folder as text: one entry a line, folders with a slash.
func listing(doc any) string {
	var lines []string
	add := func(name string, value any) {
		switch value.(type) {
		case map[string]any, []any:
			name += "/"
		}
		lines = append(lines, name)
	}
	switch x := doc.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			add(name, x[name])
		}
	case []any:
		for i, value := range x {
			add(strconv.Itoa(i), value)
		}
	}
	return strings.Join(lines, "\n")
}
