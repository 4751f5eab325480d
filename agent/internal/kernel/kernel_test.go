package kernel

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func root(t *testing.T, files map[string]string) host.Files {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return host.Files{Root: dir}
}

func text(t *testing.T, files host.Files, name string) string {
	t.Helper()
	data, err := files.ReadFile(name)
	assert.NilError(t, err)
	return string(data)
}

func TestEveryDiskGetsTheTimeout(t *testing.T) {
	t.Parallel()
	files := root(t, map[string]string{"/sys/block/sda/device/timeout": "30 \n", "/sys/block/sdb/device/timeout": "300\n", "/sys/block/vda/size": "1"})
	var log bytes.Buffer
	s := &SCSITimeout{Files: files, Seconds: "300", Log: slog.New(slog.NewTextHandler(&log, nil))}
	assert.NilError(t, s.Check(t.Context()))
	assert.Equal(t, text(t, files, "/sys/block/sda/device/timeout")[:3], "300") // a kernel's file would hold nothing else
	assert.Equal(t, strings.Count(log.String(), "Set the disk's time-out"), 1)
}

func TestFreeBSDSetsTheTimeoutOnce(t *testing.T) {
	t.Parallel()
	first := hosttest.OK("sysctl -n kern.cam.da.default_timeout", "60\n")
	first.Once = true
	m := hosttest.New(t, t.TempDir(), first, hosttest.OK("sysctl -n kern.cam.da.default_timeout", "300\n"),
		hosttest.OK("sysctl kern.cam.da.default_timeout=300", ""))
	s := &SCSITimeout{Machine: m, FreeBSD: true, Seconds: "300", Log: slog.New(slog.DiscardHandler)}
	for range 3 {
		assert.NilError(t, s.Check(t.Context()))
	}
	assert.Equal(t, strings.Count(strings.Join(m.Calls(), "\n"), "=300"), 1)
}

func TestThePlatformsRandomBytesAreMixedIn(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	files := root(t, map[string]string{entropyTable: "OEM0 bytes", "/dev/random": ""})
	AddEntropy(files, log)
	assert.Equal(t, text(t, files, "/dev/random"), "OEM0 bytes")
	AddEntropy(root(t, nil), log)
}

func TestOldKernelsDoWithoutNUMA(t *testing.T) {
	t.Parallel()
	for release, old := range map[string]bool{
		"2.6.32-754.el6.x86_64": true, "2.6.37": true, "2.6.38-8": false, "3.0.101": false, "2.4.20": true, "6.1.0-21-amd64": false, "extra": false,
	} {
		assert.Equal(t, needsNUMAOff(release), old, release)
	}
	const menu = "title CentOS\n\tkernel /vmlinuz-2.6.32 ro\n"
	files := root(t, map[string]string{"/boot/vmlinuz-2.6.32-754.el6.x86_64": "", "/boot/grub/menu.lst": menu})
	log := slog.New(slog.DiscardHandler)
	for range 2 {
		_, err := DisableNUMA(t.Context(), files, log)
		assert.NilError(t, err)
		assert.Equal(t, text(t, files, "/boot/grub/menu.lst"), "title CentOS\n\tkernel /vmlinuz-2.6.32 ro numa=off\n")
	}
	_, err := EnableNUMA(t.Context(), files, log)
	assert.NilError(t, err)
	assert.Equal(t, text(t, files, "/boot/grub/menu.lst"), menu)

	_, err = DisableNUMA(t.Context(), root(t, map[string]string{"/lib/modules/6.1.0-21-amd64/x": ""}), log)
	assert.Assert(t, errors.Is(err, ErrNotNeeded))
}
