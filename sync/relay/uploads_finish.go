package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/wire"
)

// standOf says how things stand with an upload, and finishes one that is whole. The caller has begun it.
func (r *Relay) standOf(ctx context.Context, in inbox.InboxID, id inbox.MediaID) (wire.UploadReply, error) {
	var row uploadRow
	var ok bool
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		row, ok, err = uploadAt(tx, id)
		return err
	})
	if err == nil && !ok {
		err = errNotYet // it was swept away this moment
	}
	if err != nil {
		return wire.UploadReply{}, err
	}
	if row.Media.State == inbox.MediaReady {
		if _, err := os.Stat(r.mediaFile(id)); !errors.Is(err, fs.ErrNotExist) {
			return wire.UploadReply{Offset: row.Size, Media: &row.Media}, nil
		}
		r.log.Error("handed over file is missing", "media", string(id)) // a backup without the media folder
	}
	p, err := r.openPart(ctx, row)
	if err != nil {
		return wire.UploadReply{}, err
	}
	offset := p.offset()
	if err := p.close(); err != nil {
		return wire.UploadReply{}, err
	}
	if offset < row.Size {
		return wire.UploadReply{Offset: offset}, nil
	}
	return r.finish(ctx, in, row)
}

// finish judges and cleans a file that is whole. It may be done again until it has said what became of it.
func (r *Relay) finish(ctx context.Context, in inbox.InboxID, row uploadRow) (wire.UploadReply, error) {
	shard := eventlog.Shard(in.Log())
	rep, kind, err := r.judge(ctx, row)
	if errors.Is(err, errDamaged) { // what lies there is not what came: it must come again
		r.log.Error("handed over file is damaged", "media", string(row.Media.ID))
		if err := os.Remove(r.partFile(row.Media.ID)); err != nil {
			return wire.UploadReply{}, fmt.Errorf("removing a damaged file: %w", err)
		}
		return wire.UploadReply{}, nil
	}
	if why, no := refusalOf(err); no {
		r.log.Info("file is not taken", "media", string(row.Media.ID), "error", err)
		err := r.db.Update(ctx, shard, func(tx ledger.Tx) error { return dropUpload(tx, row) })
		if err != nil {
			return wire.UploadReply{}, err
		}
		os.Remove(r.partFile(row.Media.ID))
		r.metrics.uploads.WithLabelValues("refused").Inc()
		return wire.UploadReply{Refusal: why}, nil
	}
	if err != nil {
		return wire.UploadReply{}, err
	}
	if rep.State != media.Cleaned {
		r.log.Info("media passes as it came", "media", string(row.Media.ID), "state", rep.State.String())
	}
	done := row
	done.Kind = kind
	describe(&done.Media, rep)
	until := inbox.At(r.now()).Add(readyLife)
	err = r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		if err := extendUpload(tx, done.Media.ID, until); err != nil {
			return err
		}
		return putUpload(tx, done)
	})
	if err != nil {
		return wire.UploadReply{}, err
	}
	os.Remove(r.partFile(row.Media.ID))
	r.metrics.uploads.WithLabelValues("ready").Inc()
	return wire.UploadReply{Offset: row.Size, Media: &done.Media}, nil
}

// judge looks whether the file is the one that was offered, and what it is.
func (r *Relay) judge(ctx context.Context, row uploadRow) (rep media.Report, kind inbox.MessageKind, err error) {
	file, err := os.Open(r.partFile(row.Media.ID))
	if err != nil {
		return rep, kind, fmt.Errorf("opening a handed over file: %w", err)
	}
	defer file.Close()
	src, err := openSealed(ctx, r.vault, row.part(), file, true)
	if err != nil {
		return rep, kind, err
	}
	if src.size != row.Size {
		return rep, kind, errDamaged
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(src, 0, src.size)); err != nil {
		return rep, kind, err
	}
	if !bytes.Equal(sum.Sum(nil), row.Digest) {
		return rep, kind, fmt.Errorf("comparing a digest: %w", media.ErrBroken) // it changed while it was handed over
	}
	if kind = row.Kind; kind == 0 {
		if kind, err = guess(src); err != nil {
			return rep, kind, err
		}
	}
	rep, err = r.keepClean(ctx, row.Contact, row.Media.ID, src, row.declared(kind))
	return rep, kind, err
}

// guess tells from a file's first bytes as what it can be sent.
func guess(src io.ReaderAt) (inbox.MessageKind, error) {
	head := make([]byte, 512)
	n, err := src.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	head = head[:n]
	switch { // the kinds of files the Cloud API takes as anything but a document
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")), bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return inbox.Image, nil
	case n > 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return inbox.Sticker, nil
	case n > 12 && string(head[4:8]) == "ftyp" && string(head[8:11]) == "M4A":
		return inbox.Audio, nil
	case n > 12 && string(head[4:8]) == "ftyp" && binary.BigEndian.Uint32(head) <= 512:
		return inbox.Video, nil
	case bytes.HasPrefix(head, []byte("OggS")), bytes.HasPrefix(head, []byte("ID3")), bytes.HasPrefix(head, []byte("#!AMR")):
		return inbox.Audio, nil
	}
	return inbox.Document, nil
}
