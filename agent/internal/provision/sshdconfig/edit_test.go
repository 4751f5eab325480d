package sshdconfig_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/provision/sshdconfig"
)

func TestSetLeavesMatchBlocksAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"replaced":                   {"A 1\nX no\nX no\n", "A 1\nX yes\nX yes\n"},
		"comment and indent":         {"#X no\n  X no\n", "#X no\nX yes\n"},
		"any case, equals sign":      {"x=no\n\"X\" no\n", "X yes\nX yes\n"},
		"longer word is another":     {"XY no\n", "XY no\nX yes\n"},
		"added at the end":           {"A 1\n", "A 1\nX yes\n"},
		"no final line feed":         {"A 1\nB 2", "A 1\nX yes\nB 2"},
		"before the open match":      {"A 1\nMatch User x\n  X no\n", "A 1\nX yes\nMatch User x\n  X no\n"},
		"inside match stays":         {"X no\nMatch User x\nX no\n", "X yes\nMatch User x\nX no\n"},
		"match all ends the block":   {"A 1\nMatch User x\nX y\nmatch ALL\nB\n", "A 1\nMatch User x\nX y\nmatch ALL\nB\nX yes\n"},
		"global after match all":     {"Match User x\nX y\nMatch all\nX no\n", "Match User x\nX y\nMatch all\nX yes\n"},
		"two blocks":                 {"Match User a\nX n\nMatch User b\nX n\n", "X yes\nMatch User a\nX n\nMatch User b\nX n\n"},
		"a word that begins like it": {"Matchless 1\n", "Matchless 1\nX yes\n"},
		"empty file":                 {"", "X yes\n"},
		"already so":                 {"X yes\n", "X yes\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, changed := sshdconfig.Set(tc.text, "X", "yes")
			assert.Equal(t, got, tc.want)
			assert.Equal(t, changed, tc.text != tc.want)
		})
	}
}

func TestReplaceAddsNothing(t *testing.T) {
	t.Parallel()
	got, changed := sshdconfig.Replace("A 1\nMatch User x\nX no\n", "X", "yes")
	assert.Equal(t, got, "A 1\nMatch User x\nX no\n")
	assert.Assert(t, !changed)
	got, changed = sshdconfig.Replace("x no\n", "X", "yes")
	assert.Equal(t, got, "X yes\n")
	assert.Assert(t, changed)
}

func TestIncludesAreFound(t *testing.T) {
	t.Parallel()
	text := "Include /etc/ssh/sshd_config.d/*.conf\ninclude \"a b.conf\" c # d\nMatch all\nInclude=e\nMatch User x\nInclude f\n"
	assert.DeepEqual(t, sshdconfig.Includes(text, "/etc/ssh"),
		[]string{"/etc/ssh/sshd_config.d/*.conf", "/etc/ssh/a b.conf", "/etc/ssh/c", "/etc/ssh/e"})
}

// FuzzSet: setting twice is setting once, the value is the only global one, and no other line is lost or made.
func FuzzSet(f *testing.F) {
	for _, text := range []string{
		"Port 22\nPasswordAuthentication no\nMatch User x\n PasswordAuthentication yes\n", "Match all\r\npasswordauthentication=no",
		"#PasswordAuthentication no\n\"PasswordAuthentication\" \"no\"\n", "\n\nMatch\nMatch all\n", "",
	} {
		f.Add(text)
	}
	const keyword = "PasswordAuthentication"
	f.Fuzz(func(t *testing.T, text string) {
		once, _ := sshdconfig.Set(text, keyword, "yes")
		twice, changed := sshdconfig.Set(once, keyword, "yes")
		assert.Equal(t, twice, once)
		assert.Assert(t, !changed)
		n := 0
		for _, line := range sshdconfig.Global(once) {
			if sshdconfig.Keyword(line) == strings.ToLower(keyword) {
				n++
				assert.Equal(t, strings.TrimRight(line, "\r"), keyword+" yes")
			}
		}
		assert.Assert(t, n > 0)
		assert.DeepEqual(t, others(once), others(text))
	})
}

// others are the lines that do not set the keyword globally.
func others(text string) []string {
	all, global := strings.Split(text, "\n"), sshdconfig.Global(text)
	skip := map[int]bool{}
	at := 0
	for _, line := range global { // the global lines stand in all, in order
		for all[at] != line {
			at++
		}
		skip[at] = sshdconfig.Keyword(line) == "passwordauthentication"
		at++
	}
	var rest []string
	for i, line := range all {
		if !skip[i] {
			rest = append(rest, line)
		}
	}
	return rest
}
