//go:build !linux

package main

import "net"

// sameUser trusts the permissions of the socket's file: where the kernel is not asked, they are what keeps others out.
func sameUser(net.Conn) bool { return true }
