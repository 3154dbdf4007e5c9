package ui

import "time"

// An Update is what is known of newer versions of the app. Its zero value: there is none, or nobody looked.
type Update struct {
	State   UpdateState
	Version string            // the one that is offered
	Notes   map[string]string // what is new in it, by language
	Minimum string            // with TooOld: the least version that is allowed
	TooOld  bool              // the version that runs is below it
	System  string            // a newer version needs this version of the operating system; "" when there is none
	Auto    bool              // it is installed without anybody doing anything; else by IT
	Ready   bool              // a newer version is installed already, and runs at the next start
	Looked  time.Time         // when the feed was last found in order; zero: never in this run
}

// An UpdateState says what came of looking for updates.
type UpdateState uint8

// The states.
const (
	UpdateUnknown UpdateState = iota // nobody looked yet, or the server did not answer
	UpdateCurrent                    // none is newer
	UpdateOffered
	UpdateStale   // the feed has run out: nothing is offered
	UpdateRefused // the feed is not what was signed: nothing is offered
	UpdateOff     // the organisation does not want the app to look
)

// updateNotice is what the strip says of updates when nothing is more urgent; seen is the version, or the word for the trouble,
// whose notice the reader has opened in this run. What is too old cannot be put aside.
func updateNotice(u Update, seen string) StatusView {
	about := word("update.more")
	switch {
	case u.TooOld && u.Ready:
		return StatusView{Icon: "update", Tone: ToneDanger, Text: word("update.tooold.ready"), Action: about}
	case u.TooOld:
		return StatusView{Icon: "update", Tone: ToneDanger, Text: word("update.tooold", "Version", u.Minimum), Action: about}
	case u.id() == seen:
		return StatusView{}
	case u.Ready:
		return StatusView{Icon: "update", Tone: ToneInfo, Text: word("update.ready"), Action: about}
	case u.State == UpdateOffered:
		return StatusView{Icon: "update", Tone: ToneInfo, Text: word("update.offered", "Version", u.Version), Action: about}
	case u.State == UpdateStale:
		return StatusView{Icon: "clock", Tone: ToneWarn, Text: word("update.stale"), Action: about}
	case u.State == UpdateRefused:
		return StatusView{Icon: "shield", Tone: ToneDanger, Text: word("update.refused"), Action: about}
	}
	return StatusView{}
}

// id names what a notice is about.
func (u Update) id() string {
	switch {
	case u.Ready:
		return "ready"
	case u.State == UpdateOffered:
		return u.Version
	case u.State == UpdateStale:
		return "stale"
	case u.State == UpdateRefused:
		return "refused"
	}
	return ""
}

// An UpdateView is the sheet behind the notice.
type UpdateView struct {
	Title  string
	Notice *StatusView // what must not be passed over; nil for nothing
	Text   string      // who does what
	Notes  string      // what is new; "" for nothing to say
	Detail string      // versions and times
}

// updateView says what is to be known about updates, in a language. running is this app's own version.
func updateView(u Update, running, language string, c clockText) UpdateView {
	v := UpdateView{Title: word("update.title"), Detail: word("update.running", "Version", running)}
	if !u.Looked.IsZero() {
		v.Detail += " · " + word("update.looked", "Time", c(u.Looked))
	}
	if u.TooOld {
		v.Notice = &StatusView{Icon: "update", Tone: ToneDanger, Text: word("update.tooold.text", "Version", u.Minimum)}
	}
	switch u.State {
	case UpdateOffered:
		v.Title = word("update.title.version", "Version", u.Version)
		v.Text = word("update.by.it")
		if u.Auto {
			v.Text = word("update.by.itself")
		}
		if v.Notes = u.Notes[language]; v.Notes == "" {
			v.Notes = u.Notes["en"]
		}
		if !u.TooOld {
			v.Text += " " + word("update.nothing")
		}
		v.Text += " " + word("update.verified")
	case UpdateStale:
		v.Text = word("update.stale.text")
	case UpdateRefused:
		v.Notice = &StatusView{Icon: "shield", Tone: ToneDanger, Text: word("update.refused")}
		v.Text = word("update.refused.text")
	case UpdateCurrent:
		v.Text = word("update.current")
	case UpdateOff:
		v.Text = word("update.off")
	default:
		v.Text = word("update.unknown")
	}
	if u.Ready {
		v.Text = word("update.ready.text")
	}
	if u.System != "" {
		v.Text += " " + word("update.system", "Version", u.System)
	}
	return v
}

// clockText says when something was.
type clockText func(time.Time) string
