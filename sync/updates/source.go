package updates

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A Source is where a feed lies. It is not trusted.
type Source interface {
	// Open opens a file by its name below the feed's folder. Errors: ErrIncomplete when there is none, ErrUnreachable.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Web is a feed below an address, such as https://relay.example:8443/updates/. The client decides whom it speaks to; one
// that follows redirects may be led elsewhere, which costs nothing but time.
func Web(client *http.Client, address string) Source {
	return web{client, strings.TrimSuffix(address, "/") + "/"}
}

type web struct {
	client  *http.Client
	address string
}

// Open implements [Source].
func (s web) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+name, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the address is none", ErrUnreachable)
	}
	a, err := s.client.Do(q)
	if err != nil {
		var with *url.Error
		if errors.As(err, &with) {
			err = with.Err // without the address
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	switch a.StatusCode {
	case http.StatusOK:
		return unsure{a.Body}, nil
	case http.StatusNotFound:
		err = ErrIncomplete
	default:
		err = fmt.Errorf("%w: status %d", ErrUnreachable, a.StatusCode)
	}
	a.Body.Close()
	return nil, err
}

// unsure marks what goes wrong on the way.
type unsure struct{ io.ReadCloser }

func (u unsure) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return n, err
}

// Folder is a feed in a folder, such as one on a stick. Links that lead out of it are not followed.
func Folder(dir string) Source { return folder(dir) }

type folder string

// Open implements [Source].
func (s folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.OpenInRoot(string(s), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrIncomplete
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return f, nil
}

// fetcher lets go-tuf read a Source.
type fetcher struct {
	ctx    context.Context // of the one Verify it serves
	from   Source
	prefix string
}

// DownloadFile implements go-tuf's fetcher. It takes a missing file for what go-tuf takes it: the end of the roots.
func (f fetcher) DownloadFile(address string, most int64, _ time.Duration) ([]byte, error) {
	raw, err := readAll(f.ctx, f.from, strings.TrimPrefix(address, f.prefix), most)
	if errors.Is(err, ErrIncomplete) {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound}
	}
	return raw, err
}

func readAll(ctx context.Context, from Source, name string, most int64) ([]byte, error) {
	r, err := from.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > most {
		return nil, ErrTooLarge
	}
	return raw, nil
}
