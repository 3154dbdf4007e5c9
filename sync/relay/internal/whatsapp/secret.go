package whatsapp

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// secret holds a string that must not be printed by accident. The pointer matters: package fmt cannot call methods on
// unexported fields and would show a plain string there, but of a pointer it shows the address. The zero-size func array
// forbids ==, which would compare addresses.
type secret struct {
	_ [0]func()
	v *string
}

func hide(s string) secret {
	if s == "" {
		return secret{}
	}
	return secret{v: &s}
}

// Reveal returns the true value, "" for the zero value. Every call is a place to review.
func (s secret) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// IsZero reports whether there is no value.
func (s secret) IsZero() bool { return s.v == nil }

// String returns "[redacted]".
func (s secret) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (s secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (s secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]": requests to Meta are built from Reveal, everything else that marshals is a leak.
func (s secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (s secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// unprintable, embedded in a struct, keeps fmt, slog and JSON from showing any of its fields.
type unprintable struct{}

// String returns "[redacted]".
func (unprintable) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (unprintable) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (unprintable) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]".
func (unprintable) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (unprintable) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Token is the bearer token of the Graph API. Its zero value authorises nothing.
type Token struct{ secret }

// NewToken hides s.
func NewToken(s string) Token { return Token{hide(s)} }

// AppSecret is the key under which Meta signs webhooks. Its zero value verifies nothing.
type AppSecret struct{ secret }

// NewAppSecret hides s.
func NewAppSecret(s string) AppSecret { return AppSecret{hide(s)} }

// VerifyToken is the word agreed with Meta's console for the webhook handshake. Its zero value matches nothing.
type VerifyToken struct{ secret }

// NewVerifyToken hides s.
func NewVerifyToken(s string) VerifyToken { return VerifyToken{hide(s)} }

// Phone is a person's telephone number as Meta writes it: digits, country code first, no plus.
type Phone struct{ secret }

// NewPhone hides s.
func NewPhone(s string) Phone { return Phone{hide(s)} }

// Equal reports whether both hold the same value.
func (p Phone) Equal(o Phone) bool { return p.Reveal() == o.Reveal() }

// WaID is a WhatsApp account's id. It is nearly always the telephone number; in some countries it differs from it.
type WaID struct{ secret }

// NewWaID hides s.
func NewWaID(s string) WaID { return WaID{hide(s)} }

// Equal reports whether both hold the same value.
func (w WaID) Equal(o WaID) bool { return w.Reveal() == o.Reveal() }

// UserID is a business-scoped user id (BSUID): a country code, a dot and up to 128 letters and digits. It changes when
// the person changes number.
type UserID struct{ secret }

// NewUserID hides s.
func NewUserID(s string) UserID { return UserID{hide(s)} }

// Equal reports whether both hold the same value.
func (u UserID) Equal(o UserID) bool { return u.Reveal() == o.Reveal() }

// Username is a person's WhatsApp handle. Whoever knows it can write to the person, so it is as secret as a number.
type Username struct{ secret }

// NewUsername hides s.
func NewUsername(s string) Username { return Username{hide(s)} }

// Equal reports whether both hold the same value.
func (u Username) Equal(o Username) bool { return u.Reveal() == o.Reveal() }

// Name is a person's name as they wrote it in their profile. It may be anything, a telephone number included.
type Name struct{ secret }

// NewName hides s.
func NewName(s string) Name { return Name{hide(s)} }

// Equal reports whether both hold the same value.
func (n Name) Equal(o Name) bool { return n.Reveal() == o.Reveal() }

// MessageID is Meta's id of a message, a wamid. It is base64 of a record that holds the customer's number in plain digits.
type MessageID struct{ secret }

// NewMessageID hides s.
func NewMessageID(s string) MessageID { return MessageID{hide(s)} }

// Equal reports whether both hold the same value.
func (m MessageID) Equal(o MessageID) bool { return m.Reveal() == o.Reveal() }

// MediaID names a file at Meta: 7 days when it came by webhook, 30 days when we uploaded it.
type MediaID struct{ secret }

// NewMediaID hides s.
func NewMediaID(s string) MediaID { return MediaID{hide(s)} }

// Equal reports whether both hold the same value.
func (m MediaID) Equal(o MediaID) bool { return m.Reveal() == o.Reveal() }

// MediaURL is where a file can be fetched with the bearer token, for five minutes.
type MediaURL struct{ secret }

// NewMediaURL hides s.
func NewMediaURL(s string) MediaURL { return MediaURL{hide(s)} }

// Equal reports whether both hold the same value.
func (m MediaURL) Equal(o MediaURL) bool { return m.Reveal() == o.Reveal() }

// GroupID names a WhatsApp group.
type GroupID struct{ secret }

// NewGroupID hides s.
func NewGroupID(s string) GroupID { return GroupID{hide(s)} }

// Equal reports whether both hold the same value.
func (g GroupID) Equal(o GroupID) bool { return g.Reveal() == o.Reveal() }

// Raw is JSON exactly as Meta wrote it, aliasing the decoded body. It prints as "[redacted]".
type Raw []byte

// Reveal returns the bytes, not a copy.
func (r Raw) Reveal() []byte { return r }

// String returns "[redacted]".
func (r Raw) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (r Raw) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns the size alone.
func (r Raw) LogValue() slog.Value { return slog.GroupValue(slog.Int("bytes", len(r))) }

// MarshalJSON returns "[redacted]".
func (r Raw) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (r Raw) MarshalText() ([]byte, error) { return []byte(redacted), nil }
