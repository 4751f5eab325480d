package specfile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/ovfgen/specfile"
)

// machine has a field of every kind that specs have.
type machine struct {
	Name    string            `yaml:"name"`
	On      *bool             `yaml:"on"`
	Size    size              `yaml:"size"`
	Words   []string          `yaml:"words"`
	Sizes   []size            `yaml:"sizes"`
	Options map[string]string `yaml:"options"`
	Secret  secret.Text       `yaml:"secret"`
	Pause   pause             `yaml:"pause"`
	When    time.Time         `yaml:"when"`
	Key     key               `yaml:"key"`
	Any     any               `yaml:"any"`
	Hidden  string            `yaml:"-"`
}

type size struct {
	CPUs  int     `yaml:"cpus"`
	Share float64 `yaml:"share"`
}

type pause time.Duration

func (p *pause) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*p = pause(d)
	return err
}

type key struct {
	Value string `yaml:"value"`
}

func (key) Describe() string { return "a key, or a mapping of value" }

func (k *key) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		k.Value = n.Value
		return nil
	}
	type fields key
	return n.Decode((*fields)(k))
}

func TestMistakesAreNamedByLineAndField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: a\nnme: b":              `line 2: unknown field "nme"`,
		"name: a\nname: b":             `line 2: name: stands twice, first in line 1`,
		"on: perhaps":                  `line 1: on: want true or false, not "perhaps"`,
		"name:\n  - a":                 `line 2: name: want text, not a list`,
		"\nsize: big":                  `line 2: size: want a mapping, not "big"`,
		"size: {cpus: two}":            `line 1: size.cpus: want a whole number, not "two"`,
		"size: {cpus: 1.5}":            `line 1: size.cpus: want a whole number, not 1.5`,
		"size: {cpu: 2}":               `line 1: size: unknown field "cpu"`,
		"size: {share: much}":          `line 1: size.share: want a number, not "much"`,
		"words: a":                     `line 1: words: want a list, not "a"`,
		"words:\n- a\n- {b: c}":        `line 3: words[1]: want text, not a mapping`,
		"sizes:\n- cpus: 1\n- cpus: x": `line 3: sizes[1].cpus: want a whole number, not "x"`,
		"options: {a: [b]}":            `line 1: options.a: want text, not a list`,
		"options: {a: b, a: c}":        `line 1: options.a: stands twice, first in line 1`,
		"secret: {a: b}":               `line 1: secret: want text, not a mapping`,
		"pause: soon":                  `line 1: pause: time: invalid duration "soon"`,
		"when: soon":                   `line 1: when: want a time such as 2030-01-31T12:00:00Z, not "soon"`,
		"key: [a]":                     `line 1: key: want a key, or a mapping of value, not a list`,
		"key: {val: a}":                `line 1: key: unknown field "val"`,
		"key: {value: [a]}":            `line 1: key.value: want text, not a list`,
		"hidden: x":                    `line 1: unknown field "hidden"`,
		"- a":                          `line 1: want a mapping, not a list`,
		"? [a]\n: b":                   `line 1: want a name before the colon, not a list`,
		"name: a\n---\nname: b":        `line 2: a second document`,
		"name: [":                      `line 1: did not find expected node content`,
		"on: maybe\nsize: {cpus: no}":  "line 1: on: want true or false, not \"maybe\"\nline 2: size.cpus: want a whole number, not \"no\"",
		"any: &w [*w]":                 `anchor 'w' value contains itself`,
		"words: &w [*w]":               `line 1: words[0]: want text, not a list`,
	} {
		var m machine
		_, err := specfile.Decode([]byte(text), &m)
		assert.Check(t, cmp.Error(err, want), text)
	}
}

func TestWhatFitsIsTaken(t *testing.T) {
	t.Parallel()
	var m machine
	doc, err := specfile.Decode([]byte(`
name: 42
on: true
size: {cpus: 2, share: 1}
words: [a, 1, true]
sizes: [{cpus: 1}]
options: {a: 1}
secret: 1234
pause: 3s
when: 2030-01-31T12:00:00Z
key: abc
any: {x: [1]}
`), &m)
	assert.NilError(t, err)
	assert.Equal(t, m.Name, "42")
	assert.Equal(t, *m.On, true)
	assert.DeepEqual(t, m.Words, []string{"a", "1", "true"})
	assert.Equal(t, m.Secret.Reveal(), "1234")
	assert.Equal(t, time.Duration(m.Pause), 3*time.Second)
	assert.Equal(t, m.Key.Value, "abc")
	assert.Error(t, doc.Problem("sizes[0].cpus", "only %d", 1), "line 6: sizes[0].cpus: only 1")
	assert.Error(t, doc.Problem("nowhere", "missing"), "nowhere: missing")

	m = machine{Name: "kept"}
	_, err = specfile.Decode([]byte("# nothing\n"), &m)
	assert.NilError(t, err)
	assert.Equal(t, m.Name, "kept")
}

func TestEveryMistakeCarriesTheFile(t *testing.T) {
	t.Parallel()
	var m machine
	_, err := specfile.Decode([]byte("a: 1\nb: 2\n"), &m)
	assert.Error(t, specfile.In("vm.yaml", err), "vm.yaml: line 1: unknown field \"a\"\nvm.yaml: line 2: unknown field \"b\"")
	assert.Error(t, specfile.In("x", errors.New("no such file")), "x: no such file")
}

// FuzzDecode: whatever comes, an error speaks of no Go type, and what is taken is taken again from what it became.
func FuzzDecode(f *testing.F) {
	f.Add("name: a\nsize: {cpus: 2}\nsizes: [&s {cpus: 1}, *s]\n")
	f.Add("a: &a [*a, *a]\nb: &b [*a, *b]")
	f.Add("<<: {name: x}\nkey: {value: y}")
	f.Fuzz(func(t *testing.T, text string) {
		var m machine
		if _, err := specfile.Decode([]byte(text), &m); err != nil {
			assert.Assert(t, !strings.Contains(err.Error(), "specfile_test."), err)
		}
	})
}
