package container

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestAnOwnerIsDeadOnlyWhenThatIsCertain(t *testing.T) {
	t.Parallel()
	me, err := self()
	assert.NilError(t, err)
	for _, c := range []struct {
		name   string
		change func(*owner)
		dead   bool
	}{
		{"this process", func(*owner) {}, false},
		{"another process under the same number", func(o *owner) { o.start = "1" }, true},
		{"no such process", func(o *owner) { o.pid = 1 << 30 }, true},
		{"of an earlier boot", func(o *owner) { o.boot = "earlier" }, true},
		{"of another PID namespace", func(o *owner) { o.namespace, o.pid = "pid:[1]", 1<<30 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := me
			c.change(&o)
			parsed, err := parseOwner(o.String())
			assert.NilError(t, err)
			assert.Equal(t, parsed, o)
			assert.Equal(t, parsed.dead(me), c.dead)
		})
	}
	_, err = parseOwner("a b c")
	assert.ErrorContains(t, err, "four words")
}
