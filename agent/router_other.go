//go:build !linux

package agent

import "github.com/waagent-go/waagent/agent/internal/netenv"

// router changes the routing table.
func (p *program) router() netenv.Router { return netenv.BSDRouter{Machine: p.Machine} }
