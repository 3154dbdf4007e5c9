package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"sealdesk/packaging/dev/leak"
)

// identifier is one thing a customer or Meta made up and that must never reach a device. wasim writes them as JSON
// lines {"kind","value"}; other members are ignored. Of kind personal is what people tell of themselves that leads nobody to
// them, a birthday or the number of an identity card: masking does not promise to find it, so it is counted and no leak.
type identifier struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// readIdentifiers reads wasim's list. An empty list is an error: a scan for nothing proves nothing.
func readIdentifiers(path string) ([]identifier, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	seen := map[identifier]bool{}
	var all []identifier
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var id identifier
		if err := json.Unmarshal(lines.Bytes(), &id); err != nil || id.Kind == "" || id.Value == "" {
			return nil, fmt.Errorf("identifier list, line %d: want {\"kind\",\"value\"}", n)
		}
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the identifier list is empty")
	}
	return all, nil
}

// scanFor scans the roots for all of a list and prints what was checked; what says what one of them is. A hit is a problem.
func (d *dev) scanFor(what string, ids []identifier, roots ...string) error {
	kinds := map[string]int{}
	var canaries []leak.Canary
	for _, id := range ids {
		kinds[id.Kind]++
		canaries = append(canaries, leak.Canary{Class: id.Kind, Value: id.Value})
	}
	s := leak.New(canaries)
	var names []string
	for k, n := range kinds {
		names = append(names, fmt.Sprintf("%d %s", n, k))
	}
	sort.Strings(names)
	rows := [][]string{{"place", "files", "bytes", "not unpacked", "hits"}}
	var all []leak.Hit
	var files int
	var size int64
	for _, root := range roots {
		c, err := s.Tree(root)
		if err != nil {
			return &problem{happened: "the leak scan could not read " + shortPath(root), err: err}
		}
		rows = append(rows, []string{shortPath(root), fmt.Sprint(c.Files), fmt.Sprint(c.Bytes), fmt.Sprint(c.Unopened), fmt.Sprint(len(c.Hits))})
		all, files, size = append(all, c.Hits...), files+c.Files, size+c.Bytes
	}
	d.out.say("leak scan: %d things to look for (%s) in %d forms; too short to look for: %d", len(ids), strings.Join(names, ", "), s.Forms(), s.Short())
	d.out.say("%s", strings.TrimRight(table(rows), "\n"))
	if files == 0 || size == 0 {
		return &problem{happened: "the leak scan found nothing to read", do: "check that the client wrote its data where the scan looks."}
	}
	personal := map[int]bool{}
	all = slices.DeleteFunc(all, func(h leak.Hit) bool {
		if h.Class == "personal" {
			personal[h.Index] = true
		}
		return h.Class == "personal"
	})
	if len(personal) > 0 {
		d.out.say("  %d of %d personal things that are no identifiers (birthdays, postal codes, numbers of papers) are shown as they were written.", len(personal), kinds["personal"])
	}
	for i, h := range all {
		if i == 50 {
			d.out.say("  and %d more", len(all)-i)
			break
		}
		d.out.say("  LEAK %s", h)
	}
	if len(all) > 0 {
		return &problem{happened: fmt.Sprintf("%d places hold an %s", len(all), what),
			safe: "these are made-up people of the simulator.", do: "find who wrote the file; nothing may ship before this is empty."}
	}
	d.out.say("no %s in any form.", what)
	return nil
}
