package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// AssetsPath is where Assets is served.
const AssetsPath = "/assets/"

// asset is a file under its hash: another content has another name, so browsers may keep it for good.
type asset struct {
	path string // of its URL
	kind string // Content-Type
	body []byte
}

// kinds are the types of assets. They don't come from package mime, which asks the machine.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png"}

var assets = readAssets()

// readAssets returns the assets by name.
func readAssets() map[string]asset {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic("web: " + err.Error())
	}
	all := map[string]asset{}
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic("web: " + err.Error())
		}
		sum, extension := sha256.Sum256(body), path.Ext(e.Name())
		all[e.Name()] = asset{
			path: AssetsPath + strings.TrimSuffix(e.Name(), extension) + "-" + hex.EncodeToString(sum[:8]) + extension,
			kind: kinds[extension], body: body,
		}
	}
	return all
}

// assetPath is where an asset is served.
func assetPath(name string) (string, error) {
	a, ok := assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return a.path, nil
}

// Assets serves the style sheet and the scripts at AssetsPath; anything else there is 404.
func Assets() http.Handler {
	byPath := map[string]asset{}
	for _, a := range assets {
		byPath[a.path] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byPath[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	})
}
