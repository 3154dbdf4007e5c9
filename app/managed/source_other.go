//go:build !linux && !darwin && !windows

package managed

import "context"

// Place is where this system keeps the policy: nowhere.
const Place = ""

type none struct{}

func (none) Read() ([]Raw, error)                 { return nil, nil }
func (none) Next(context.Context) <-chan struct{} { return nil }

// System is for systems that keep policies.
func System() Source { return none{} }
