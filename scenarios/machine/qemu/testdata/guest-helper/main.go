// Guest-helper is the guest's end of the driver, alone: the runner's own binary has it as a mode.
package main

import (
	"os"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

func main() { os.Exit(guesthelper.Main(os.Args[1:])) }
