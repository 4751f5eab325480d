package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/cmd/internal/flags"
)

// detach runs the same command in the background and passes on the lines it prints.
func detach(args []string, stdout, stderr io.Writer) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.Internal
	}
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return name == "detach" && strings.HasPrefix(a, "-")
	})
	cmd := exec.Command(self, append([]string{"serve"}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = background()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.Internal
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); n++ {
		fmt.Fprintln(stdout, lines.Text())
	}
	if n == 0 { // it has said on stderr why
		cmd.Wait() //nolint:errcheck // the code below is all that matters
		return flags.No
	}
	fmt.Fprintf(stdout, "export FABRICSIM_PID=%d\n", cmd.Process.Pid)
	return flags.Done
}
