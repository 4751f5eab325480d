package main

import (
	"fmt"
	"net"
	"net/http"

	"github.com/waagent-go/waagent/fabricsim"
)

// place is where one surface listens.
type place struct {
	variable string // "" is not printed
	address  string // host:port or unix:/path
	tls      bool
	handler  func(*fabricsim.Fabric) http.Handler

	listener net.Listener
	url      string
}

// plan lists the places the command line asks for.
func (o serveOptions) plan() []place {
	at := func(given, real string) string {
		switch {
		case given != "":
			return given
		case o.real:
			return real
		}
		return net.JoinHostPort(o.host, "0")
	}
	control := o.control
	if control == "" {
		control = "127.0.0.1:0"
	}
	places := []place{
		{variable: "FABRICSIM_WIRESERVER", address: at(o.wireServer, fabricsim.WireServerIP+":80"), handler: (*fabricsim.Fabric).WireServer},
		{variable: "FABRICSIM_HOSTGA", address: at(o.hostGA, fmt.Sprintf("%s:%d", fabricsim.WireServerIP, fabricsim.HostGAPort)), handler: (*fabricsim.Fabric).HostGA},
		{variable: "FABRICSIM_IMDS", address: at(o.imds, fabricsim.IMDSIP+":80"), handler: (*fabricsim.Fabric).IMDS},
		{variable: "FABRICSIM_BLOBS", address: at(o.blobs, fabricsim.BlobIP+":443"), tls: o.real, handler: (*fabricsim.Fabric).Blobs},
	}
	if o.real && o.blobs == "" {
		places = append(places, place{address: fabricsim.BlobIP + ":80", handler: (*fabricsim.Fabric).Blobs})
	}
	// The control API comes last: whoever reaches it finds everything else listening.
	return append(places, place{variable: "FABRICSIM_CONTROL", address: control, handler: (*fabricsim.Fabric).Control})
}

// blobBase is how URLs of blobs start: the real name, or on loopback, where no DNS helps, the address itself.
func (o serveOptions) blobBase(plan []place) string {
	switch {
	case o.blobURL != "":
		return o.blobURL
	case o.real:
		return ""
	}
	for _, p := range plan {
		if p.variable == "FABRICSIM_BLOBS" {
			return p.url
		}
	}
	return ""
}
