package ovfgen

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

// plain rewords the library's errors, which speak of Go types, for people who write specs.
func plain(err error) error {
	typed, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return fmt.Errorf("spec: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	found := make([]error, len(typed.Errors))
	for i, text := range typed.Errors {
		found[i] = errors.New("spec: " + unknownField.ReplaceAllString(text, `unknown field "$1"`))
	}
	return errors.Join(found...)
}
