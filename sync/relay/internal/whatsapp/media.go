package whatsapp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// MediaInfo is where a file can be fetched, for five minutes from the answer on.
type MediaInfo struct {
	unprintable
	ID   MediaID
	URL  MediaURL
	MIME string
	// SHA256 is the digest Meta announces, 32 bytes; nil when it gave none.
	SHA256 []byte
	// Size is in bytes, 0 when unknown.
	Size int64
}

// MediaInfo asks where the file is. The number must be the one the file came to.
func (c *Client) MediaInfo(ctx context.Context, phoneNumberID string, id MediaID) (MediaInfo, error) {
	u, err := c.mediaURL(phoneNumberID, id)
	if err != nil {
		return MediaInfo{}, err
	}
	var answer struct {
		URL    string          `json:"url"`
		MIME   string          `json:"mime_type"`
		SHA256 string          `json:"sha256"`
		Size   json.RawMessage `json:"file_size"` // a number, or a string of digits
	}
	if err := c.get(ctx, u, &answer); err != nil {
		return MediaInfo{}, err
	}
	size, _ := strconv.ParseInt(strings.Trim(string(answer.Size), `"`), 10, 64)
	return MediaInfo{
		ID: id, URL: NewMediaURL(answer.URL), MIME: answer.MIME, SHA256: parseDigest(answer.SHA256), Size: size,
	}, nil
}

func (c *Client) mediaURL(phoneNumberID string, id MediaID) (*url.URL, error) {
	u, err := c.url(id.Reveal())
	if err != nil {
		return nil, err
	}
	u.RawQuery = url.Values{"phone_number_id": {phoneNumberID}}.Encode()
	return u, nil
}

// MediaDownload writes the file to w and returns its length. It stops with [ErrMediaTooLarge] before writing more than
// limit bytes, and with [ErrMediaDigest] when the bytes do not have info's digest (a nil digest is not checked). Discard
// what was written on any error.
func (c *Client) MediaDownload(ctx context.Context, info MediaInfo, w io.Writer, limit int64) (int64, error) {
	u, err := url.Parse(info.URL.Reveal())
	if err != nil || !c.isMediaHost(u) {
		return 0, ErrMediaHost
	}
	if info.Size > limit {
		return 0, ErrMediaTooLarge
	}
	ctx, cancel := context.WithTimeout(ctx, c.mediaTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, ErrMediaHost
	}
	c.authorise(req)
	res, err := c.http.Do(req)
	if err != nil {
		return 0, transportError(req, err, nil)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		return 0, apiError(res, answer)
	}
	if res.ContentLength > limit {
		return 0, ErrMediaTooLarge
	}
	sum := sha256.New()
	in := &countingReader{r: io.LimitReader(res.Body, limit)}
	if _, err := io.Copy(io.MultiWriter(w, sum), in); err != nil {
		if in.err != nil {
			return in.n, transportError(req, in.err, nil)
		}
		return in.n, fmt.Errorf("writing media: %w", err)
	}
	if in.n == limit {
		if n, _ := io.ReadFull(res.Body, make([]byte, 1)); n > 0 {
			return in.n, ErrMediaTooLarge
		}
	}
	if info.SHA256 != nil && !bytes.Equal(sum.Sum(nil), info.SHA256) {
		return in.n, ErrMediaDigest
	}
	return in.n, nil
}

// countingReader remembers how much was read and whether reading, rather than writing, went wrong.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// isMediaHost reports whether u may be given the token.
func (c *Client) isMediaHost(u *url.URL) bool {
	if !confidential(u) || u.User != nil {
		return false
	}
	if u.Host == c.base.Host && u.Scheme == c.base.Scheme {
		return true
	}
	if u.Scheme != "https" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, h := range c.mediaHosts {
		if host == h || strings.HasSuffix(host, "."+h) {
			return true
		}
	}
	return false
}

// MediaUpload stores a file at Meta for 30 days, to be sent with [SendMedia]. The name a customer sees is that of
// SendMedia; Meta is given a neutral one. mime is the bare type, such as "image/jpeg".
func (c *Client) MediaUpload(ctx context.Context, phoneNumberID, mime string, file io.Reader) (MediaID, error) {
	u, err := c.url(phoneNumberID, "media")
	if err != nil {
		return MediaID{}, err
	}
	if strings.ContainsAny(mime, "\r\n\"") || !strings.Contains(mime, "/") {
		return MediaID{}, fmt.Errorf("%w: not a media type", ErrRequest)
	}
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		// Streaming keeps a document of 100 MB out of memory; the pipe carries an error of the file to the request.
		_ = pw.CloseWithError(func() error {
			if err := form.WriteField("messaging_product", "whatsapp"); err != nil {
				return err
			}
			if err := form.WriteField("type", mime); err != nil {
				return err
			}
			part, err := form.CreatePart(textproto.MIMEHeader{
				"Content-Disposition": {`form-data; name="file"; filename="file"`},
				"Content-Type":        {mime},
			})
			if err != nil {
				return err
			}
			if _, err := io.Copy(part, file); err != nil {
				return err
			}
			return form.Close()
		}())
	}()
	defer func() { _ = pr.Close() }() // ends the goroutine when the request ends early
	ctx, cancel := context.WithTimeout(ctx, c.mediaTimeout)
	defer cancel()
	var touched atomic.Bool
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), sentinelBody{pr, &touched})
	if err != nil {
		return MediaID{}, fmt.Errorf("%w: request cannot be made", ErrRequest)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	var answer struct {
		ID string `json:"id"`
	}
	if err := c.do(req, &touched, &answer); err != nil {
		return MediaID{}, err
	}
	if answer.ID == "" {
		return MediaID{}, &TransportError{Outcome: OutcomeUnknown}
	}
	return NewMediaID(answer.ID), nil
}

// MediaDelete removes a file from Meta's store.
func (c *Client) MediaDelete(ctx context.Context, phoneNumberID string, id MediaID) error {
	u, err := c.mediaURL(phoneNumberID, id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, u.String(), nil)
	if err != nil {
		return fmt.Errorf("%w: request cannot be made", ErrRequest)
	}
	return c.do(req, nil, &struct{}{})
}
