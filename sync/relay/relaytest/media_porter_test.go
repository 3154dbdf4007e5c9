package relaytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/internal/media"
	"sealdesk/sync/wire"
)

const (
	mediaCanary = "CANARY-51.5N-0.1W-telephone-0042"
	nameCanary  = "canaryfilename"
)

// photograph is a JPEG of noise, so large that it travels in many pieces, that says where and with what it was taken.
func photograph(side int) []byte {
	src := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			m.SetNRGBA(x, y, color.NRGBA{byte(src.Uint32()), byte(src.Uint32()), byte(x), 255})
		}
	}
	var b bytes.Buffer
	if jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}) != nil {
		panic("a picture cannot be encoded")
	}
	exif := "Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x31\xa4\x02\x00" + string(rune(len(mediaCanary))) + "\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00" + mediaCanary
	return append(append([]byte{0xff, 0xd8, 0xff, 0xe1, byte((len(exif) + 2) >> 8), byte(len(exif) + 2)}, exif...), b.Bytes()[2:]...)
}

// paper is a text of so many bytes without a repetition.
func paper(size int) []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < size; n++ {
		fmt.Fprintf(&b, "%d Position %x\n", n, sha256.Sum256(strconv.AppendInt(nil, int64(n), 10)))
	}
	return b.Bytes()[:size]
}

func cleaned(t *testing.T, file []byte, d media.Declared) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := media.Clean(t.Context(), &b, bytes.NewReader(file), int64(len(file)), d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A porter carries files for a device, one request at a time, as strictly as the contract is written.
type porter struct {
	t    *testing.T
	c    *Company
	d    *Device
	http *http.Client
}

func (c *Company) porter(t *testing.T, d *Device) *porter {
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true, ExpectContinueTimeout: 5 * time.Second,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			cert, err := x509.ParseCertificate(raw[0])
			if err == nil && wire.PinOf(cert.RawSubjectPublicKeyInfo) != d.Enrolled.Pin {
				err = errors.New("not the relay")
			}
			return err
		}}}
	t.Cleanup(tr.CloseIdleConnections)
	return &porter{t: t, c: c, d: d, http: &http.Client{Transport: tr, Timeout: time.Minute}}
}

func ask[A inbox.Answer](p *porter, q inbox.Question) (a A, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		got, err := p.d.Engine.Ask(ctx, q)
		if errors.Is(err, engine.ErrOffline) && ctx.Err() == nil { // the relay was just started
			p.d.Engine.Nudge()
			time.Sleep(20 * time.Millisecond) // a real process starts
			continue
		}
		if err != nil {
			return a, err
		}
		return got.(A), nil
	}
}

func (p *porter) ticket(c inbox.ConversationID, m inbox.Message) inbox.Ticket {
	p.t.Helper()
	k, err := ask[inbox.Ticket](p, inbox.FetchMedia{Conversation: c, Message: m.ID, Media: m.Media.ID})
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

// get uses a ticket from a place on and reads at most so many bytes; -1 is all.
func (p *porter) get(path string, from int64, most int64) (*http.Response, []byte) {
	p.t.Helper()
	q, err := http.NewRequest(http.MethodGet, "https://"+p.c.Address+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if from > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	res, err := p.http.Do(q)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body := io.Reader(res.Body)
	if most >= 0 {
		body = io.LimitReader(body, most)
	}
	b, err := io.ReadAll(body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		p.t.Fatal(err)
	}
	return res, b
}

// errCut is what ends a file in the middle.
var errCut = errors.New("the connection broke")

// cutting reads a file and breaks after some bytes; slowly, if that is wished.
type cutting struct {
	b     []byte
	left  int
	pause time.Duration
}

func (c *cutting) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errCut
	}
	n := copy(p[:min(len(p), c.left, 64<<10)], c.b)
	if n == 0 {
		return 0, io.EOF
	}
	c.b, c.left = c.b[n:], c.left-n
	time.Sleep(c.pause) // the other end is a real process on a slow network
	return n, nil
}

// put uses an upload's ticket and breaks the connection after so many bytes; -1 is never.
func (p *porter) put(u inbox.UploadTicket, file []byte, most int, pause time.Duration) (status int, reply wire.UploadReply, err error) {
	p.t.Helper()
	rest := file[u.Offset:]
	if most < 0 || most > len(rest) {
		most = len(rest) + 1
	}
	q, err := http.NewRequest(http.MethodPut, "https://"+p.c.Address+u.Path, &cutting{b: rest, left: most, pause: pause})
	if err != nil {
		p.t.Fatal(err)
	}
	q.ContentLength = int64(len(rest))
	q.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", u.Offset, len(file)-1, len(file)))
	q.Header.Set("Expect", "100-continue")
	res, err := p.http.Do(q)
	if err != nil {
		return 0, reply, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, reply, err
	}
	if res.Header.Get("Content-Type") == "application/cbor" {
		if reply, err = wire.DecodeUploadReply(b); err != nil {
			p.t.Fatal(err)
		}
	}
	return res.StatusCode, reply, nil
}

func offerOf(c inbox.ConversationID, name, kind string, file []byte) inbox.OfferMedia {
	sum := sha256.Sum256(file)
	return inbox.OfferMedia{Conversation: c, Name: name, Type: kind, Size: int64(len(file)), Digest: sum[:]}
}

// handOver hands a whole file over at once and returns what became of it.
func (p *porter) handOver(q inbox.OfferMedia, file []byte) (inbox.Media, error) {
	p.t.Helper()
	u, err := ask[inbox.UploadTicket](p, q)
	if err != nil {
		return inbox.Media{}, err
	}
	status, reply, err := p.put(u, file, -1, 0)
	switch {
	case err != nil:
		p.t.Fatal(err)
	case reply.Refusal != inbox.Granted:
		return inbox.Media{}, reply.Refusal
	case status != http.StatusOK || reply.Media == nil || reply.Media.ID != u.Media || reply.Offset != q.Size:
		p.t.Fatalf("status %d, %+v", status, reply)
	}
	return *reply.Media, nil
}

// atMeta returns a file as the customer's telephone would fetch it.
func atMeta(t *testing.T, c *Company, id string) []byte {
	t.Helper()
	fetch := func(url string) []byte {
		q, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+Token)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v", res.StatusCode, err)
		}
		return b
	}
	var info struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(fetch(c.Config.WhatsApp.API+"/"+c.Config.WhatsApp.Version+"/"+id), &info); err != nil {
		t.Fatal(err)
	}
	return fetch(info.URL)
}

// settled waits until every file of the customers is fetched or given up, and returns the messages of the one conversation.
func settled(d *Device, n int) (id inbox.ConversationID, all []inbox.Message) {
	d.t.Helper()
	d.Await("the files", func() bool {
		if len(d.Rows()) == 0 {
			return false
		}
		id = d.Rows()[0].ID
		all = d.Messages(id)
		if len(all) < n {
			return false
		}
		for _, m := range all {
			if m.Media != nil && m.Media.State == inbox.MediaPending {
				return false
			}
		}
		return true
	})
	return id, all
}
