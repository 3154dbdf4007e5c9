package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // registers the driver
)

// sqlite is one database file with one group committer in front: it commits what waits, up to 1,024 rows, at once.
type sqlite struct {
	db    *sql.DB
	queue chan *waiting
	ended chan error
}

type waiting struct {
	row  []byte
	done chan error
}

func openSQLite(dir string) (peer, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "log.db"))+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE log (seq INTEGER PRIMARY KEY, row BLOB NOT NULL)"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	var mode, level string
	if err := errors.Join(db.QueryRow("PRAGMA journal_mode").Scan(&mode), db.QueryRow("PRAGMA synchronous").Scan(&level)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if mode != "wal" || level != "2" {
		return nil, errors.Join(errors.New("the settings were not taken"), db.Close())
	}
	p := &sqlite{db: db, queue: make(chan *waiting, 4096), ended: make(chan error, 1)}
	go func() { p.ended <- p.commitLoop() }()
	return p, nil
}

func (p *sqlite) commitLoop() error {
	insert, err := p.db.Prepare("INSERT INTO log (row) VALUES (?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	last := 0
	for first := range p.queue {
		batch := p.gather(first, last)
		last = len(batch)
		err := p.commit(insert, batch)
		for _, w := range batch {
			w.done <- err
		}
	}
	return nil
}

// gather waits up to 1 ms for company after a commit that carried less than 8, unless that was a lone writer's.
func (p *sqlite) gather(first *waiting, last int) []*waiting {
	batch := []*waiting{first}
	var late <-chan time.Time
	for len(batch) < 1024 {
		select {
		case w, ok := <-p.queue:
			if !ok {
				return batch
			}
			batch = append(batch, w)
			continue
		default:
		}
		if len(batch) >= last || last >= 8 || last < 2 {
			return batch
		}
		if late == nil {
			late = time.After(time.Millisecond)
		}
		select {
		case w, ok := <-p.queue:
			if !ok {
				return batch
			}
			batch = append(batch, w)
		case <-late:
			return batch
		}
	}
	return batch
}

func (p *sqlite) commit(insert *sql.Stmt, batch []*waiting) error {
	tx, err := p.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	in := tx.Stmt(insert)
	for _, w := range batch {
		if _, err := in.Exec(w.row); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (p *sqlite) writer() (func([]byte) error, error) {
	w := &waiting{done: make(chan error, 1)}
	return func(row []byte) error {
		w.row = row
		p.queue <- w
		return <-w.done
	}, nil
}

func (p *sqlite) Close() error {
	close(p.queue)
	return errors.Join(<-p.ended, p.db.Close())
}
