package main

import "net"

// listenPrivately makes a socket in the user's own local data, whose access list lets nobody else in (Windows takes Unix
// sockets since version 1803, and guards them as files).
func listenPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
