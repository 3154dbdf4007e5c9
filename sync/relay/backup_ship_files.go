package relay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"sealdesk/sync/relay/internal/ledger"
)

// packConfig copies the configuration, which holds no secret, and what it names.
func (r *Relay) packConfig(out *packer) error {
	for _, file := range []string{r.cfg.file, r.cfg.TLS.Certificate, r.cfg.WhatsApp.Rates} {
		if file == "" {
			continue
		}
		if err := out.addFile(path.Join(partStore, configFolder, filepath.Base(file)), file); err != nil {
			return fmt.Errorf("copying the configuration: %w", err)
		}
	}
	return nil
}

// shipKeys writes the keys if they have changed, the safe before what it opens, and then forgets the older ones.
func (s *shipper) shipKeys(ctx context.Context) error {
	looks := s.looks()
	if looks == s.keys.looks {
		return nil
	}
	files, err := s.r.keyFiles()
	if err != nil {
		return err
	}
	if s.keys.version == 0 {
		for _, dir := range []string{s.cfg.Keys, s.cfg.Store} {
			s.keys.version = max(s.keys.version, slices.Max(append(keyVersions(dir), 0)))
		}
	}
	next := s.keys.version + 1
	name := keysName(next)
	for _, part := range []struct{ name, dir string }{{partKeys, s.cfg.Keys}, {partStore, s.cfg.Store}} {
		_, err := sealKeys(ctx, filepath.Join(part.dir, name), s.to, shipHead{Number: next, Made: time.Now()}, part.name, files, s.r.cfg.TLS.Key)
		if err != nil {
			return err
		}
	}
	for _, f := range files {
		if f.part == partKeys {
			clear(f.content)
		}
	}
	for _, dir := range []string{s.cfg.Keys, s.cfg.Store} {
		for _, v := range keyVersions(dir) {
			if v != next {
				if err := ledger.Shred(filepath.Join(dir, keysName(v))); err != nil {
					return fmt.Errorf("forgetting older keys: %w", err)
				}
			}
		}
	}
	s.keys.looks, s.keys.version = looks, next
	return nil
}

// looks tells one version of the files of keys from another. It is asked before they are read.
func (s *shipper) looks() string {
	var b strings.Builder
	key := s.r.cfg.KeyFile()
	for _, file := range []string{key, key + halvesSuffix, key + safeSuffix, key + rollSuffix, key + halvesSuffix + rollSuffix, s.r.cfg.TLS.Key} {
		info, err := os.Stat(file)
		if err != nil {
			b.WriteString("-")
			continue
		}
		fmt.Fprint(&b, info.Size(), " ", info.ModTime().UnixNano(), "\n")
	}
	return b.String()
}

func keysName(version int) string { return fmt.Sprintf("%s%06d%s", keysPrefix, version, sealedSuffix) }

// keyVersions are the versions of keys in a folder.
func keyVersions(dir string) (out []int) {
	list, _ := filepath.Glob(filepath.Join(dir, keysPrefix+"*"+sealedSuffix))
	for _, file := range list {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), keysPrefix), sealedSuffix))
		if err == nil && keysName(n) == filepath.Base(file) {
			out = append(out, n)
		}
	}
	return out
}

// mirror copies customers' files that are new, and deletes those that went. A file does not change once it has its name.
func (s *shipper) mirror(ctx context.Context) error {
	from, to := s.r.mediaDir(), filepath.Join(s.cfg.Store, mediaFolder)
	var at time.Time
	if info, err := os.Stat(from); err == nil {
		at = info.ModTime()
	}
	if s.mirrored != nil && at.Equal(s.mediaAt) && time.Since(at) > time.Second { // a folder's time may be as coarse as a tick
		return nil
	}
	if s.mirrored == nil {
		list, err := os.ReadDir(to)
		if err != nil {
			return fmt.Errorf("reading the backup's folder: %w", err)
		}
		s.mirrored = map[string]bool{}
		for _, e := range list {
			if name, ok := strings.CutSuffix(e.Name(), sealedSuffix); ok {
				s.mirrored[name] = true
			} else {
				os.Remove(filepath.Join(to, e.Name()))
			}
		}
	}
	list, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying media: %w", err)
	}
	there := map[string]bool{}
	for _, e := range list {
		// What is half fetched or half handed over is fetched and handed over again.
		if name := e.Name(); e.Type().IsRegular() && !strings.HasPrefix(name, halfMedia) && !strings.HasPrefix(name, partPrefix) {
			there[name] = true
		}
	}
	for name := range there {
		if s.mirrored[name] {
			continue
		}
		_, size, err := sealToFile(ctx, filepath.Join(to, name+sealedSuffix), s.to, shipHead{Made: time.Now()}, func(out *packer) error {
			return out.addFile(name, filepath.Join(from, name))
		})
		if errors.Is(err, fs.ErrNotExist) { // it was erased meanwhile
			continue
		}
		if err != nil {
			return err
		}
		s.mirrored[name] = true
		s.r.metrics.shipBytes.Add(float64(size))
	}
	for name := range s.mirrored {
		if !there[name] {
			if err := os.Remove(filepath.Join(to, name+sealedSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("deleting an erased file: %w", err)
			}
			delete(s.mirrored, name)
		}
	}
	s.mediaAt = at
	return nil
}

// prune deletes chains: those without a copy, and of those older than the newest two all but the last of each day, for as many
// days as the configuration says.
func (s *shipper) prune(ctx context.Context) error {
	all, err := chainsIn(s.cfg.Store)
	if err != nil {
		return err
	}
	newest := s.chains[len(s.chains)-1].name
	oldest := time.Now().AddDate(0, 0, -s.cfg.keepDays()).UTC().Format("20060102")
	kept, day := 0, ""
	for _, c := range slices.Backward(all) {
		if err := ctx.Err(); err != nil {
			return err
		}
		keep := c.name >= newest
		if !keep && c.whole {
			date := c.name[:len("20060102")]
			keep = kept < keepBases-1 || date >= oldest && date != day
			if keep {
				kept, day = kept+1, date
			}
		}
		if !keep {
			if err := os.RemoveAll(filepath.Join(s.cfg.Store, c.name)); err != nil {
				return fmt.Errorf("deleting an old copy: %w", err)
			}
		}
	}
	return nil
}

type chainFolder struct {
	name  string
	whole bool // its copy was finished
}

// chainsIn lists the chains of a folder, the oldest first.
func chainsIn(store string) (out []chainFolder, err error) {
	list, err := os.ReadDir(store)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if !e.IsDir() || len(e.Name()) < len("20060102T150405Z-") || e.Name()[8] != 'T' {
			continue
		}
		_, err := os.Stat(filepath.Join(store, e.Name(), baseName))
		out = append(out, chainFolder{e.Name(), err == nil})
	}
	return out, nil
}

// sealKeys writes the keys of one part; the certificate's key is with the safe.
func sealKeys(ctx context.Context, path string, to []age.Recipient, head shipHead, part string, files []keyFile, tlsKey string) (size int64, err error) {
	_, size, err = sealToFile(ctx, path, to, head, func(out *packer) error {
		for _, f := range files {
			if f.part != part {
				continue
			}
			if err := out.addBytes(f.name, f.content); err != nil {
				return err
			}
		}
		if part != partKeys {
			return nil
		}
		return out.addFile(tlsFolder+"/"+filepath.Base(tlsKey), tlsKey)
	})
	return size, err
}
