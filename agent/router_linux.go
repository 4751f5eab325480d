package agent

import "github.com/waagent-go/waagent/agent/internal/netenv"

// router changes the routing table; a route without a gateway goes by the primary interface.
func (p *program) router() netenv.Router {
	name, err := p.files.PrimaryInterface()
	if err != nil {
		name = ""
	}
	return netenv.KernelRouter{Interface: name}
}
