package kernel

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

// pool writes pairs as the daemon does.
func pool(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		key, value := make([]byte, kvpKeySize), make([]byte, kvpValueSize)
		copy(key, pairs[i])
		copy(value, pairs[i+1])
		b.Write(key)
		b.Write(value)
	}
	return b.String()
}

func rdma(t *testing.T, files map[string]string, answers ...hosttest.Answer) (*RDMA, *hosttest.Script) {
	t.Helper()
	f := root(t, files)
	m := hosttest.New(t, f.Root, answers...)
	return &RDMA{Files: f, Machine: m, Log: slog.New(slog.DiscardHandler), Check: true,
		Address: netip.MustParseAddr("172.16.5.6"), MAC: "00155D010203"}, m
}

func TestSingleRootInterfacesGetTheirAddresses(t *testing.T) {
	t.Parallel()
	r, m := rdma(t, map[string]string{
		kvpPool:                       pool("IPoIB_Data", "NUMPAIRS:2|00:15:5D:01:02:03:172.16.1.2|00:15:5D:0A:0B:0C:172.16.1.3|"),
		"/sys/class/net/eth1/address": "00:15:5d:01:02:03\n",
		"/sys/class/net/ib0/address":  "80:00:02:08:fe:80:00:00:00:00:00:00:00:15:5d:ff:fe:0a:0b:0c\n",
	}, hosttest.OK("ip link set eth1 up", ""), hosttest.OK("ip addr add 172.16.1.2/16 dev eth1", ""),
		hosttest.OK("ip link set ib0 up", ""), hosttest.Fail("ip addr add 172.16.1.3/16 dev ib0", 2, "RTNETLINK answers: File exists"))
	assert.NilError(t, r.Setup(t.Context()))
	assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
}

func TestWithoutPairsTheFirstInfiniBandInterfaceIsUsed(t *testing.T) {
	t.Parallel()
	r, m := rdma(t, map[string]string{"/sys/class/infiniband/mlx5_0/x": "", "/sys/class/net/ib0/address": "x"},
		hosttest.OK("ip link set ib0 up", ""), hosttest.OK("ip addr add 172.16.5.6/16 dev ib0", ""))
	assert.NilError(t, r.Setup(t.Context()))
	assert.Equal(t, len(m.Unused()), 0)
}

func TestADeviceThatNeverComesEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := rdma(t, nil)
		assert.ErrorContains(t, r.Setup(t.Context()), "wait for an InfiniBand device")
	})
}

func TestNetworkDirectIsToldItsAddress(t *testing.T) {
	t.Parallel()
	r, m := rdma(t, map[string]string{
		kvpPool:                       pool("Other", "x", "NdDriverVersion", "142.0"),
		"/etc/rdma/dat.conf":          "# comment\nofa-v2-ib0 u2.0 nonthreadsafe default libdaplofa.so.2 dapl.2.0 \"oldip 0\" \"\"\n",
		"/dev/hvnd_rdma":              "",
		"/sys/class/net/eth1/address": "00:15:5d:01:02:03\n",
	}, hosttest.OK("modprobe hv_network_direct", ""), hosttest.OK("modinfo -F version hv_network_direct", "4.0\n"),
		hosttest.OK("ip link set eth1 up", ""), hosttest.OK("ip addr add 172.16.5.6/16 dev eth1", ""))
	r.ID = "ubuntu"
	assert.NilError(t, r.Setup(t.Context()))
	assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
	assert.Equal(t, text(t, r.Files, "/etc/rdma/dat.conf"),
		"# comment\nofa-v2-ib0 u2.0 nonthreadsafe default libdaplofa.so.2 dapl.2.0 \"172.16.5.6 0\" \"\"\n")
	assert.Equal(t, text(t, r.Files, "/dev/hvnd_rdma"), `rdmaMacAddress="00:15:5d:01:02:03" rdmaIPv4Address="172.16.5.6"`)
	assert.Equal(t, text(t, r.Files, ubuntuAlias), "alias vmbus:3daf2e8ca732094bab99bd1f1c86b501 hv_network_direct_142_0\n")
}

