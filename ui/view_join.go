package ui

import "errors"

// A JoinView is the card that sets up a device by signing in.
type JoinView struct {
	Company string // whose server it is
	Server  string // where, and the key it shows
	Trouble string // why it is not reached
	Tone    Tone
}

// joinView says how far it has come: at what is known of the server so far, err why the last try failed.
func joinView(at Enrolling, err error, known *KnownServer) JoinView {
	v := JoinView{Company: at.Company, Server: at.Server}
	if v.Company == "" {
		v.Company = word("join.company")
	}
	if v.Server == "" && known != nil {
		v.Server = known.Address
	}
	if at.Pin != "" && at.Step >= EnrolServer {
		v.Server += " · " + at.Pin
	}
	if err == nil {
		return v
	}
	v.Tone = ToneWarn
	switch troubleOf(err) {
	case TroubleUnreachable:
		v.Trouble = word("enrol.err.unreachable")
	case TroubleCertificate:
		v.Trouble, v.Tone = word("enrol.err.certificate.title"), ToneDanger
		var m Mismatch
		if errors.As(err, &m) {
			v.Trouble += ". " + word("enrol.err.certificate.both", "Want", m.Want, "Got", m.Got)
		}
	case TroubleClock:
		v.Trouble = word("enrol.err.clock")
	case TroubleKeyring:
		v.Trouble = word("start.keyring.text")
	case TroubleServer:
		v.Trouble = word("enrol.err.server")
	default:
		v.Trouble = word("enrol.err.unknown")
	}
	return v
}
