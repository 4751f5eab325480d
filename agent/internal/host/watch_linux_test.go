package host

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// The kernel's word must be heard every time: what is missed is found half a minute later.
func TestEveryChangeOfTheHostNameIsHeard(t *testing.T) {
	t.Parallel()
	names := make(chan string)
	defer close(names)
	refused := make(chan error, 1)
	go func() { // never unlocked: the thread ends with its namespace, and the machine keeps its name
		runtime.LockOSThread()
		refused <- unix.Unshare(unix.CLONE_NEWUTS)
		for name := range names {
			refused <- unix.Sethostname([]byte(name))
		}
	}()
	if err := <-refused; err != nil {
		t.Skip("SKIP no namespace for a host name of our own: ", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range 100 {
		ready, heard := make(chan struct{}), make(chan error, 1)
		go func() { heard <- new(Machine).AwaitHostname(ctx, func() { close(ready) }) }()
		<-ready
		names <- fmt.Sprintf("web%d", i)
		assert.NilError(t, <-refused)
		select {
		case err := <-heard:
			assert.NilError(t, err)
		case <-time.After(10 * time.Second):
			t.Fatalf("change %d was not heard", i+1)
		}
	}
}
