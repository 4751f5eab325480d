// Command waagent is the Azure Linux guest agent.
package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/waagent-go/waagent/agent"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return agent.Run(ctx, agent.Options{
		Args:    args,
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Root:    "/",
		Dial:    dialer.DialContext,
		Machine: agent.Host("/", slog.New(slog.DiscardHandler)),
		Spawn:   agent.SpawnProcess,
	})
}
