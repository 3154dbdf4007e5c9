//go:build !linux

package main

// harden is for systems that have such a switch.
func harden() {}
