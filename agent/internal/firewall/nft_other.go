//go:build !linux

package firewall

import (
	"context"
	"errors"
	"net/netip"
)

// nft is Linux's.
type nft struct{}

func newNftables(netip.Addr, int) *nft             { return nil }
func (*nft) name() string                          { return "nftables" }
func (*nft) usable() bool                          { return false }
func (*nft) check(context.Context) (state, error)  { return none, errors.ErrUnsupported }
func (*nft) add(context.Context) error             { return errors.ErrUnsupported }
func (*nft) remove(context.Context) error          { return errors.ErrUnsupported }
func (*nft) removeCopies(context.Context) error    { return errors.ErrUnsupported }
func (*nft) print() string                         { return "" }
func tablePrint(string, string) string             { return "" }
func watch(ctx context.Context, _ chan<- struct{}) { <-ctx.Done() }
