package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	check := len(os.Args) == 2 && os.Args[1] == "--check"
	if len(os.Args) > 1 && !check {
		fmt.Fprintln(os.Stderr, "usage: policygen [--check]")
		os.Exit(2)
	}
	if err := run(".", check); err != nil {
		fmt.Fprintln(os.Stderr, "policygen:", err)
		os.Exit(1)
	}
}

// run writes the files below the module's folder, or says which differ from what would be written.
func run(root string, check bool) error {
	list, err := generate()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(list)) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if check {
			if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, list[name]) {
				errs = append(errs, fmt.Errorf("%s is not what the table of app/managed says: go run ./packaging/policygen", name))
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, list[name], 0o644); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// generate makes every file, by its path in the module.
func generate() (map[string][]byte, error) {
	list := map[string][]byte{}
	for _, make := range []func(map[string][]byte) error{windows, darwin, linux, guide} {
		if err := make(list); err != nil {
			return nil, err
		}
	}
	return list, nil
}
