package relay

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// MediaConfig says how much room files may take.
type MediaConfig struct {
	MaxStore Bytes `toml:"max_store"` // 0 is as large as the disk
}

// Bytes is a number of bytes, written such as "500MB" or "20GB".
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}}

// UnmarshalText reads a number and its unit. The error says what to write.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ReplaceAll(strings.ToUpper(string(text)), " ", "")
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			if err != nil || n < 0 {
				break
			}
			*b = Bytes(n * u.size)
			return nil
		}
	}
	return fmt.Errorf("%q is no size; write one such as 20GB", text)
}

// String returns the size in the largest unit that leaves a whole number, rounded down.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if int64(b) >= u.size {
			return fmt.Sprintf("%d %s", int64(b)/u.size, u.name)
		}
	}
	return "less than 1 MB"
}

// checkMedia tells how much room files take.
func checkMedia(cfg Config) Finding {
	f := Finding{What: "media"}
	size, err := folderSize(filepath.Join(cfg.Data, "media"))
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, err.Error(), "let the relay's user read and write the folder"
		return f
	}
	f.Detail = Bytes(size).String()
	if most := cfg.Media.MaxStore; most > 0 {
		if f.Detail += " of " + most.String(); size > int64(most)/10*9 {
			f.State, f.Advice = Watch, "new files are refused when it is full; write more at media.max_store, or make room"
		}
	}
	return f
}
