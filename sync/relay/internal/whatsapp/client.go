package whatsapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultBaseURL and DefaultVersion are where and what [NewClient] speaks unless told otherwise.
const (
	DefaultBaseURL = "https://graph.facebook.com"
	DefaultVersion = "v25.0"
)

// maxAnswer is more than any answer of the routes we use; what is longer is not from Meta.
const maxAnswer = 1 << 20

// Config says how to reach the Graph API. Only Token is required.
type Config struct {
	// BaseURL is scheme and host, https unless the host is a loopback address. "" is [DefaultBaseURL].
	BaseURL string
	// Version is a path element such as "v25.0". "" is [DefaultVersion].
	Version string
	Token   Token
	// Timeout bounds a request without a file, from dialling to the last byte of the answer. 0 is 20 seconds.
	Timeout time.Duration
	// MediaTimeout bounds a request with a file. 0 is 2 minutes.
	MediaTimeout time.Duration
	// MediaHosts are domains, besides that of BaseURL, which may be given the token to fetch files from; subdomains
	// included. nil is Meta's own.
	MediaHosts []string
	// Transport carries the requests. nil is one of our own, which honours the proxy settings of the environment.
	Transport http.RoundTripper
}

// Client posts to the Graph API on behalf of one token. It never repeats a request that changes anything, follows no
// redirect, and shows the token only to BaseURL and the media hosts. It may be used by many goroutines.
type Client struct {
	base         *url.URL
	version      string
	token        Token
	timeout      time.Duration
	mediaTimeout time.Duration
	mediaHosts   []string
	http         *http.Client
}

// NewClient checks cfg and returns a client. It opens no connection.
func NewClient(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("whatsapp: base URL must be scheme and host")
	}
	if !confidential(base) {
		return nil, errors.New("whatsapp: base URL must be https, or http on a loopback address")
	}
	if !plainPath(cfg.Version) {
		return nil, errors.New("whatsapp: version must be a word such as v25.0")
	}
	if cfg.Token.IsZero() {
		return nil, errors.New("whatsapp: no access token")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 20 * time.Second
	}
	if cfg.MediaTimeout <= 0 {
		cfg.MediaTimeout = 2 * time.Minute
	}
	if cfg.MediaHosts == nil {
		cfg.MediaHosts = []string{"fbsbx.com", "facebook.com", "fbcdn.net", "whatsapp.net"}
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          128,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       60 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}
	}
	return &Client{
		base: base, version: cfg.Version, token: cfg.Token,
		timeout: cfg.Timeout, mediaTimeout: cfg.MediaTimeout, mediaHosts: cfg.MediaHosts,
		http: &http.Client{
			Transport: cfg.Transport,
			// A redirect would carry the token or the message to a place nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// confidential reports whether a token may travel to u.
func confidential(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return true
	case "http":
		host := u.Hostname()
		ip, err := netip.ParseAddr(host)
		return host == "localhost" || err == nil && ip.IsLoopback()
	}
	return false
}

// plainPath reports whether s can stand as one path element unescaped.
func plainPath(s string) bool {
	if s == "" || len(s) > 256 || strings.Trim(s, ".") == "" {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func (c *Client) url(elements ...string) (*url.URL, error) {
	for _, e := range elements {
		if !plainPath(e) {
			return nil, fmt.Errorf("%w: id is not a path element", ErrRequest)
		}
	}
	return c.base.JoinPath(append([]string{c.version}, elements...)...), nil
}

// sentinelBody notices when the transport begins to read it: until then no complete request can have left.
type sentinelBody struct {
	io.Reader
	touched *atomic.Bool
}

func (b sentinelBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	return b.Reader.Read(p)
}

func (sentinelBody) Close() error { return nil }

// post sends a JSON body and decodes the answer into out.
func (c *Client) post(ctx context.Context, u *url.URL, body, out any) error {
	return c.send(ctx, http.MethodPost, u, body, out)
}

// change is post, or another method, where all Meta says to it is whether it worked.
func (c *Client) change(ctx context.Context, method string, u *url.URL, body any) error {
	var answer struct {
		Success bool `json:"success"`
	}
	if err := c.send(ctx, method, u, body, &answer); err != nil {
		return err
	}
	if !answer.Success {
		return &TransportError{Outcome: OutcomeUnknown}
	}
	return nil
}

// send sends a JSON body, none for nil, and decodes the answer into out.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body, out any) error {
	if body == nil {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return fmt.Errorf("%w: request cannot be made", ErrRequest)
		}
		return c.do(req, nil, out)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%w: body cannot be encoded", ErrRequest)
	}
	var touched atomic.Bool
	open := func() io.ReadCloser { return sentinelBody{bytes.NewReader(b), &touched} }
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), open())
	if err != nil {
		return fmt.Errorf("%w: request cannot be made", ErrRequest)
	}
	req.ContentLength = int64(len(b))
	// The transport may use this once: when a kept connection turns out to be dead before a single byte was written.
	req.GetBody = func() (io.ReadCloser, error) { return open(), nil }
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, &touched, out)
}

