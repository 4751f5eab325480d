package container_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/scenarios/machine/container"
)

// doomedImage, when set, makes this test binary a run that boots a guest of that image and waits to be killed.
const doomedImage = "WAAGENT_TEST_DOOMED_IMAGE"

func TestMain(m *testing.M) {
	if ref := os.Getenv(doomedImage); ref != "" {
		os.Exit(doomed(ref))
	}
	os.Exit(m.Run())
}

func doomed(ref string) int {
	ctx := context.Background()
	d, err := container.Start(ctx, container.Options{Run: "doomed"})
	if err == nil {
		_, err = d.Boot(ctx, container.Spec{Name: "vm0", Image: ref, DiskMB: 16})
	}
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	fmt.Println(d.Dir())
	time.Sleep(time.Minute) // killed long before
	return 1
}

// What a killed run leaves behind (containers, a network, loop devices, files) is gone once the next run has started.
func TestTheNextRunRemovesWhatADeadOneLeft(t *testing.T) {
	ref := guestImage(t)
	start(t, container.Options{}) // skips where there is no engine
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), doomedImage+"="+ref)
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NilError(t, err)
	dir := strings.TrimSpace(line)
	assert.Assert(t, strings.Contains(leftovers(t), dir), "the doomed run made nothing: %s", line)
	assert.NilError(t, cmd.Process.Kill())
	assert.Assert(t, cmd.Wait() != nil)

	start(t, container.Options{})
	left := leftovers(t)
	assert.Assert(t, !strings.Contains(left, dir) && !strings.Contains(left, "doomed"), left)
	_, err = os.Stat(dir)
	assert.Assert(t, os.IsNotExist(err))
}

// leftovers lists everything of every run: containers, networks, and files behind loop devices.
func leftovers(t *testing.T) string {
	var all strings.Builder
	for _, argv := range [][]string{
		{"docker", "ps", "-a", "--filter", "label=waagent-go.run", "--format", "{{.Names}}"},
		{"docker", "network", "ls", "--filter", "label=waagent-go.run", "--format", "{{.Name}}"},
		{"losetup", "--list", "--noheadings", "--output", "BACK-FILE"},
	} {
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		assert.NilError(t, err, string(out))
		all.Write(out)
	}
	return all.String()
}
