package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/miekg/dns"
	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/fabricsim"
	fabricdns "github.com/waagent-go/waagent/fabricsim/dns"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/ovfgen/specfile"
)

//go:embed help/serve.txt
var serveHelp string

// serveOptions are the command line of serve.
type serveOptions struct {
	host, control    string
	wireServer       string
	hostGA           string
	imds, blobs      string
	real             bool
	addresses        many
	network, blobURL string
	journal          string
	vms              many
	detach           bool
}

// many is a flag that may be given several times.
type many []string

func (m *many) String() string { return strings.Join(*m, ",") }

func (m *many) Set(value string) error { *m = append(*m, value); return nil }

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o serveOptions
	set := flags.New("fabricsim serve", serveHelp, stdout, stderr)
	set.StringVar(&o.host, "listen", "127.0.0.1", "")
	set.StringVar(&o.wireServer, "listen-wireserver", "", "")
	set.StringVar(&o.hostGA, "listen-hostga", "", "")
	set.StringVar(&o.imds, "listen-imds", "", "")
	set.StringVar(&o.blobs, "listen-blobs", "", "")
	set.StringVar(&o.control, "control", "", "")
	set.BoolVar(&o.real, "real", false, "")
	set.Var(&o.addresses, "add-address", "")
	set.StringVar(&o.network, "interface", "", "")
	set.StringVar(&o.blobURL, "blob-url", "", "")
	set.StringVar(&o.journal, "journal", "", "")
	set.Var(&o.vms, "vm", "")
	set.BoolVar(&o.detach, "detach", false, "")
	if _, code, ok := set.Operands(args, 0, 0); !ok {
		return code
	}
	if o.detach {
		return detach(args, stdout, stderr)
	}
	o.real = o.real || len(o.addresses) > 0
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := o.serve(ctx, stdout, log); err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.No
	}
	return flags.Done
}

func (o serveOptions) serve(ctx context.Context, stdout io.Writer, log *slog.Logger) (err error) {
	if err := addAddresses(o.network, o.addresses); err != nil {
		return err
	}
	s := &server{log: log}
	defer func() { err = errors.Join(err, s.close()) }()
	plan := o.plan()
	for i := range plan {
		if err := s.listen(&plan[i]); err != nil {
			return err
		}
	}
	names := fabricdns.New()
	f, err := fabricsim.New(fabricsim.Options{BlobURL: o.blobBase(plan), JournalFile: o.journal, DNS: names})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, f.Close)
	if err := o.addVMs(f); err != nil {
		return err
	}
	if o.real {
		if err := s.serveDNS(fabricsim.WireServerIP+":53", names); err != nil {
			return err
		}
	}
	for _, p := range plan {
		s.serve(p, f)
	}
	for _, p := range plan {
		if p.variable != "" {
			fmt.Fprintf(stdout, "export %s=%s\n", p.variable, p.url)
		}
	}
	if c, ok := stdout.(io.Closer); ok {
		c.Close() // whoever evals the lines waits for their end
	}
	log.Info("listening", "vms", len(f.VMs()))
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed():
		return err
	}
}

// addVMs adds those of the command line. On loopback, without any, whoever comes from there is vm0.
func (o serveOptions) addVMs(f *fabricsim.Fabric) error {
	for _, path := range o.vms {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var vm goal.VM
		if _, err := specfile.Decode(data, &vm); err != nil {
			return specfile.In(path, err)
		}
		if err := f.AddVM(vm); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(o.vms) == 0 && !o.real {
		return f.AddVM(goal.VM{ID: "vm0", Addresses: []string{"127.0.0.1"}})
	}
	return nil
}

// server is what listens.
type server struct {
	log     *slog.Logger
	closers []func() error
	errs    chan error
}

func (s *server) failed() chan error {
	if s.errs == nil {
		s.errs = make(chan error, 16)
	}
	return s.errs
}

// listen opens a place's listener and completes its URL.
func (s *server) listen(p *place) error {
	network, address := "tcp", p.address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		os.Remove(path) //nolint:errcheck // one that a killed fabric left; if it is in use, listening says so
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	p.listener = l
	s.closers = append(s.closers, l.Close)
	if network == "unix" {
		p.url = p.address
		return nil
	}
	scheme := "http://"
	if p.tls {
		scheme = "https://"
	}
	p.url = scheme + l.Addr().String()
	return nil
}

func (s *server) serve(p place, f *fabricsim.Fabric) {
	errs := s.failed()
	server := &http.Server{Handler: p.handler(f), ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.closers = append(s.closers, server.Close)
	if p.tls {
		server.TLSConfig = f.TLSConfig()
	}
	go func() {
		serve := server.Serve
		if p.tls {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			errs <- err
		}
	}()
}

// serveDNS answers DNS over UDP and TCP.
func (s *server) serveDNS(address string, names *fabricdns.Records) error {
	errs := s.failed()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: names}, {Listener: l, Handler: names}} {
		go func() { errs <- server.ActivateAndServe() }()
	}
	s.closers = append(s.closers, conn.Close, l.Close)
	return nil
}

func (s *server) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
