package ovfgen

import _ "embed"

// Example is a spec with every field and what it means.
//
//go:embed example.yaml
var Example string