func TestEachFamilyInstallsTheDriverItsOwnWay(t *testing.T) {
	t.Parallel()
	const kmod, user = "/opt/microsoft/rdma/rhel74/kmod-microsoft-hyper-v-rdma-4.2-142.0.rpm", "/opt/microsoft/rdma/rhel74/microsoft-hyper-v-rdma-4.2-142.0.rpm"
	for name, c := range map[string]struct {
		set     func(*RDMA)
		files   map[string]string
		answers []hosttest.Answer
		err     string
	}{
		"CentOS without the daemon": {
			set: func(r *RDMA) { r.FullName, r.Version = "CentOS Linux", "7.4" }, err: errReboot.Error(),
			answers: []hosttest.Answer{hosttest.OK("yum --assumeyes install hypervkvpd", ""), hosttest.OK("shutdown -r now", "")},
		},
		"CentOS": {
			set:   func(r *RDMA) { r.FullName, r.Version = "CentOS Linux", "7.4.1708" },
			files: map[string]string{"/proc/5/comm": "hypervkvpd\n", kmod: "", user: ""},
			answers: []hosttest.Answer{
				hosttest.OK("rpm -q microsoft-hyper-v-rdma", "microsoft-hyper-v-rdma-4.1-138.0\n"), hosttest.OK("yum --assumeyes makecache", ""),
				hosttest.Fail("yum --assumeyes reinstall msft-rdma-drivers", 1, "not installed"), hosttest.OK("yum --assumeyes install msft-rdma-drivers", ""),
				hosttest.OK("yum --assumeyes install "+kmod+" "+user, ""), hosttest.OK("modprobe --first-time hv_network_direct", ""),
			},
		},
		"SLES 12": {
			set:   func(r *RDMA) { r.ID, r.Version, r.Release = "sles", "12.4", "4.12.14-6-azure" },
			files: map[string]string{"/sys/module/hv_network_direct/x": ""},
			answers: []hosttest.Answer{
				hosttest.Fail("rpm -q msft-rdma-kmp-azure", 1, ""), hosttest.OK("zypper --non-interactive removelock msft-rdma-kmp-azure", ""),
				hosttest.OK("zypper --non-interactive refresh", ""), hosttest.OK("zypper --non-interactive install --force msft-rdma-kmp-azure=142.0", ""),
				hosttest.OK("zypper --non-interactive addlock msft-rdma-kmp-azure", ""),
			},
		},
		"SLES 15": {set: func(r *RDMA) { r.ID, r.Version = "sles", "15.5" }},
		"Ubuntu, a newer kernel": {
			set: func(r *RDMA) { r.ID, r.Update = "ubuntu", true }, err: errReboot.Error(),
			answers: []hosttest.Answer{
				{Argv: strings.Fields("dpkg-query -W -f ${Version} linux-azure"), Stdout: "1", Once: true}, hosttest.OK("apt-get update", ""),
				hosttest.OK("apt-get --yes install linux-azure", ""), hosttest.OK("dpkg-query -W -f ${Version} linux-azure", "2"), hosttest.OK("shutdown -r now", ""),
			},
		},
		"Debian": {set: func(r *RDMA) { r.ID, r.FullName = "debian", "Debian GNU/Linux" }, err: "Debian GNU/Linux has no known source for it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, m := rdma(t, c.files, c.answers...)
			c.set(r)
			err := r.installDriver(t.Context(), "142.0")
			if c.err == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.err)
			}
			assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
		})
	}
}

// TestTheDriverComesBeforeTheAddress: it often needs a reboot, and the goal state may name the device only then.
func TestTheDriverComesBeforeTheAddress(t *testing.T) {
	t.Parallel()
	r, _ := rdma(t, map[string]string{kvpPool: pool("NdDriverVersion", "142.0")})
	r.Address, r.Unknown, r.FullName = netip.Addr{}, errors.New("SharedConfig names no RDMA device"), "Debian GNU/Linux"
	assert.ErrorContains(t, r.Setup(t.Context()), "RDMA driver 142.0: Debian GNU/Linux has no known source for it")
	r.Check = false
	assert.ErrorContains(t, r.Setup(t.Context()), "SharedConfig names no RDMA device")
}

func FuzzKVP(f *testing.F) {
	f.Add([]byte(pool("NdDriverVersion", "142.0", "IPoIB_Data", "NUMPAIRS:1|00:15:5D:01:02:03:172.16.1.2|")))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := ParseKVP(data)
		if err != nil {
			return
		}
		assert.Assert(t, len(pairs) <= len(data)/(kvpKeySize+kvpValueSize))
		for k, v := range pairs {
			assert.Assert(t, k != "" && !strings.Contains(k+v, "\x00"))
		}
	})
}

func FuzzPairs(f *testing.F) {
	f.Add("NUMPAIRS:2|00:15:5D:01:02:03:172.16.1.2|00:15:5D:0A:0B:0C:172.16.1.3|")
	f.Fuzz(func(t *testing.T, list string) {
		if pairs, err := parsePairs(list); err == nil {
			for _, a := range pairs {
				assert.Assert(t, a.IsValid())
			}
		}
	})
}

func TestTheGoalStateNamesTheRDMADevice(t *testing.T) {
	t.Parallel()
	const doc = `<SharedConfig version="1.0.0.0"><Incarnation number="1"/><Instances>
<Instance id="a" address="10.0.0.4" rdmaMacAddress="00155D010203" rdmaIPv4Address="172.16.5.6"/><Instance id="b"/></Instances></SharedConfig>`
	address, mac, err := ParseSharedConfig([]byte(doc))
	assert.NilError(t, err)
	assert.Equal(t, address.String(), "172.16.5.6")
	assert.Equal(t, mac, "00:15:5d:01:02:03")
	_, _, err = ParseSharedConfig([]byte(`<SharedConfig><Instances><Instance id="a"/></Instances></SharedConfig>`))
	assert.ErrorContains(t, err, "names no RDMA device")
}

func FuzzSharedConfig(f *testing.F) {
	f.Add([]byte(`<S><Instance rdmaMacAddress="00155D010203" rdmaIPv4Address="172.16.5.6"/></S>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if address, mac, err := ParseSharedConfig(doc); err == nil {
			assert.Assert(t, address.IsValid())
			assert.Equal(t, mac, colons(plainMAC(mac)))
		}
	})
}
