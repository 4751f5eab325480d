//go:build !linux

package main

import "errors"

func addAddresses(_ string, addresses []string) error {
	if len(addresses) > 0 {
		return errors.New("-add-address works on Linux only")
	}
	return nil
}
