package audit

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// recordWriter returns what writes a record in the format asked for.
func recordWriter(opt ExportOptions) (func(io.Writer, *record) error, error) {
	switch opt.Format {
	case JSONLines:
		return writeJSON, nil
	case CEF:
		return func(w io.Writer, r *record) error { return writeCEF(w, r, opt.Version) }, nil
	}
	return nil, ErrFormat
}

func writeJSON(w io.Writer, r *record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// The Common Event Format (ArcSight, version 0): seven heads between bars, then key=value. In a head \ and | are written
// with a \ before them; in a value \ and =, and a line's end is \n.
var (
	cefHead  = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefValue = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)

const (
	cefBegin = "CEF:0|Sealdesk|sealdesk-relay|"
	// cefChain begins the class of the records that hold the state of the chain; they carry it as JSON in msg.
	cefChain = "audit-export."
)

// The names our fields have in CEF's dictionary. What it has no name for goes into the custom fields, with labels.
const (
	cefTime, cefNumber, cefActor      = "rt", "externalId", "suid"
	cefShard, cefDevice, cefObject    = "cs1", "cs2", "cs3"
	cefDetail, cefHash, cefReason     = "cs4", "cs5", "cs6"
	cefRefused, cefBack, cefOutcome   = "cn1", "cn2", "outcome"
	cefSucceeded, cefFailed, cefState = "success", "failure", "msg"
)

var cefLabels = map[string]string{
	cefShard: "shard", cefDevice: "device", cefObject: "object", cefDetail: "detail", cefHash: "entryHash", cefReason: "sealedReason",
	cefRefused: "refusal", cefBack: "clockBackMs",
}

func writeCEF(w io.Writer, r *record, version string) error {
	var b strings.Builder
	head := func(class, name string, severity int) {
		b.WriteString(cefBegin)
		for _, s := range []string{version, class, name, strconv.Itoa(severity)} {
			b.WriteString(cefHead.Replace(s))
			b.WriteByte('|')
		}
	}
	gap := ""
	field := func(key, value string) {
		if value == "" {
			return
		}
		b.WriteString(gap + key + "=" + cefValue.Replace(value))
		if label := cefLabels[key]; label != "" {
			b.WriteString(" " + key + "Label=" + label)
		}
		gap = " "
	}
	if r.Kind != recordEntry {
		state, err := json.Marshal(r)
		if err != nil {
			return err
		}
		head(cefChain+r.Kind, "state of the audit log", 1)
		field(cefShard, r.Shard)
		field(cefState, string(state))
	} else {
		at, err := time.Parse(stampLayout, r.At)
		if err != nil {
			return ErrRow
		}
		severity, outcome, refused := 3, cefSucceeded, ""
		if r.Refused != 0 {
			severity, outcome, refused = 6, cefFailed, strconv.Itoa(int(r.Refused))
		}
		if Act(r.Act) == GuardAlerted || Act(r.Act) == RevealMany {
			severity = 8
		}
		head(r.Act, strings.NewReplacer(".", " ", "-", " ").Replace(r.Act), severity)
		field(cefTime, strconv.FormatInt(int64(inbox.At(at)), 10))
		field(cefNumber, strconv.FormatUint(r.Number, 10))
		field(cefActor, r.Actor)
		field(cefOutcome, outcome)
		field(cefShard, r.Shard)
		field(cefDevice, r.Device)
		field(cefObject, r.Object)
		field(cefDetail, r.Detail)
		field(cefHash, r.Hash.String())
		field(cefReason, base64.StdEncoding.EncodeToString(r.Reason))
		field(cefRefused, refused)
		if r.Back != 0 {
			field(cefBack, strconv.FormatInt(r.Back, 10))
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
