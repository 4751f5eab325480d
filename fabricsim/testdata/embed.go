// Package testdata carries the sample extension: shell, with every behaviour switched by its settings. Scenarios and
// tests install it, and authors begin with a copy of it.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed sample-extension
var files embed.FS

// SampleExtension is the package's folder, ready to be zipped.
func SampleExtension() fs.FS {
	sub, err := fs.Sub(files, "sample-extension")
	if err != nil {
		panic(err) // the name above is wrong
	}
	return sub
}