// do sends req and decodes a JSON answer into out. Errors are *APIError or *TransportError.
func (c *Client) do(req *http.Request, touched *atomic.Bool, out any) error {
	c.authorise(req)
	res, err := c.http.Do(req)
	if err != nil {
		return transportError(req, err, touched)
	}
	defer drain(res.Body)
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if res.StatusCode != http.StatusOK {
		return apiError(res, answer)
	}
	if err != nil {
		return transportError(req, err, nil)
	}
	if len(answer) > maxAnswer || json.Unmarshal(answer, out) != nil {
		return &TransportError{Outcome: OutcomeUnknown} // accepted by somebody, but not in Meta's words
	}
	return nil
}

func (c *Client) authorise(req *http.Request) {
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	req.Header.Set("User-Agent", "sealdesk-relay")
}

// transportError classifies a request without an answer; touched nil means that it had certainly left.
func transportError(req *http.Request, err error, touched *atomic.Bool) error {
	var timeout interface{ Timeout() bool }
	t := &TransportError{Outcome: OutcomeUnknown}
	t.Timeout = req.Context().Err() != nil || errors.As(err, &timeout) && timeout.Timeout()
	if touched != nil && !touched.Load() {
		t.Outcome = OutcomeNotSent
	}
	return t
}

// drain reads a little so that the connection can be kept, then closes.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 4<<10)
	_ = body.Close()
}

func apiError(res *http.Response, answer []byte) error {
	var doc struct {
		Error *struct {
			Code    int `json:"code"`
			Subcode int `json:"error_subcode"`
		} `json:"error"`
	}
	e := &APIError{HTTPStatus: res.StatusCode, Class: ClassUnknown, RetryAfter: retryAfter(res.Header)}
	if json.Unmarshal(answer, &doc) == nil && doc.Error != nil {
		e.Code, e.Subcode, e.Class = doc.Error.Code, doc.Error.Subcode, ClassOf(doc.Error.Code)
	}
	if e.Class != ClassUnknown {
		return e
	}
	switch s := res.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Class = ClassAuth
	case s == http.StatusForbidden:
		e.Class = ClassPermission
	case s == http.StatusTooManyRequests:
		e.Class = ClassRate
	case s == http.StatusNotFound && doc.Error == nil:
		e.Class = ClassSetup // no such route: the address or the version of the API is wrong
	case s >= 500:
		e.Class = ClassService
	}
	return e
}

func retryAfter(h http.Header) time.Duration {
	s, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || s < 0 || s > 86400 {
		return 0
	}
	return time.Duration(s) * time.Second
}

func (c *Client) get(ctx context.Context, u *url.URL, out any) error {
	return c.send(ctx, http.MethodGet, u, nil, out)
}

// pages reads a listing to its end and hands out each element. Meta names a next page only sometimes, so the listing
// goes on while pages are full and cursors move.
func pages[T any](ctx context.Context, c *Client, u *url.URL, each func(T)) error {
	q := u.Query()
	q.Set("limit", strconv.Itoa(pageSize))
	for range maxPages {
		var page struct {
			Data   []T `json:"data"`
			Paging struct {
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
				Next string `json:"next"`
			} `json:"paging"`
		}
		u.RawQuery = q.Encode()
		if err := c.get(ctx, u, &page); err != nil {
			return err
		}
		for _, v := range page.Data {
			each(v)
		}
		after := page.Paging.Cursors.After
		switch {
		case len(page.Data) == 0, after == "", after == q.Get("after"):
			return nil
		case page.Paging.Next == "" && len(page.Data) < pageSize:
			return nil
		}
		q.Set("after", after)
	}
	return ErrListing
}
