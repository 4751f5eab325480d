package images

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

//go:embed recipes/debian-finish.sh
var debianFinish []byte

const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// debian builds a root filesystem of one suite from its packages.
type debian struct {
	image    Image
	packages []string
}

// arguments are mmdebstrap's. Manuals and translations are left out: they are half of the files.
func (d debian) arguments(tree, finish, mirror string) []string {
	args := []string{
		"--variant=minbase", "--format=tar", "--include=" + strings.Join(d.packages, ","),
		"--keyring=" + debianKeyring,
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/info/*",
		"--customize-hook=" + finish,
	}
	if d.image.Arch != "" {
		args = append(args, "--architectures="+d.image.Arch)
	}
	if d.image.Source.Unstable {
		args = append(args, `--aptopt=Acquire::Check-Valid-Until "false"`)
	}
	args = append(args, d.image.Source.Suite, tree)
	if mirror != "" {
		args = append(args, mirror)
	}
	return args
}

// finish is the script that completes a tree, as a shell reads it.
func (d debian) finish() []byte {
	var release strings.Builder
	for _, key := range slices.Sorted(maps.Keys(d.image.OSRelease)) {
		fmt.Fprintf(&release, "%s=%q\n", key, d.image.OSRelease[key])
	}
	head := fmt.Sprintf("#!/bin/sh\nset -eu\nnetwork=%s\nos_release='%s'\n", d.image.Network, strings.ReplaceAll(release.String(), "'", `'\''`))
	return append([]byte(head), debianFinish...)
}

// run builds the tree into a tar at path.
func (d debian) run(ctx context.Context, path string, p Progress) error {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return &Unavailable{ID: d.image.ID, Why: "mmdebstrap is not installed"}
	}
	if !exists(debianKeyring) {
		return &Unavailable{ID: d.image.ID, Why: "the package debian-archive-keyring is not installed"}
	}
	if why := foreign(d.image.Arch); why != "" {
		return &Unavailable{ID: d.image.ID, Why: why}
	}
	dir, discard, err := workspace(path + ".work")
	if err != nil {
		return fmt.Errorf("build image %s: %w", d.image.ID, err)
	}
	defer discard()
	finish := filepath.Join(dir, "finish")
	if err := os.WriteFile(finish, d.finish(), 0o755); err != nil {
		return fmt.Errorf("build image %s: %w", d.image.ID, err)
	}
	cmd := exec.CommandContext(ctx, program, d.arguments(path, finish, mirror(os.DirFS("/")))...)
	// A clean environment: what the caller's shell exports must not find its way into package scripts.
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "TMPDIR=" + dir}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "SOURCE_DATE_EPOCH"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	if err := runTelling(cmd, p, d.image.ID); err != nil {
		if withdrawn(err.Error()) {
			return &Unavailable{ID: d.image.ID, Why: "the mirror has no suite " + d.image.Source.Suite + " (any more)"}
		}
		return fmt.Errorf("build image %s: %w", d.image.ID, err)
	}
	return nil
}

// withdrawn tells by the last lines of a build whether the mirror lacks the suite: old ones move to an archive of their
// own. A mirror that cannot be reached is something else.
func withdrawn(output string) bool {
	return strings.Contains(output, "404  Not Found") && strings.Contains(output, "does not have a Release file")
}

// runTelling runs cmd and passes its steps on ("I: installing ..."). The last lines become part of the error.
func runTelling(cmd *exec.Cmd, p Progress, id string) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it unmounts and removes its own tree
	pipe, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	var tail []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if step, ok := strings.CutPrefix(line, "I: "); ok {
				p.say("image %s: %s", id, step)
			}
			tail = append(tail, line)
			tail = tail[max(0, len(tail)-15):]
		}
		io.Copy(io.Discard, pipe) //nolint:errcheck // an overlong line ends the scanner; the program must not block on it
	}()
	err := cmd.Run()
	w.Close()
	<-done
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err), errors.New(strings.Join(tail, "\n")))
	}
	return nil
}

// interpreters is where the kernel lists what runs programs of other processors, by Debian's name of the processor.
var interpreters = map[string]string{"arm64": "/proc/sys/fs/binfmt_misc/qemu-aarch64"}

// foreign says why packages of an architecture cannot be installed here, or nothing.
func foreign(arch string) string {
	native := arch == "" || arch == runtime.GOARCH
	if native || exists(interpreters[arch]) {
		return ""
	}
	return "programs for " + arch + " do not run here (on Debian: qemu-user-static and binfmt-support)"
}
