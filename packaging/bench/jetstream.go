package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// jetStream is an embedded server whose stream syncs every message before it acknowledges it.
type jetStream struct {
	server *server.Server
	conns  []*nats.Conn
}

func openJetStream(dir string) (peer, error) {
	s, err := server.NewServer(&server.Options{
		DontListen:   true,
		JetStream:    true,
		StoreDir:     filepath.Join(dir, "jetstream"),
		SyncAlways:   true,
		SyncInterval: 0,
		NoLog:        true,
		NoSigs:       true,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("the server does not start")
	}
	p := &jetStream{server: s}
	js, err := p.connect()
	if err != nil {
		return nil, err
	}
	_, err = js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: "log", Subjects: []string{"log"}, Storage: jetstream.FileStorage, Replicas: 1,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *jetStream) connect() (jetstream.JetStream, error) {
	c, err := nats.Connect("", nats.InProcessServer(p.server))
	if err != nil {
		return nil, err
	}
	p.conns = append(p.conns, c)
	return jetstream.New(c)
}

// writer gives up to eight connections to the writers, in turn: one connection per writer would measure connections.
func (p *jetStream) writer() (func([]byte) error, error) {
	if len(p.conns) < 9 {
		js, err := p.connect()
		if err != nil {
			return nil, err
		}
		return publish(js), nil
	}
	c := p.conns[1]
	p.conns = append(append(p.conns[:1:1], p.conns[2:]...), c)
	js, err := jetstream.New(c)
	if err != nil {
		return nil, err
	}
	return publish(js), nil
}

func publish(js jetstream.JetStream) func([]byte) error {
	return func(row []byte) error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "log", row)
		return err
	}
}

func (p *jetStream) Close() error {
	for _, c := range p.conns {
		c.Close()
	}
	p.server.Shutdown()
	p.server.WaitForShutdown()
	return nil
}
