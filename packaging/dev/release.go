package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// releaseProgram is the desk of whoever releases versions. It is a program of its own: signing needs modules, and this runner
// works before any is fetched.
var releaseProgram = program{name: "sealdesk-release", path: "./packaging/release"}

// runRelease builds the desk and hands everything to it; it may ask for passphrases at the terminal.
func runRelease(ctx context.Context, d *dev, args []string) error {
	err := call{dir: d.root, log: os.Stderr, env: []string{cgoEnv(false)}}.run(ctx, "go", "build", "-buildvcs=false", "-o", d.binary(releaseProgram), releaseProgram.path)
	if err != nil {
		return &problem{happened: "the release desk could not be built", err: err}
	}
	cmd := exec.CommandContext(ctx, d.binary(releaseProgram), append([]string{"--dir", d.build("release")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var ended *exec.ExitError
	if err := cmd.Run(); errors.As(err, &ended) && ctx.Err() == nil {
		return &problem{happened: "nothing was released", safe: "the feed is as it was, unless it was said otherwise above.", do: "see above, or: go run ./packaging/dev release --help"}
	} else if err != nil {
		return err
	}
	return nil
}
