package hostname

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzConfigure: a configuration file is edited to the same whether once or twice, and keeps every line that is not
// about the name.
func FuzzConfigure(f *testing.F) {
	f.Add("timeout 300;\n\nsend host-name \"old\";\n#end", "web01")
	f.Add("DHCLIENT_HOSTNAME_OPTION='AUTO'\n", "web01")
	f.Add("DHCLIENT_HOSTNAME_OPTION=\"x\"\nDHCLIENT_HOSTNAME_OPTION=y", "web02")
	f.Fuzz(func(t *testing.T, text, name string) {
		if strings.ContainsAny(name, "\n\r") {
			return
		}
		const key = "send host-name"
		line := key + " " + name + ";"
		once := setLine(text, key, line)
		assert.Equal(t, setLine(once, key, line), once)
		assert.Assert(t, strings.Contains(once, line+"\n"))
		var kept, before []string
		for l := range strings.Lines(once) {
			if !strings.HasPrefix(l, key) {
				kept = append(kept, strings.TrimSuffix(l, "\n"))
			}
		}
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, key) {
				before = append(before, strings.TrimSuffix(l, "\n"))
			}
		}
		assert.DeepEqual(t, kept, before)
		suse := suseHostname(text, name)
		assert.Equal(t, suseHostname(suse, name), suse)
	})
}
