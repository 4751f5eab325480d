//go:build realguest

package provision

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/logline"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == host.HandlerCommandMode {
		os.Exit(host.HandlerCommandMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestReal(t *testing.T) {
	files := host.Files{Root: "/"}
	log := slog.New(logline.New(logline.Options{Thread: "Daemon", Prefix: "Daemon", Sinks: []io.Writer{os.Stdout}, Level: slog.LevelDebug}))
	conf, err := config.Parse([]byte(os.Getenv("CONF")+"\n"), config.DocumentedDefaults)
	if err != nil {
		t.Fatal(err)
	}
	ev, rep := &events{}, &reports{}
	info := distro.Detect(files)
	p := &Provisioner{Files: files, Machine: host.New("/", log), Distro: info, Family: distro.Lookup(info), Config: conf.Config, Log: log, Events: ev, Reporter: rep, Version: "3"}
	out, err := p.Run(context.Background())
	fmt.Println(out, err)
	fmt.Println(rep)
	for _, e := range ev.list {
		fmt.Println(e)
	}
}

