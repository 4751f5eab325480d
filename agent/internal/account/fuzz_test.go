package account

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzSudoers: whatever stands in the file, allowing twice is allowing once, forbidding takes it back, and no line about
// anybody else is lost.
func FuzzSudoers(f *testing.F) {
	f.Add("bob ALL=(ALL) ALL\nbobby ALL=(ALL) NOPASSWD: ALL", "bob")
	f.Add("# note\n\nDefaults x\nbob   ALL=(ALL) ALL\r\n", "bob")
	f.Fuzz(func(t *testing.T, old, user string) {
		if CheckName(user) != nil {
			return
		}
		rule := user + " ALL=(ALL) ALL"
		once := allow([]byte(old), user, rule)
		assert.Equal(t, string(allow(once, user, rule)), string(once))
		assert.Equal(t, strings.Count("\n"+string(once), "\n"+rule+"\n"), 1)
		gone := string(forbid(once, user))
		for line := range strings.Lines(old) {
			if ruleUser(line) != user {
				assert.Assert(t, strings.Contains(gone, strings.TrimSuffix(line, "\n")))
			}
		}
		for line := range strings.Lines(gone) {
			assert.Assert(t, ruleUser(line) != user)
		}
	})
}
