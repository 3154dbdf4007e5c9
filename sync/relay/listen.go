package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/acme"

	"sealdesk/sync/wire"
)

// A door is one address the relay is reached at.
type door struct {
	key      string // of the configuration
	address  string // "host:port", or the path of a socket
	private  bool   // a socket of the file system for the relay's own user
	tls      bool
	handler  http.Handler
	listener net.Listener
}

// doors are the addresses the configuration asks for.
func (r *Relay) doors() (out []door) {
	for _, d := range []door{
		{key: "listen.devices", address: r.cfg.Listen.Devices, handler: r.Devices(), tls: true},
		{key: "listen.webhooks", address: r.cfg.Listen.Webhooks, handler: r.Webhooks()},
		{key: "listen.ops", address: r.cfg.Listen.Ops, handler: r.Ops()},
		{key: "tls.acme.listen", address: r.cfg.TLS.ACME.listen(), handler: r.authority},
		{key: "admin", address: r.cfg.adminSocket(), handler: r.admin(), private: true},
	} {
		if d.address != "" {
			out = append(out, d)
		}
	}
	return out
}

func (r *Relay) open(d *door) (err error) {
	if d.private {
		d.listener, err = listenPrivate(d.address)
	} else {
		d.listener, err = listenPublic(d.key, d.address)
	}
	if err == nil && d.tls {
		d.listener = tls.NewListener(d.listener, r.TLS())
	}
	return err
}

// close is for a door whether or not it was served.
func (d door) close() error {
	err := d.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if d.private {
		err = errors.Join(err, os.Remove(d.address))
	}
	return err
}

func listenPublic(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, wrong("%s: another program listens on %s already. Stop it, or write another port", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, wrong("%s: this user may not listen on %s. Write a port above 1023", key, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, wrong("%s: %s is no address of this machine", key, address)
	case err != nil:
		return nil, fmt.Errorf("listening for %s: %w", key, err)
	}
	return l, nil
}

// maxSocketPath is the longest name a socket can have: 107 bytes on Linux, 103 elsewhere.
const maxSocketPath = 103

// listenPrivate makes a socket that only this user can open. It gets its name once it is closed to others, in place of
// one that a killed relay left behind; that none is running, the store's lock has said.
func listenPrivate(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, wrong("data: the folder's path is %d bytes too long for the admin socket in it", len(path)-maxSocketPath)
	}
	room := filepath.Join(filepath.Dir(path), ".s")
	if err := errors.Join(os.RemoveAll(room), os.Mkdir(room, 0o700)); err != nil {
		return nil, fmt.Errorf("making the admin socket: %w", err)
	}
	defer os.RemoveAll(room)
	fresh := filepath.Join(room, "s")
	l, err := net.Listen("unix", fresh)
	if err != nil {
		return nil, fmt.Errorf("making the admin socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("making the admin socket: %w", err), l.Close())
	}
	return l, nil
}

// TLS is what devices are met with: TLS 1.3 and the pinned certificate, as it is when they call.
func (r *Relay) TLS() *tls.Config {
	now := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: r.certs.get, NextProtos: []string{"http/1.1", acme.ALPNProto}}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{r.tls}, NextProtos: now.NextProtos, // for whoever looks at it
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return now, nil },
	}
}

// serve runs one HTTP server until ctx ends, gives requests under way ten seconds, and then ends them.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: wire.HandshakeTimeout, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(connectionLog{log.Handler()}, slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	cancel() // also when it ended by itself
	wait.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
