package distro

import (
	"context"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// named is a machine that has a name and notes what it is asked to run.
type named struct {
	name string
	ran  []string
	fail bool
}

func (n *named) Run(_ context.Context, c machine.Command) (machine.Result, error) {
	n.ran = append(n.ran, strings.Join(c.Argv, " "))
	if n.fail {
		return machine.Result{ExitCode: 1}, &machine.ExitError{Argv: c.Argv, Code: 1}
	}
	return machine.Result{}, nil
}
func (n *named) Hostname() (string, error)     { return n.name, nil }
func (n *named) SetHostname(name string) error { n.name = name; return nil }

func TestHostnamesLastInTheDistributionsWay(t *testing.T) {
	t.Parallel()
	tests := map[HostnameStyle]struct {
		file, before, after string
		ran                 []string
		fail                bool
	}{
		HostnameFile:        {file: "hostname", before: "old\n", after: "web01"},
		HostnameHOSTNAME:    {file: "HOSTNAME", before: "old", after: "web01"},
		HostnameMyname:      {file: "myname", after: "web01\n"},
		HostnameSysconfig:   {file: "sysconfig/network", before: "NETWORKING=yes\n\nHOSTNAME=a\nHOSTNAME=b\n", after: "NETWORKING=yes\n\nHOSTNAME=web01\n"},
		HostnameRCConf:      {file: "rc.conf", before: "hostname=\"x\"\nsshd=y", after: "hostname=\"web01\"\nsshd=y"},
		HostnameConfD:       {file: "conf.d/hostname", before: "# c", after: "# c\nhostname=\"web01\"\n"},
		HostnameStaticCtl:   {file: "hostname", before: "old", after: "old", ran: []string{"hostnamectl set-hostname web01 --static"}},
		HostnameCtl:         {file: "hostname", before: "old", after: "web01", ran: []string{"hostnamectl set-hostname web01"}, fail: true},
		HostnameUCI:         {file: "hostname", before: "old", after: "web01", ran: []string{"uci set system.@system[0].hostname=web01", "uci commit system", "/etc/init.d/system reload"}},
		HostnameUnmanaged:   {file: "hostname", before: "old", after: "old"},
		HostnameStormshield: {file: "hostname", before: "old", after: "old", ran: []string{"/usr/Firewall/sbin/setconf /usr/Firewall/System/global SystemName web01", "/usr/Firewall/sbin/enlog", "/usr/Firewall/sbin/enproxy -u", "/usr/Firewall/sbin/ensl -u", "/usr/Firewall/sbin/ennetwork -f"}},
	}
	for style, tc := range tests {
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			root := fs.NewDir(t, "root", fs.WithDir("etc", fs.WithDir("sysconfig"), fs.WithDir("conf.d")))
			if tc.before != "" {
				assert.NilError(t, os.WriteFile(root.Join("etc", tc.file), []byte(tc.before), 0o644))
			}
			m := &named{name: "old", fail: tc.fail}
			family := Family{Hostname: style}
			for range 2 { // twice: what is right stays as it is
				assert.NilError(t, family.SetHostname(t.Context(), host.Files{Root: root.Path()}, m, "web01"))
			}
			data, err := os.ReadFile(root.Join("etc", tc.file))
			assert.NilError(t, err)
			assert.Equal(t, string(data), tc.after)
			for i, want := range tc.ran {
				assert.Equal(t, m.ran[i], want)
			}
			assert.Equal(t, m.name, map[bool]string{true: "old", false: "web01"}[style == HostnameUnmanaged])
		})
	}
}
