package images

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestASuiteThatIsGoneIsNotABrokenBuild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, output string
		want         bool
	}{
		{"a suite that moved to the archive", "Err:2 http://deb.debian.org/debian buster Release\n404  Not Found [IP: 203.0.113.80 80]\n" +
			"E: The repository 'http://deb.debian.org/debian buster Release' does not have a Release file.", true},
		{"a mirror that is away", "Err:1 http://mirror.test/debian bookworm InRelease\nCould not resolve 'mirror.test'\n" +
			"E: The repository 'http://mirror.test/debian bookworm Release' does not have a Release file.", false},
		{"a package nobody has", "E: Unable to locate package nothing", false},
	} {
		assert.Equal(t, withdrawn(c.output), c.want, c.name)
	}
}
